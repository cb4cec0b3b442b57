"""Why a strategy chose what it chose: repetition, agreement and maps, against numbers worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from al_lightning.inspect import collapse as collapse_module
from al_lightning.inspect.collapse import DRAWS, collapse, expected_kinds
from al_lightning.inspect.counts import repeats
from al_lightning.inspect.embedding_map import (
    Scores,
    candidate_scores,
    candidates,
    embedding_map,
    embeddings,
    layout,
    sampled,
    scores,
)
from al_lightning.inspect.overlap import overlap, overlap_of_runs
from al_lightning.pool import Pool
from al_lightning.reports.findings import Findings, gather
from al_lightning.reports.numbers import datasets
from al_lightning.reports.page import page
from al_lightning.reports.reasons import digits, score_axis
from al_lightning.runs.journal import Run, RunRecord
from al_lightning.runs.scores import SeenRows
from al_lightning.runs.store import RunStore
from al_lightning.seeding import generator
from tests.support.pictures import REACH, Frames
from tests.support.reported_runs import BATCHES, Balance, Data, Drawn, a_run, comparison, data, text_of
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
quick = settings(max_examples=60, deadline=None)
# Two scenes of three frames, 0 1 2 and 0 10 20: in the first all are near-duplicates, in the second none.
SCENES = Pool(6, (), (0, 0, 0, 1, 1, 1), (0, 1, 2, 0, 10, 20))


def frames_of(pool: Pool) -> Frames:
    """Pictures of a pool in which frames of one scene are alike up to `REACH` frames apart."""
    return Frames(pool.frame or (), pool.sequence)


def plain_repeats(frames: Sequence[int], order: Sequence[int]) -> list[bool]:
    """Whether each image repeats one before it that repeats none itself, one image after the other."""
    leaders: list[int] = []
    found = []
    for index in order:
        found.append(any(abs(frames[index] - frames[leader]) <= REACH for leader in leaders))
        leaders += [] if found[-1] else [index]
    return found


# Mode collapse


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
    with pytest.raises(ValueError, match="image 3 is in the batch but not among its candidates"):
        collapse(images, replace(pool, labelled=(3,)), [3, 4])
    with pytest.raises(ValueError, match="image 5"):
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
def test_repeats_are_those_of_a_plain_loop(data: st.DataObject) -> None:
    frames = data.draw(st.lists(st.integers(0, 60), min_size=2, max_size=30))
    order = data.draw(st.permutations(range(len(frames))))
    cut = data.draw(st.integers(0, len(frames) - 1))
    pool = Pool(len(frames), tuple(order[:cut]))
    assert repeats(Frames(frames), pool, order[cut:]) == plain_repeats(frames, order)[cut:]


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


# Agreement


def test_overlap_by_hand() -> None:
    found = overlap([1, 2, 3, 4], [3, 4, 5], range(12))
    assert (found.first, found.second, found.common) == (4, 3, 2)
    assert found.share == 2 / 4
    assert found.jaccard == 2 / 5
    assert found.expected == 1  # 4 x 3 / 12
    assert found.expected_share == 1 / 4
    # 4 x 3 x 8 x 9 / (12 x 12 x 11)
    assert found.deviation == pytest.approx(math.sqrt(864 / 1584))
    nothing = overlap([], [], range(3))
    assert (nothing.share, nothing.jaccard, nothing.expected, nothing.deviation) == (0, 0, 0, 0)
    with pytest.raises(ValueError, match="image 7 was chosen but is no candidate"):
        overlap([7], [1], range(3))


@quick
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2), st.integers(0, 5), st.integers(0, 5))
def test_chance_by_counting(size: int, other: int, apart: int, first: int, second: int) -> None:
    here, there = range(size), range(apart, apart + other)
    first, second = min(first, size), min(second, other)
    common = [len(set(a) & set(b)) for a in combinations(here, first) for b in combinations(there, second)]
    found = overlap(here[:first], there[:second], here, there)
    assert found.expected == pytest.approx(np.mean(common))
    assert found.deviation == pytest.approx(np.std(common), abs=1e-7)


def test_runs_are_compared_at_equal_budgets() -> None:
    one = a_run("s_random", 0, (1, 2, 3), [[1, 18], [7, 23]])
    two = a_run("s_entropy", 0, (1, 2, 3), [[18, 2], [1, 5]])
    first, both = overlap_of_runs(one, two, 1), overlap_of_runs(one, two, 2)
    assert first is not None
    assert both is not None
    assert (first.common, first.first, first.expected) == (1, 2, pytest.approx(2 * 2 / 22))
    assert (both.common, both.first, both.expected) == (2, 4, pytest.approx(4 * 4 / 22))
    assert overlap_of_runs(one, two, 3) is None
    assert overlap_of_runs(one, a_run("s_entropy", 0, (1, 2, 3), [[18], [1, 5]]), 2) is None
    assert overlap_of_runs(one, a_run("s_entropy", 0, (1,), []), 1) is None
    # Another seed begins from other labels: 24 - 2 - 2 images could be chosen by both.
    apart = Run(two.directory, RunRecord("s_random", 1, {"of": "s"}, 24), [3, 4], two.cycles[:2])
    found = overlap_of_runs(one, apart, 1)
    assert found is not None
    assert found.expected == pytest.approx(20 * (2 / 22) ** 2)
    listed = [set(range(24)).difference(run.initial) for run in (one, apart)]
    assert found == overlap(one.cycles[0].chosen, apart.cycles[0].chosen, *listed)


# What a selection saw


def seen_by(tmp_path: Path, value: np.ndarray, labelled: list[int], chosen: list[int], said: list[float | None]) -> Run:
    """A run of one acquisition, in a directory that holds what its selection saw."""
    run, index = a_run("street_coreset", 0, (40, 50), [chosen]), np.arange(value.shape[1])
    store = RunStore(tmp_path)
    store.begin(run.record)
    store.label_initial(run.labelled_at(0))
    store.save_rows(0, SeenRows(index, np.isin(index, labelled), value), chosen)
    store.save_selection(0, (chosen, [np.nan if score is None else score for score in said]))
    return Run(tmp_path, run.record, run.initial, run.cycles)


def test_rows_and_scores_are_read(tmp_path: Path) -> None:
    value = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    value[0, 3, 0] = np.nan
    run = seen_by(tmp_path / "a", value, [0], [5, 4], [5.0, None])
    assert scores(run, 0) == {5: 5.0}
    assert candidates(run, 0).tolist() == [1, 2, 3, 4, 5]  # type: ignore[union-attr]
    assert candidate_scores(run, 0).tolist() == [1, 2, 4, 5]
    assert embeddings(run, 0) is None
    wide = np.random.default_rng(0).normal(size=(1, 6, 4)).astype(np.float32)
    wide[0, 2, 1] = np.inf
    run = seen_by(tmp_path / "b", wide, [0], [5], [0.0])
    assert scores(run, 0) == {}
    assert len(candidate_scores(run, 0)) == 0
    index, vectors = embeddings(run, 0) or (np.empty(0), np.empty(0))
    assert index.tolist() == [0, 1, 3, 4, 5]
    assert np.array_equal(vectors, wide[0, [0, 1, 3, 4, 5]])
    assert (scores(run, 7), candidates(run, 7), embeddings(run, 7)) == ({}, None, None)
    assert len(candidate_scores(run, 7)) == 0


def test_a_sample_keeps_what_is_marked() -> None:
    assert sampled(np.arange(0, 20, 2), [4, 5, 18], 4).tolist() == [0, 4, 16, 18]
    assert sampled(np.arange(3), [], 5).tolist() == [0, 1, 2]
    assert sampled(np.arange(9), list(range(9)), 3).tolist() == [0, 4, 8]


def test_the_map_is_the_same_again_and_keeps_neighbours() -> None:
    draw = np.random.default_rng(0)
    group = np.arange(90) % 3
    vectors = (10 * np.eye(3, 8)[group] + draw.normal(size=(90, 8))).astype(np.float32)
    place = layout(vectors)
    assert np.array_equal(place, layout(vectors.copy()))
    assert place.min() >= 0
    assert place.max() <= 1
    assert np.ptp(place, axis=0).max() == pytest.approx(1)
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1) + 9 * np.eye(90)
    assert (group[apart.argmin(axis=1)] == group).all()
    assert (layout(np.ones((7, 3), np.float32)) == 0.5).all()


def test_the_map_is_made_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """On two, a map of 1,000 points is another one; that takes too long to be seen here."""
    from sklearn.manifold import TSNE

    threads = []

    def watched(tsne: object, vectors: np.ndarray) -> np.ndarray:
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return vectors[:, :2]

    monkeypatch.setattr(TSNE, "fit_transform", watched)
    with threadpool_limits(limits=2):
        layout(np.eye(6, dtype=np.float32))
        assert set(threads) == {1}
        assert max(pool["num_threads"] for pool in threadpool_info()) > 1


def test_the_map_is_of_embeddings_where_a_run_kept_some(tmp_path: Path) -> None:
    value = np.random.default_rng(0).normal(size=(1, 24, 6)).astype(np.float32)
    kept = seen_by(tmp_path, value, [0, 12], [1, 18], [3.0, 2.0])
    others = [a_run("street_random", 0, (40, 50), BATCHES), kept]
    found = embedding_map(Drawn(True, "f"), others, [1, 18])
    assert found is not None
    assert found.source is kept
    assert np.array_equal(found.place, layout(value[0]))
    pictures = embedding_map(Drawn(True, "f"), others[:1], [1, 18])
    assert pictures is not None
    assert pictures.source is None
    assert pictures.index.tolist() == list(range(24))
    assert embedding_map(Drawn(True, "f", 3), others[:1], []) is None


# The page


def test_the_axis_by_hand() -> None:
    axis = score_axis(Scores((4.0, None, 2.0), 0.0, 4.0, (2, 0, 0, 1)))
    assert axis["ticks"] == "M396.0,32v10M200.0,32v10"
    assert axis["bars"].count("V30z") == 2
    assert "M4.0,30v-26.0" in axis["bars"]
    assert "v-13.0" in axis["bars"]
    assert [axis[end] for end in ("least", "most", "low", "high")] == ["2.000", "4.000", "0.000", "4.000"]
    assert score_axis(Scores((1.5,), 1.5, 1.5, ()))["ticks"] == "M200.0,4v10"
    assert [digits(score) for score in (0.535, 12345.0, 1e-7, 100.0)] == ["0.5350", "1.234e+04", "1.000e-07", "100.0"]


def test_the_page_has_index_agreement_and_map() -> None:
    text = text_of(page(comparison(), data, "t"))
    assert "Mode-collapse index" in text
    assert "Agreement: images that two runs both chose" in text
    # All strategies of this comparison chose the same images, and so did all seeds.
    assert "first batch, 2 images random entropy coreset random 100 (9) entropy 100 (9) 100 (9) coreset" in text
    assert "all 2 batches, 4 images" in text
    assert "No run kept embeddings (core-set does), so this map shows the images' thumbnails" in text
    html = page(comparison(), data, "t")
    assert html.count('class="map"') == 3
    assert html.count('<path id="pool0"') == 1
    assert html.count('<use href="#pool0"/>') == 2


def test_agreement_needs_no_data() -> None:
    text = text_of(page(comparison(), {}, "t"))
    assert "Agreement" in text
    assert "Mode-collapse" not in text


def test_one_run_has_nothing_to_agree_with() -> None:
    assert "Agreement" not in text_of(page([a_run("street_random", 0, (40, 50, 60), BATCHES)], data, "t"))


def test_scores_stand_under_frames(tmp_path: Path) -> None:
    value = np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 24, 1)
    run = seen_by(tmp_path, value, [0, 12], [23, 18], [1.0, 0.75])
    html = page([a_run("street_random", 0, (40, 50), BATCHES), run], data, "t")
    assert html.count('<span title="score">') == 2
    assert '<span title="score">0.7500</span>f18' in html
    assert html.count('class="scores"') == 1
    (dataset,) = datasets([run])
    findings = gather(dataset, {"street_coreset": Data()})
    assert isinstance(findings, Findings)
    said = findings.batches["coreset"][0][0].scores
    assert said is not None
    assert sum(said.among) == 22
    assert said.low == pytest.approx(1 / 23)


def test_a_damaged_file_costs_a_line(tmp_path: Path) -> None:
    value = np.random.default_rng(0).normal(size=(1, 24, 6)).astype(np.float32)
    run = seen_by(tmp_path, value, [0, 12], [1, 18], [3.0, 2.0])
    (tmp_path / "cycle_00/rows.npz").write_bytes(b"PK no archive")
    html = page([run], data, "t")
    assert "street_coreset, seed 0, cycle 0: its candidates cannot be read" in html
    assert "The pool is not mapped" in html
    assert "Mode-collapse index" in html
    assert "data:image/jpeg" in html


def test_the_report_of_real_runs(al: Call, here: Path, masks: Path) -> None:
    options = [
        *(
            "--network.width",
            2,
            "--data.root",
            masks,
            "--training.head_lr_factor",
            1,
            "--data.classes",
            "[ground, box]",
        ),
        *("--data.sequence_pattern", r"(?P<sequence>.+)_(?P<frame>\d+)", *TINY, "--data.batch_size", 4),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2),
    ]
    runs = []
    for strategy in ("random", "entropy", "coreset"):
        runs.append(f"r/{strategy}")
        assert al("fit", "--config", f"mask_folder_unet_{strategy}", *options, "--run_dir", runs[-1]).code == 0
    for name in ("a.html", "b.html"):
        assert al("report", *runs, "--out", name).code == 0
    html = (here / "a.html").read_text()
    assert html == (here / "b.html").read_text()
    text = text_of(html)
    assert "Positions are from the embeddings of mask_folder_unet_coreset after the first fit" in text
    assert "another one" not in text  # one network for all three
    first = journal(here / "r/entropy")[1]
    said = json.loads((here / "r/entropy/cycle_00/selection.json").read_text())
    assert said["indices"] == first["chosen"]
    assert all(f'<span title="score">{digits(score)}</span>' in html for score in said["scores"])
    assert html.count('class="scores"') == 2 * 2  # two batches of entropy and of core-set; random has no opinion
    parser = Balance()
    parser.feed(html)
    assert parser.open == []


def test_classes_of_whole_images_and_no_time_order(al: Call, here: Path, class_folders: Path) -> None:
    options = [
        *("--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1),
    ]
    assert al("fit", "--config", "image_folder_entropy", *options, "--run_dir", "r").code == 0
    assert al("report", "r", "--out", "r.html").code == 0
    text = text_of((here / "r.html").read_text())
    assert "shows the images' thumbnails" in text
    assert "at random)" not in text  # there are no scenes
