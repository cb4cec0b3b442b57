"""Classes and near-duplicates of a batch, by hand and against a plain loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.inspect.counts import class_counts, repeats
from al_lightning.pool import Pool
from tests.support.pictures import Frames
from tests.support.reported_runs import SIZE, Data, Drawn
from tests.support.scenes import plain_repeats

quick = settings(max_examples=60, deadline=None)


@quick
@given(st.data())
def test_repeats_are_those_of_a_plain_loop(data: st.DataObject) -> None:
    frames = data.draw(st.lists(st.integers(0, 60), min_size=2, max_size=30))
    order = data.draw(st.permutations(range(len(frames))))
    cut = data.draw(st.integers(0, len(frames) - 1))
    pool = Pool(len(frames), tuple(order[:cut]))
    assert repeats(Frames(frames), pool, order[cut:]) == plain_repeats(frames, order)[cut:]


def test_near_duplicates_by_hand() -> None:
    images, pool = Drawn(True, "f"), Data().pool().label([0, 12])
    # 1 is next to 0; 18 is six frames from 12, so new; 20 is two from 18 of this batch; 11 is far from 0, next scene's.
    assert repeats(images, pool, [1, 18, 20, 11]) == [True, False, True, False]
    # 5 is like 0, and 10 like 5, which says nothing new itself.
    assert repeats(images, pool, [5, 10]) == [True, False]
    assert repeats(images, pool, []) == []


def test_equal_pixels_are_near_duplicates_even_where_there_is_nothing_to_see() -> None:
    images, pool = Drawn(True, "f"), Pool(SIZE, (0,))
    images.pixels[:] = np.arange(SIZE, dtype=np.uint8)[:, None, None, None]
    images.pixels[1] = 0
    assert repeats(images, pool, [2, 1, 3]) == [False, True, False]


def test_classes_by_hand() -> None:
    # 15 rows of 24 pixels without the void one; 12 of each are class 1; class 2 is one pixel of what would be class 0.
    assert class_counts(Drawn(True, "f"), [3, 3], 3).tolist() == [2 * 179, 2 * 180, 2]
    assert class_counts(Drawn(False, "f"), [0, 1, 3, 4, 5], 3).tolist() == [2, 2, 1]
