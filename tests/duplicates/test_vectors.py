"""Cosines of vectors: against float64, in any order, and the leader rule on them."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.duplicates.groups import group_by
from al_lightning.duplicates.relation import nearest_by
from al_lightning.duplicates.vectors import ALIKE_VECTORS, UnitVectors, comparing_vectors, cosines, usual_cosines

ALL = slice(None)


def vectors_of(rows: npt.NDArray[np.float32]) -> UnitVectors:
    return UnitVectors.of(lambda part: rows[part], len(rows))


def crowded(seed: int, size: int) -> npt.NDArray[np.float32]:
    """Vectors of which many are alike: noise around a few centres."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(3, 12))
    return (centres[draw.integers(3, size=size)] + 0.35 * draw.normal(size=(size, 12))).astype(np.float32)


def test_cosines_are_those_of_float64_to_three_digits() -> None:
    rows = np.random.default_rng(0).gamma(0.5, size=(40, 1280)).astype(np.float32)
    rows[7] = 0
    vectors = vectors_of(rows)
    wide = rows.astype(np.float64)
    unit = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-30)
    found = cosines(vectors, vectors, ALL, ALL)
    np.testing.assert_allclose(found, unit @ unit.T, atol=1e-3)
    assert found.max() <= 1
    assert not found[7].any()
    assert vectors.cosine(3, 5, vectors) == found[3, 5]  # exact: sums of whole numbers
    assert np.array_equal(cosines(vectors, vectors, slice(3, 5), slice(9)), found[3:5, :9])


@given(st.integers(0, 50), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_groups_and_nearest_are_those_of_the_whole_matrix(seed: int, size: int) -> None:
    vectors, others = vectors_of(crowded(seed, size)), vectors_of(crowded(seed + 1, 9))
    matrix = [[vectors.cosine(one, other, vectors) for other in range(size)] for one in range(size)]
    leader: list[int] = []
    for image in range(size):
        alike = [one for one in sorted(set(leader)) if matrix[image][one] >= ALIKE_VECTORS]
        leader.append(max(alike, key=lambda one: matrix[image][one], default=image))
    across = [[vectors.cosine(one, other, others) for other in range(9)] for one in range(size)]
    best = [max(range(9), key=lambda other: row[other]) for row in across]
    wanted = [place if across[image][place] >= ALIKE_VECTORS else -1 for image, place in enumerate(best)]
    for tile in (2, 5, 1024):
        with patch("al_lightning.duplicates.groups.TILE", tile), patch("al_lightning.duplicates.relation.TILE", tile):
            assert group_by(size, comparing_vectors(vectors, vectors)).leader.tolist() == leader
            assert nearest_by(size, 9, comparing_vectors(vectors, others))[0].tolist() == wanted


def test_usual_cosines_are_those_of_pairs_of_two_images() -> None:
    assert usual_cosines(vectors_of(np.ones((1, 3), np.float32))) is None
    assert usual_cosines(vectors_of(np.eye(2, dtype=np.float32))) == (0, 0)  # no image is paired with itself
    assert usual_cosines(vectors_of(np.ones((5, 3), np.float32))) == (pytest.approx(1, abs=1e-3),) * 2
    rows = np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    every = (unit @ unit.T)[np.triu_indices(300, 1)]
    middle, high = usual_cosines(vectors_of(rows)) or (9, 9)
    assert middle == pytest.approx(np.quantile(every, 0.5), abs=0.02)
    assert high == pytest.approx(np.quantile(every, 0.999), abs=0.05)
