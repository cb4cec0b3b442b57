"""Mode collapse: a batch against random ones."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.inspect import collapse as collapse_module
from al_lightning.inspect.collapse import DRAWS, collapse, expected_kinds
from al_lightning.inspect.counts import repeats
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.pictures import Frames
from tests.support.scenes import SCENES, frames_of, plain_repeats

quick = settings(max_examples=60, deadline=None)


def test_the_index_by_hand() -> None:
    found = collapse(frames_of(SCENES), SCENES, [0, 1, 2])
    assert (found.judged, found.share, found.scenes) == (3, pytest.approx(2 / 3), 1)
    # Of the 20 batches of three, one has all of the first scene (2 repeats), 9 have two of it (1 repeat), 10 none.
    every = [max(0, len({0, 1, 2} & set(batch)) - 1) for batch in combinations(range(6), 3)]
    assert (every.count(2), every.count(1)) == (1, 9)
    assert found.expected == pytest.approx(11 / 20 / 3, abs=4 * 0.196 / math.sqrt(200))  # its deviation is 0.196
    assert found.index == found.share - found.expected
    assert found.as_repetitive == pytest.approx(1 / 20, abs=0.06)
    assert collapse(frames_of(SCENES), SCENES, [3, 4, 5]).index == -found.expected
    # A scene is missed by C(3, 3) of C(6, 3) batches: 2 x (1 - 1/20).
    assert found.scenes_expected == pytest.approx(1.9)


def test_what_was_labelled_before_plays_no_part() -> None:
    pool = replace(SCENES, labelled=(0,))
    assert repeats(frames_of(pool), pool, [1, 3]) == [True, False]
    assert collapse(frames_of(pool), pool, [1, 3]).share == 0


def test_a_pool_without_an_order_has_no_scenes() -> None:
    seen, timed = (collapse(frames_of(SCENES), pool, [0, 1, 2]) for pool in (Pool(6), SCENES))
    assert (seen.share, seen.expected, seen.as_repetitive) == (timed.share, timed.expected, timed.as_repetitive)
    assert (seen.scenes, seen.scenes_expected) == (None, None)


@pytest.mark.parametrize("pool", [SCENES, Pool(6)])
def test_edges(pool: Pool) -> None:
    images = Frames([0, 0, 0, 0, 0, 30])
    none, one = collapse(images, pool, []), collapse(images, pool, [4])
    assert (none.judged, none.share, none.expected, none.index, none.as_repetitive) == (0, 0, 0, 0, 1)
    assert (one.judged, one.share, one.expected, one.index, one.as_repetitive) == (1, 0, 0, 0, 1)
    whole = collapse(images, pool, range(6))
    assert whole.index == pytest.approx(0)  # every random batch is the same set
    assert whole.as_repetitive == 1
    with raises(ValueError, "image 3"):
        collapse(images, replace(pool, labelled=(3,)), [3, 4])
    with raises(ValueError, "image 5"):
        collapse(images, pool, [5], [0, 1, 2])


def test_random_batches_come_from_the_candidates() -> None:
    images = frames_of(SCENES)
    assert collapse(images, SCENES, [3, 4]).expected > 0
    assert collapse(images, SCENES, [3, 4], [3, 4, 5]).expected == 0


def test_of_many_candidates_few_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collapse_module, "MAX_CANDIDATES", 40)
    monkeypatch.setattr(collapse_module, "MAX_JUDGED", 10)
    # A hundred scenes of ten frames, of which those at most 5 apart are alike.
    pool = Pool(1000, (), tuple(index // 10 for index in range(1000)), tuple(index % 10 for index in range(1000)))
    images = frames_of(pool)
    found = collapse(images, pool, range(100))
    assert found.judged == 10
    assert 0 < found.share < 1
    assert len(set(images.asked)) <= 50
    assert collapse(images, replace(pool, labelled=(999,)), range(100, 200)).judged == 10
    assert len(set(images.asked)) <= 60  # the sample is nearly the same one
    assert collapse(images, pool, range(6)).share == 5 / 6
    # Among ten of a thousand, about 45 x 9 / 999 pairs are of one scene, most of them alike; the sample has its own.
    assert 0 < found.expected < 0.15


@quick
@given(st.data())
def test_random_batches_are_counted_as_a_plain_loop_counts_them(data: st.DataObject) -> None:
    """One table of near-duplicates serves all questions, in whatever order they come."""
    frames = data.draw(st.lists(st.integers(0, 60), min_size=4, max_size=40))
    images = Frames(frames)
    for _ in range(3):
        free = np.array(sorted(data.draw(st.sets(st.integers(0, len(frames) - 1), min_size=2))))
        batch = data.draw(st.permutations(free.tolist()))[: data.draw(st.integers(2, len(free)))]
        draw = generator("random batches", len(free), len(batch))
        drawn = [free[draw.choice(len(free), len(batch), replace=False)].tolist() for _ in range(DRAWS)]
        plain = [sum(plain_repeats(frames, one)) for one in [batch, *drawn]]
        found = collapse(images, Pool(len(frames)), batch, free)
        assert found.share == plain[0] / len(batch)
        assert found.expected == pytest.approx(np.mean(plain[1:]) / len(batch))
        assert found.as_repetitive == np.mean([count >= plain[0] for count in plain[1:]])


@quick
@given(st.integers(2, 60), st.data())
def test_the_index_is_bounded_and_the_same_again(size: int, draw: st.DataObject) -> None:
    pool = Pool(size, (), tuple(index // 12 for index in range(size)), tuple(index % 12 for index in range(size)))
    chosen = draw.draw(st.lists(st.integers(0, size - 1), max_size=size, unique=True))
    found = collapse(frames_of(pool), pool, chosen)
    assert found == collapse(frames_of(pool), pool, chosen)
    assert -1 <= found.index <= 1
    assert 0 <= found.as_repetitive <= 1
    assert found.scenes_expected is not None
    assert found.scenes_expected <= min(len(chosen), len(set(pool.sequence or ()))) + 1e-9


@pytest.mark.parametrize("count", [10, 60])
def test_a_random_batch_has_no_index(count: int) -> None:
    pool = Pool(528, (), tuple(index // 12 for index in range(528)), tuple(index % 12 for index in range(528)))
    images, found = frames_of(pool), []
    for seed in range(60):
        found.append(collapse(images, pool, np.random.default_rng(seed).permutation(528)[:count].tolist()))
    assert np.mean([one.index for one in found]) == pytest.approx(0, abs=0.025)
    assert np.mean([one.as_repetitive < 0.1 for one in found]) < 0.25
    # Exactly: of the m frames of a scene in the batch the first leads, and of those more than 5 frames from it, which
    # are all alike, one. From frames 0 to 11 so many lie beyond:
    beyond = [6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 6]
    leaders = 0.0
    for m in range(1, min(12, count) + 1):
        chance = math.comb(12, m) * math.comb(516, count - m) / math.comb(528, count)
        second = np.mean([1 - math.comb(11 - far, m - 1) / math.comb(11, m - 1) for far in beyond])
        leaders += 44 * chance * (1 + second)
    assert found[0].expected == pytest.approx(1 - leaders / count, abs=0.02)


def test_expected_kinds_by_counting() -> None:
    drawn = [len({item[0] for item in batch}) for batch in combinations(["a1", "a2", "a3", "b1", "c1"], 2)]
    assert expected_kinds([3, 1, 1], 2) == pytest.approx(sum(drawn) / len(drawn))
    assert expected_kinds([3, 1, 1], 5) == 3
    assert expected_kinds([3, 1, 1], 0) == 0
    assert expected_kinds([20] * 2500, 5000) == pytest.approx(2500 * (1 - 0.9**20), rel=1e-3)  # large numbers too
