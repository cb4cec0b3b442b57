"""Constraints of a batch: what they leave open, and that any strategy keeps to them exactly."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.acquisition import Acquisition, Constraints, Coreset, Entropy, MaxHerding, Random
from al_lightning.acquisition.functional import round_significant
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.scoring import select
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from al_lightning.types import Selection, SelectionInputs
from tests.support import plain_coverage
from tests.support.errors import raises
from tests.support.quick import quick
from tests.support.scored import embedded

SEQUENCE = (0, 0, 0, 0, 1, 1, 1, 1)
FRAME = (0, 10, 20, 30, 0, 10, 20, 30)


def scored(scores, pool, constraints, names=(), groups=None):
    """Inputs of all unlabelled images with these scores, and their limits."""
    index = pool.unlabelled
    value = torch.tensor([scores[position] for position in index])[None, :, None]
    known = names or [f"{position}.png" for position in range(pool.size)]
    limits = constraints.limits(pool, index, known, lambda: np.array(groups))
    none = torch.zeros(len(index), dtype=torch.bool)
    return SelectionInputs(torch.from_numpy(index), none, value, {"score": 1}, limits=limits)


def chosen(strategy, rows, count):
    return select(strategy, rows, count, generator("select", 0))


def test_a_batch_takes_the_best_of_each_sequence():
    pool = Pool(8, (), SEQUENCE, FRAME)
    rows = scored([8, 7, 6, 5, 4, 3, 2, 1.0], pool, Constraints(per_sequence=2))
    answer = chosen(Entropy(), rows, 4)
    assert answer.indices == [0, 1, 4, 5]
    assert answer.scores == [8, 7, 4, 3]
    assert answer.note == ""


def test_a_gap_holds_between_new_images_and_to_labelled_ones():
    pool = Pool(8, (1,), SEQUENCE, FRAME)
    rows = scored([8, 7, 6, 5, 4, 3, 2, 1.0], pool, Constraints(gap=20))
    # 0 and 2 are 10 from the labelled frame 1; 4 rules out 5, and 6 is 20 from 4.
    assert chosen(Entropy(), rows, 3).indices == [3, 4, 6]


def test_limits_that_leave_too_few_are_loosened_and_the_run_says_so():
    pool = Pool(8, (), SEQUENCE, FRAME)
    rows = scored([8, 7, 6, 5, 4, 3, 2, 1.0], pool, Constraints(per_sequence=1))
    answer = chosen(Entropy(), rows, 3)
    assert answer.indices == [0, 4, 1]
    assert answer.note.endswith("so this batch may have 2 times as many images of a group")
    assert sorted(chosen(Entropy(), rows, 8).indices) == list(range(8))
    near = scored([8, 7, 6, 5, 4, 3, 2, 1.0], pool, Constraints(gap=40))
    halved = chosen(Entropy(), near, 4)
    assert halved.indices == [0, 4, 2, 6]  # a gap of 20
    assert halved.note.endswith("so this batch has frames at least 20 apart")
    assert chosen(Entropy(), near, 8).note.endswith("so this batch has frames at least 10 apart")


def test_near_duplicates_and_a_column_of_ones_own(tmp_path):
    pool = Pool(4)
    rows = scored([4, 3, 2, 1.0], pool, Constraints(per_group=1), groups=[0, 0, 2, 2])
    assert chosen(Entropy(), rows, 2).indices == [0, 2]
    file = tmp_path / "cameras.csv"
    file.write_text("name,camera\na/0.png,left\n1.png,left\n2.png,right\n3.png,left\n")
    names = ["a/0.png", "1.png", "2.png", "3.png"]
    by_camera = Constraints(file=str(file), column="camera", per_value=1)
    assert chosen(Entropy(), scored([4, 3, 2, 1.0], pool, by_camera, names), 2).indices == [0, 2]
    file.write_text("name,camera\na/0.png,left\n1.png, left\n2.png,right \n3.png,left\n")  # spaces are no other camera
    assert chosen(Entropy(), scored([4, 3, 2, 1.0], pool, by_camera, names), 2).indices == [0, 2]
    with raises(UsageError, "no line for the image b/1.png"):  # of paths, where one is
        by_camera.check(Pool(2), ["a/0.png", "b/1.png"])
    Constraints(per_sequence=1).check(Pool(2, (), (0, 1)), ["0", "1"])  # patients, whose images have no order


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("name,lens\n0.png,a\n1.png,b\n", ["column 'camera'"]),
        ("name,camera\n0.png,a\n", ["no line for the image 1.png"]),
        ("name,camera\nb/0.png,a\n0.png,a\n", ["no line for the image 1.png"]),
        ("name,camera\n0.png,a\n1.png\n", ["line 3", "camera"]),
        ("name,camera\n\n0.png,a\n\n1.png\n", ["line 5", "camera"]),
        ("name,camera\n0.png,a\n1.png, \n", ["image 1.png", "empty"]),
        ("name,camera\n0.png,a\n1.png,b\n0.png,c\n", ["several lines", "0.png"]),
        ("", ["column 'camera'"]),
        ("\xff", ["cannot be read"]),
    ],
)
def test_a_wrong_file_is_refused_by_what_is_wrong(tmp_path: Path, text: str, facts: list[str]) -> None:
    file = tmp_path / "cameras.csv"
    file.write_bytes(text.encode("latin-1"))
    constraints = Constraints(file=str(file), column="camera", per_value=1)
    with raises(UsageError, *facts):
        constraints.check(Pool(2), ["0.png", "1.png"])


def test_lines_of_images_outside_the_pool_need_no_value(tmp_path: Path) -> None:
    file = tmp_path / "cameras.csv"
    file.write_text("name,camera\n0.png,a\n1.png,b\ntest.png,\n")
    Constraints(file=str(file), column="camera", per_value=1).check(Pool(2), ["0.png", "1.png"])


def test_mistakes():
    with raises(UsageError, "--constraints.column"):
        Constraints(file="cameras.csv", per_value=1)
    with raises(UsageError, "constraints.gap", "0"):
        Constraints(gap=0)
    with raises(UsageError, "--constraints.per_sequence", "sequence_pattern"):
        Constraints(per_sequence=1).check(Pool(3), ["0", "1", "2"])


class Ignores(Entropy):
    """Says that it keeps the limits, and does not."""

    keeps_limits = True


def test_a_strategy_that_breaks_the_limits_is_found_out():
    pool = Pool(8, (), SEQUENCE, FRAME)
    rows = scored([8, 7, 6, 5, 4, 3, 2, 1.0], pool, Constraints(per_sequence=1))
    with raises(UsageError, "Ignores", "image 1", "constraints"):
        chosen(Ignores(), rows, 2)


class Plain(Acquisition):
    """Takes the highest scores of what it is given, which are candidates alone: it reads no labelled images."""

    def select(self, rows, count, generator):
        best = rows.value[0, :, 0].sort(descending=True, stable=True).indices[:count]
        return Selection(rows.index[best].tolist(), [0.0] * count)


class Stuck(Entropy):
    """Says nothing where it is asked for less than three images."""

    def select(self, rows, count, generator):
        return super().select(rows, count, generator) if count > 2 else Selection([], [])


def test_a_strategy_that_is_asked_again_gets_candidates_alone_or_is_refused():
    pool = Pool(8, (), SEQUENCE, FRAME)
    rows = scored([8, 7, 6, 5, 4, 3, 2, 1.0], pool, Constraints(per_sequence=2))
    assert chosen(Plain(), rows, 4).indices == [0, 1, 4, 5]
    with raises(UsageError, "Stuck", "0 images where 2 were asked for"):
        chosen(Stuck(), rows, 4)


@st.composite
def pools(draw):
    size = draw(st.integers(3, 12))
    sequence = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    frame = draw(st.permutations(range(size)))
    labelled = draw(st.sets(st.integers(0, size - 1), max_size=size - 2))
    pool = Pool(size, tuple(labelled), tuple(sequence), tuple(frame))
    constraints = Constraints(per_sequence=draw(st.integers(1, 2)), gap=draw(st.integers(1, 4)))
    count = draw(st.integers(1, size - len(labelled)))
    points = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=size, max_size=size))
    return pool, constraints, count, np.array(points, dtype=np.float32)


@given(drawn=pools())
@quick
def test_k_center_within_limits_is_the_masked_greedy_algorithm(drawn):
    pool, constraints, count, points = drawn
    index = np.arange(pool.size)
    limits = constraints.limits(pool, index, [""] * pool.size, lambda: index)
    rows = embedded(index, np.isin(index, pool.labelled), points)._replace(limits=limits)
    allowed, centres, expected = Allowed(rows), list(pool.labelled), []
    while len(expected) < count:
        squares = ((points[:, None] - points[centres][None]) ** 2).sum(axis=2).min(axis=1) if centres else None
        free = np.flatnonzero(allowed.open.numpy())
        row = int(free[0] if squares is None else free[np.argmax(squares[free])])
        allowed.take(row)
        expected.append(row)
        centres.append(row)
    assert chosen(Coreset(), rows, count).indices == expected


@given(drawn=pools())
@quick
def test_herding_within_limits_is_the_masked_greedy_algorithm(drawn):
    pool, constraints, count, points = drawn
    index, embedding = np.arange(pool.size), torch.from_numpy(points + 1)
    limits = constraints.limits(pool, index, [""] * pool.size, lambda: index)
    rows = embedded(index, np.isin(index, pool.labelled), embedding)._replace(limits=limits)
    kernel = torch.exp(-(plain_coverage.distances(embedding) ** 2))
    allowed, centres, expected = Allowed(rows), list(pool.labelled), []
    while len(expected) < count:
        covered = kernel[:, centres].amax(dim=1) if centres else torch.zeros(pool.size)
        gain = (kernel - covered[:, None]).clamp(min=0)[~rows.labelled].sum(dim=0)
        gain = round_significant(torch.where(gain > 1e-9, gain, 0.0))
        row = int(torch.where(allowed.open, gain, -1.0).argmax())
        allowed.take(row)
        expected.append(row)
        centres.append(row)
    assert chosen(MaxHerding(), rows, count).indices == expected


@given(drawn=pools())
@quick
def test_any_strategy_fills_its_batch_within_limits_that_allow_it(drawn):
    pool, constraints, count, _ = drawn
    rows = scored(list(range(pool.size, 0, -1)), pool, constraints)
    for strategy in (Entropy(), Random()):
        answer = chosen(strategy, rows, count)
        assert len(set(answer.indices)) == count
        if answer.note:
            continue
        for position in range(4):
            of_sequence = [image for image in answer.indices if pool.sequence[image] == position]
            assert len(of_sequence) <= constraints.per_sequence
            known = [image for image in pool.labelled if pool.sequence[image] == position]
            times = sorted(pool.frame[image] for image in of_sequence)
            assert all(after - before >= constraints.gap for before, after in pairwise(times))
            assert all(
                abs(pool.frame[old] - pool.frame[new]) >= constraints.gap for old in known for new in of_sequence
            )
