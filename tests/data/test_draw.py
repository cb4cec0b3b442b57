"""Draws of a test set: whole units, and the last images."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.data.draw import draw, hold_out
from al_lightning.errors import DatasetError
from tests.support.errors import raises


def test_hold_out_is_stratified_and_leaves_something_of_every_group() -> None:
    groups = [0] * 10 + [1] * 5 + [2] * 2 + [3]
    kept, held = hold_out(groups, 0.2)
    assert Counter(groups[position] for position in held) == {0: 2, 1: 1, 2: 1}
    assert Counter(groups[position] for position in kept) == {0: 8, 1: 4, 2: 1, 3: 1}
    assert sorted(kept + held) == list(range(18))
    assert (kept, held) == hold_out(groups, 0.2)
    assert kept == sorted(kept)


def test_hold_out_of_an_order_takes_the_last_of_each_group() -> None:
    sequence = [0, 1, 0, 1, 0, 0, 0]
    frame = [50, 2, 10, 1, 40, 20, 30]
    assert hold_out(sequence, 0.4, frame) == ([2, 3, 5, 6], [0, 1, 4])
    with raises(DatasetError, 3, "Name a test set"):
        hold_out([0, 1, 2], 0.4)


def test_whole_units_are_drawn_as_long_as_they_fit() -> None:
    """Ten images; a fifth are two: only the pair and the single one fit, and not both."""
    units = np.array([0, 0, 0, 3, 3, 5, 6, 6, 6, 6])
    held = draw(units, np.zeros(10, dtype=int), 0.2)
    assert set(units[held]) in ({3}, {5})
    assert (draw(units, np.zeros(10, dtype=int), 0.2) == held).all()
    # Nothing fits: the smallest one that comes closest is taken, and then no other.
    assert Counter(draw(np.repeat([0, 1, 2], [5, 4, 6]), np.zeros(15, dtype=int), 0.1).tolist())[True] == 4
    # A part of a unit is never taken, so one unit alone is not.
    assert not draw(np.zeros(5, dtype=int), np.zeros(5, dtype=int), 0.4).any()


def test_a_unit_of_several_classes_counts_in_each() -> None:
    """Units of both classes, one image of each: two units are a fifth of both."""
    units, group = np.arange(20) // 2, np.arange(20) % 2
    held = draw(units, group, 0.2)
    assert Counter(group[held].tolist()) == {0: 2, 1: 2}
    assert len(set(units[held])) == 2
    # Class 1 has its images in one unit with one of class 0: it would lose all of them, and keeps them.
    held = draw(np.array([0, 0, 0, 1, 2, 3, 4]), np.array([1, 1, 0, 0, 0, 0, 0]), 0.2)
    assert Counter(np.array([1, 1, 0, 0, 0, 0, 0])[held].tolist()) == {0: 1}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_draws_are_whole_leave_some_of_each_class_and_come_close(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    units = np.array(data.draw(st.lists(st.integers(0, 12), min_size=size, max_size=size)))
    group = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    share = data.draw(st.floats(0.05, 0.95))
    held = draw(units, group, share)
    assert not set(units[held]) & set(units[~held])
    assert set(group[held]) <= set(group[~held])
    for unit in set(units[~held]):
        kinds = set(group[units == unit])
        if len(kinds) == 1:  # it was left because it does not fit
            of_class = group == kinds.pop()
            wanted = min(max(1, round(share * of_class.sum())), of_class.sum() - 1)
            assert (held & of_class).sum() + (units == unit).sum() > wanted
    assert (draw(units, group, share) == held).all()
