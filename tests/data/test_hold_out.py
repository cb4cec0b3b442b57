"""The default test set: no near-duplicate on both sides, or a warning."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.data.hold_out import NOT_HONEST, Division, divide
from al_lightning.duplicates.relation import compare
from al_lightning.errors import DatasetError, UsageError
from tests.support.errors import lacking, raises
from tests.support.pictures import REACH, Frames

PATTERN = r"(?P<sequence>[a-z]+)(?P<frame>\d+)"


def split(
    frames: list[int],
    scenes: list[int] | None = None,
    names: list[str] | None = None,
    classes: list[str] | None = None,
    share: float = 0.2,
    pattern: str | None = None,
) -> tuple[Division, int]:
    """Divide frames that are alike up to `REACH` apart; return the division and the pairs across it."""
    images = Frames(frames, scenes).descriptors(range(len(frames)))
    named = [PurePath(f"{name}.png") for name in names or [f"x{number}y" for number in range(len(frames))]]
    division = divide(images, named, classes or ["image"] * len(frames), share, pattern)
    near = compare(images, images)[1]
    pool = ~division.held & ~division.left_out
    assert not (division.held & division.left_out).any()
    assert division.held.any()
    assert pool.any()
    return division, int(near[np.ix_(division.held, pool)].sum())


def named(sequences: str, each: int) -> list[str]:
    return [f"{name}{frame}" for name in sequences for frame in range(each)]


def said(division: Division, *facts: object) -> bool:
    text = "\n".join(remark.line for remark in division.remarks)
    assert not lacking(text, facts), text
    return True


def warnings(division: Division) -> list[str]:
    return [remark.text for remark in division.remarks if remark.warning]


# Groups of near-duplicates


def test_whole_groups_are_held_out() -> None:
    """Ten scenes of five frames each, of which all chain: two scenes are a fifth."""
    division, across = split([0, 4, 8, 12, 16] * 10, [number // 5 for number in range(50)])
    assert across == 0
    held = np.flatnonzero(division.held) // 5
    assert sorted(np.bincount(held, minlength=10)) == [0] * 8 + [5] * 2
    assert not division.left_out.any()
    assert warnings(division) == []
    assert said(division, "note: test set: 10 of 50 images (20 %)", "2 of 10")


def test_each_class_gives_its_share() -> None:
    classes = ["a"] * 20 + ["b"] * 10 + ["c"]
    scenes = [number // 2 for number in range(30)] + [20]
    division, across = split([0, 3] * 15 + [0], scenes, classes=classes)
    assert across == 0
    assert [np.array(classes)[division.held].tolist().count(name) for name in "abc"] == [4, 2, 0]
    assert len(warnings(division)) == 1
    assert said(division, "in each class", "no image of c")


def test_a_group_of_several_classes_is_not_divided() -> None:
    """Every picture is there twice, as a and as b."""
    scenes = [number // 2 for number in range(40)]
    division, across = split([0] * 40, scenes, classes=["a", "b"] * 20)
    assert across == 0
    assert division.held.sum() == 8
    assert (division.held[::2] == division.held[1::2]).all()


# A stack


def test_of_a_smooth_stack_the_end_is_held_out_and_its_neighbours_leave_the_pool() -> None:
    """Forty slices, a degree each, out of order: 32 to 39 are the test set, 27 to 31 are like 32 and later."""
    order = np.random.default_rng(0).permutation(40)
    division, across = split(order.tolist(), names=[f"slice_{number}" for number in order])
    assert across == 0
    assert sorted(order[division.held]) == list(range(32, 40))
    assert sorted(order[division.left_out]) == list(range(32 - REACH, 32))
    assert warnings(division) == []
    assert said(division, "8 of 40 images", "the last ones by name", "up to 40 of the 40", "5 near-duplicates")


def test_of_one_sequence_the_last_frames_are_held_out() -> None:
    frames = list(range(30))
    division, across = split(frames, names=[f"v{frame}" for frame in frames], pattern=PATTERN)
    assert across == 0
    assert np.flatnonzero(division.held).tolist() == [24, 25, 26, 27, 28, 29]
    assert np.flatnonzero(division.left_out).tolist() == [19, 20, 21, 22, 23]
    assert said(division, "by frame", "one sequence", "5 near-duplicates")


def test_of_stacks_that_are_classes_the_end_of_each_is_held_out() -> None:
    frames = list(range(20)) * 2
    classes = ["a"] * 20 + ["b"] * 20
    division, across = split(frames, [0] * 20 + [1] * 20, named("ab", 20), classes)
    assert across == 0
    assert np.flatnonzero(division.held).tolist() == [16, 17, 18, 19, 36, 37, 38, 39]
    assert division.left_out.sum() == 2 * REACH
    assert warnings(division) == []


def test_a_class_that_would_leave_the_pool_has_no_test_images() -> None:
    frames = [*range(40), 50, 51]
    classes = ["a"] * 40 + ["b"] * 2
    division, across = split(frames, [0] * 40 + [1] * 2, [f"s{number}" for number in range(42)], classes)
    assert across == 0
    assert not division.held[40:].any()
    assert not division.left_out[40:].any()
    assert len(warnings(division)) == 1
    assert said(division, "[!]", "no image of b")


def test_a_stack_without_an_order_has_no_honest_test() -> None:
    division, across = split(list(range(40)))
    assert across > 0
    assert division.held.sum() == 8
    assert not division.left_out.any()
    assert said(division, f"[!] {NOT_HONEST}", "40 of the 40", "8 of 40 images", "at random")
    assert len(warnings(division)) == 1


def test_equal_images_stay_together_where_single_images_are_drawn() -> None:
    """Twenty slices, each of them twice: no order."""
    division, across = split([number // 2 for number in range(40)])
    assert across > 0
    assert (division.held[::2] == division.held[1::2]).all()
    assert division.held.sum() == 8


@pytest.mark.parametrize("pattern", [None, PATTERN])
def test_a_fixed_camera_has_no_honest_test(pattern: str | None) -> None:
    """All images are near-duplicates of all others, but of equal ones there are none on both sides."""
    names = [f"v{number}" for number in range(20)]
    division, across = split([0, 0, 0, 0, *([1] * 12), 2, 3, 2, 3], names=names, pattern=pattern)
    assert across > 0
    assert np.flatnonzero(division.held).tolist() == [16, 17, 18, 19]
    assert not division.left_out.any()
    assert said(division, f"[!] {NOT_HONEST}")
    division, _ = split([2, 0, 0, 0, *([1] * 12), 2, 3, 2, 3], names=names, pattern=pattern)
    assert np.flatnonzero(division.left_out).tolist() == [0]


def test_where_nothing_can_be_held_out_a_sentence_says_so() -> None:
    for names in (None, [f"a{number}" for number in range(4)]):
        with raises(DatasetError, 4, "Name a test set"):
            split([7] * 4, names=names)
        with raises(DatasetError, 4, "Name a test set"):
            split([0] * 4, [0, 1, 2, 3], names, classes=["a", "b", "c", "d"])
    with raises(UsageError, "data.test_share is 0"):
        split([0, 1], share=0)
    with raises(UsageError, "sequence_pattern", "'b'"):
        split([0, 1], names=["a1", "b"], pattern=PATTERN)


# Sequences


def test_whole_sequences_are_held_out() -> None:
    """Ten sequences of four frames that are not alike."""
    division, across = split([0, 10, 20, 30] * 10, [n // 4 for n in range(40)], named("abcdefghij", 4), pattern=PATTERN)
    assert across == 0
    assert sorted(np.bincount(np.flatnonzero(division.held) // 4, minlength=10)) == [0] * 8 + [4] * 2
    assert warnings(division) == []
    assert said(division, "8 of 40 images", "whole sequences", "2 of 10")


def test_two_sequences_are_one_each() -> None:
    division, across = split([0, 10, 20, 30] * 2, [0] * 4 + [1] * 4, named("ab", 4), pattern=PATTERN)
    assert across == 0
    assert division.held.tolist() in ([True] * 4 + [False] * 4, [False] * 4 + [True] * 4)
    assert said(division, "4 of 8 images (50 %)", "1 of 2")


def test_sequences_that_look_alike_stay_together() -> None:
    """Ten sequences of two scenes each: five scenes, so that two sequences show the same."""
    division, across = split([0, 20] * 10, [n // 4 for n in range(20)], named("abcdefghij", 2), pattern=PATTERN)
    assert across == 0
    assert len({n // 4 for n in np.flatnonzero(division.held)}) == 1
    assert warnings(division) == []
    assert said(division, "4 of 20 images", "2 of 10", "5 sequences stayed")


def test_where_all_sequences_look_alike_their_leaks_are_counted() -> None:
    """Ten sequences of one scene, the slices of a body: each frame is like those of the others."""
    division, across = split([0, 20] * 10, [0] * 20, named("abcdefghij", 2), pattern=PATTERN)
    assert across == 4 * 8
    assert sorted(np.bincount(np.flatnonzero(division.held) // 2, minlength=10)) == [0] * 8 + [2] * 2
    assert said(division, "[!] 4 of 4 test images are near-duplicates", "2 of 10")


def test_where_each_class_is_one_sequence_the_end_of_each_is_held_out() -> None:
    names, classes = named("ab", 20), ["a"] * 20 + ["b"] * 20
    division, across = split(list(range(20)) * 2, [0] * 20 + [1] * 20, names, classes, pattern=PATTERN)
    assert across == 0
    assert np.flatnonzero(division.held).tolist() == [16, 17, 18, 19, 36, 37, 38, 39]
    assert said(division, "by frame in each class", "too few sequences", f"{2 * REACH} near-duplicates")


# Any images

images = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.sampled_from("abc")), min_size=2, max_size=50)


@settings(max_examples=300, deadline=None)
@given(images, st.sampled_from(["none", "numbers", "sequences"]), st.booleans(), st.floats(0.05, 0.6))
def test_no_near_duplicate_crosses_the_split_without_a_warning(
    drawn: list[tuple[int, int, str]], order: str, classified: bool, share: float
) -> None:
    frames, scenes, letters = (list(values) for values in zip(*drawn, strict=True))
    classes = letters if classified else None
    names = {
        "none": None,
        "numbers": [f"x{number}" for number in range(len(drawn))],
        "sequences": [f"{'uvwxyz'[number % 6]}{number}" for number in range(len(drawn))],
    }[order]
    pattern = PATTERN if order == "sequences" else None
    try:
        division, across = split(frames, scenes, names, classes, share, pattern)
    except DatasetError:
        return
    again, _ = split(frames, scenes, names, classes, share, pattern)
    assert (again.held == division.held).all()
    assert (again.left_out == division.left_out).all()
    leaks = [text for text in warnings(division) if "no image of" not in text]
    assert bool(leaks) == bool(across) or (not across and NOT_HONEST in leaks[0])
    assert not division.left_out.any() or order != "none"
