"""Near-duplicates and their groups, against the definition, one pair and one image after the other."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.duplicates import groups, relation
from al_lightning.duplicates.descriptor import SCALE, Descriptors, describe
from al_lightning.duplicates.groups import count_repeats, group, weight
from al_lightning.duplicates.relation import ALIKE, NEAR_EDGES, NEAR_GREY, compare, nearest
from tests.support.pictures import REACH, Frames, scene

quick = settings(max_examples=25, deadline=None)


def noisy_copies(seed: int, size: int) -> Descriptors:
    """Noisy copies of a few scenes, and of some the very pixels again."""
    draws = np.random.default_rng(seed)
    made = []
    for _ in range(size):
        if made and draws.random() < 0.2:
            made.append(made[draws.integers(len(made))])
            continue
        image = scene(int(draws.integers(0, 4))).astype(np.float64)
        noise = draws.normal(0, draws.uniform(0, 60), (48, 64, 1))
        made.append(describe(np.clip(image + noise, 0, 255).astype(np.uint8)))
    return Descriptors.of(made)


def brute_force(a: Descriptors, b: Descriptors) -> tuple[np.ndarray, np.ndarray]:
    """Similarities and near-duplicates, from whole numbers, pair by pair."""
    edges = a.edges.astype(np.int64) @ b.edges.astype(np.int64).T / SCALE**2
    grey = a.grey.astype(np.int64) @ b.grey.astype(np.int64).T / SCALE**2
    equal = a.pixels[:, None] == b.pixels[None]
    least = np.where(equal, 1, np.minimum(np.minimum(edges, grey), 1 - 1e-7))
    return np.where(least >= ALIKE, least, 0), equal | (edges >= NEAR_EDGES) & (grey >= NEAR_GREY)


def leaders_of(near: np.ndarray, likeness: np.ndarray) -> list[int]:
    """Each image's leader by the definition."""
    found: list[int] = []
    for place in range(len(near)):
        leaders = [leader for leader in set(found) if near[place, leader]]
        found.append(max(leaders, key=lambda leader: (likeness[place, leader], -leader)) if leaders else place)
    return found


@quick
@given(
    seed=st.integers(0, 1000), size=st.integers(1, 30), tile=st.integers(2, 12), sparse=st.sampled_from([0.0, 0.5, 1.0])
)
def test_tiles_agree_with_brute_force(seed: int, size: int, tile: int, sparse: float) -> None:
    images, others = noisy_copies(seed, size), noisy_copies(seed + 1, 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relation, "TILE", tile)
        patch.setattr(groups, "TILE", tile)
        patch.setattr(relation, "_SPARSE", sparse)
        found, (place, best) = group(images), nearest(images, others)
    likeness, near = brute_force(images, images)
    np.testing.assert_allclose(found.mass, np.clip((likeness - ALIKE) / (1 - ALIKE), 0, 1).sum(axis=1), atol=1e-5)
    leaders = [leaders_of(near, likeness)[first] for first in images.first]  # equal images are in one group
    assert found.leader.tolist() == leaders
    own = likeness[images.first, leaders]
    np.testing.assert_allclose(found.similarity, own, atol=1e-6)
    assert found.repeats.tolist() == [leader != number for number, leader in enumerate(leaders)]
    assert count_repeats(near, np.arange(size)[None]).tolist() == [found.repeats.sum()]
    assert not near[np.ix_(~found.repeats, ~found.repeats)][~np.eye((~found.repeats).sum(), dtype=bool)].any()
    likeness, near = brute_force(images, others)
    scores = np.where(near, likeness, -1)
    np.testing.assert_array_equal(place, np.where(near.any(axis=1), scores.argmax(axis=1), -1))
    np.testing.assert_allclose(best, scores.max(axis=1), atol=1e-6)


def test_groups_do_not_chain() -> None:
    frames = Frames([0, 4, 8, 12, 4])
    assert REACH == 5
    found = group(frames.descriptors(range(5)))
    assert found.leader.tolist() == [0, 0, 2, 2, 0]
    assert found.repeats.tolist() == [False, True, False, True, True]
    assert found.similarity[4] == found.similarity[1] == pytest.approx(np.cos(np.radians(20)), abs=1e-3)


def test_equal_pixels_come_first_and_flat_images_have_nothing_else() -> None:
    flat = Descriptors.of([describe(np.full((20, 20, 3), level, np.uint8)) for level in (90, 91, 90)])
    likeness, near = compare(flat, flat)
    assert near.tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    assert likeness.tolist() == near.astype(float).tolist()
    found = group(flat)
    assert found.leader.tolist() == [0, 1, 0]
    assert found.mass.tolist() == [2, 1, 2]
    # A copy at another brightness is as like as can be, and still an equal image is more so.
    image = scene(2)
    others = Descriptors.of([describe(image // 2 + 20), describe(image)])
    place, best = nearest(Descriptors.of([describe(image)]), others)
    assert (place.tolist(), best.tolist()) == ([1], [1.0])
    assert weight(np.float32([0.2, 0.5, 0.75, 1.0])).tolist() == [0, 0, 0.5, 1]
    assert nearest(flat, Descriptors.of([]))[0].tolist() == [-1, -1, -1]


def test_repeats_of_batches_by_hand() -> None:
    near = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)  # a chain: 0 and 2 are not alike
    orders = np.array(list(permutations(range(3))))
    assert orders.tolist() == [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    assert count_repeats(near, orders).tolist() == [1, 1, 2, 2, 1, 1]
    assert count_repeats(near, orders[:, :0]).tolist() == [0] * 6
