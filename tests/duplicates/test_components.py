"""Components of near-duplicates, against a search from image to image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.duplicates import components as module
from al_lightning.duplicates.components import components
from al_lightning.duplicates.descriptor import Descriptors
from al_lightning.duplicates.relation import compare
from tests.support.pictures import REACH, Frames


def searched(near: np.ndarray) -> list[int]:
    """The first image of each image's component, by a search from each first image."""
    found = [-1] * len(near)
    for first in range(len(near)):
        waiting = [first] if found[first] < 0 else []
        while waiting:
            image = waiting.pop()
            if found[image] < 0:
                found[image] = first
                waiting += np.flatnonzero(near[image]).tolist()
    return found


frames = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(frames, st.integers(1, 9), st.booleans())
def test_tiles_agree_with_a_search(drawn: list[tuple[int, int]], tile: int, sequences: bool) -> None:
    images = Frames(*map(list, zip(*drawn, strict=True))).descriptors(range(len(drawn)))
    near = compare(images, images)[1]
    joined = None
    if sequences:
        joined = np.arange(len(drawn)) % 5
        near = near | (joined[:, None] == joined)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TILE", tile)
        assert components(images, joined).tolist() == searched(near)


def test_components_chain_where_groups_do_not() -> None:
    images = Frames([0, 4, 8, 30, 12, 29, 50]).descriptors(range(7))
    assert REACH == 5
    assert components(images).tolist() == [0, 0, 0, 3, 0, 3, 6]
    # Images 3 and 6 come from one sequence, and take the others of their components with them.
    assert components(images, np.array([0, 1, 2, 3, 4, 5, 3])).tolist() == [0, 0, 0, 3, 0, 3, 3]
    assert components(Descriptors.of([])).tolist() == []


def test_progress_is_told_and_what_is_joined_is_not_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A video of 60 frames in tiles of 10: each tile is compared with itself and the one before."""
    compared, told = [], []
    monkeypatch.setattr(module, "TILE", 10)
    monkeypatch.setattr(module, "compare", lambda a, b: compared.append((len(a), len(b))) or compare(a, b))
    images = Frames(list(range(60))).descriptors(range(60))
    assert set(components(images, advance=lambda *done: told.append(done)).tolist()) == {0}
    assert len(compared) == 6 + 5
    assert told == [(done, 60) for done in range(10, 61, 10)]
