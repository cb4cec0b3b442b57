"""TypiClust's mathematics against scikit-learn's neighbours and numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from al_lightning.acquisition.functional.clustering import k_means
from al_lightning.acquisition.functional.typicality import typical_choice, typicality
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.seeding import generator
from al_lightning.types import Limits
from tests.support.scored import allowed_of

NONE = torch.empty(0, dtype=torch.int64)


@pytest.mark.parametrize(("size", "neighbours"), [(2, 1), (9, 4), (41, 20), (60, 20)])
def test_typicality_is_the_inverse_mean_distance_of_scikit_learns_neighbours(size, neighbours, monkeypatch):
    features = torch.randn(size, 5, generator=torch.Generator().manual_seed(size))
    unit = torch.nn.functional.normalize(features.double(), dim=1).numpy()
    distance, _ = NearestNeighbors(n_neighbors=neighbours + 1).fit(unit).kneighbors(unit)
    monkeypatch.setattr("al_lightning.acquisition.functional.unit_vectors.ROOM", 128)
    assert typicality(UnitVectors(features)).numpy() == pytest.approx(1 / (distance[:, 1:].mean(axis=1) + 1e-5))


def test_typicality_of_one_vector_and_of_copies():
    assert typicality(UnitVectors(torch.ones(1, 3))).tolist() == [1.0]
    assert typicality(UnitVectors(torch.ones(6, 3))).numpy() == pytest.approx(np.full(6, 1e5), rel=1e-2)


def around(degrees, count):
    """As many vectors around an angle, the first one in the middle: 0, 1, -1, 2, -2 ... degrees off."""
    offsets = [(-1) ** (number + 1) * ((number + 1) // 2) for number in range(count)]
    angles = torch.tensor([math.radians(degrees + offset) for offset in offsets], dtype=torch.float64)
    return torch.stack([angles.cos(), angles.sin()], dim=1)


CLUSTERS = torch.tensor([0] * 7 + [1] * 9 + [2] * 7 + [3] * 5)
FEATURES = torch.cat([around(0, 7), around(60, 9), around(120, 7), around(180, 5)])


def choose(labelled, count, limits=None, features=FEATURES, clusters=CLUSTERS):
    mask = torch.zeros(len(clusters), dtype=torch.bool)
    mask[labelled] = True
    return typical_choice(UnitVectors(features), allowed_of(mask, limits), clusters, count)


def test_large_clusters_come_first_small_ones_last_and_they_take_turns():
    rows, values = choose([], 3)
    assert rows == [7, 0, 16]  # of nine, of seven, of the other seven: the middle of each
    # Nine within four degrees, the middle's four nearest 1, 1, 2, 2 degrees away.
    mean = (2 * 2 * math.sin(math.radians(0.5)) + 2 * 2 * math.sin(math.radians(1))) / 4
    assert values[0] == pytest.approx(1 / (mean + 1e-5), rel=1e-4)
    again, _ = choose([], 6)
    assert again[:3] == rows
    assert CLUSTERS[again[3:]].tolist() == [1, 0, 2]  # no cluster of five
    assert len(set(again)) == 6


def test_clusters_with_fewer_labelled_rows_come_first():
    rows, _ = choose([8, 9, 3], 3)
    assert CLUSTERS[rows].tolist() == [2, 0, 1]
    assert 3 not in rows


def test_a_small_cluster_is_asked_once_the_others_are_empty():
    rows, _ = choose([], 28)
    assert sorted(rows) == list(range(28))
    assert CLUSTERS[rows[23:]].tolist() == [3] * 5


def test_limits_are_kept():
    rows, _ = choose(
        [], 3, Limits(torch.zeros(1, 28, dtype=torch.int64) + (CLUSTERS > 0).long(), (1,), 0, NONE, NONE, NONE)
    )
    assert CLUSTERS[rows[:2]].tolist() == [1, 0]
    nobody = Limits(torch.arange(28)[None], (1,), 0, NONE, NONE, NONE)
    assert choose([], 9, nobody) == choose([], 9)


def test_limits_that_are_loosened_open_large_clusters_before_small_ones():
    one_of_each = Limits(CLUSTERS[None], (1,), 0, NONE, NONE, NONE)
    rows, _ = choose([], 8, one_of_each)
    assert CLUSTERS[rows].tolist() == [1, 0, 2, 3, 1, 0, 2, 3]
    # Of the two small clusters' group one row is chosen, and none is left: the large one is open before the other.
    clusters = torch.tensor([0] * 8 + [1] * 4 + [2] * 4)
    one_of_each = Limits(clusters.clamp(max=1)[None], (1,), 0, NONE, NONE, NONE)
    features = torch.cat([around(0, 8), around(60, 4), around(120, 4)])
    rows, _ = choose([], 3, one_of_each, features, clusters)
    assert clusters[rows].tolist() == [0, 1, 0]


def test_k_means_finds_clusters_again_with_the_same_seed():
    labels = [k_means(FEATURES, 4, generator("select", 0)) for _ in range(2)]
    assert torch.equal(*labels)
    pairs = {(int(a), int(b)) for a, b in zip(labels[0], CLUSTERS, strict=True)}
    assert len(pairs) == 4


def test_k_means_of_copies_and_of_many_clusters():
    assert k_means(torch.ones(6, 2), 3, generator("select", 0)).tolist() == [0] * 6
    many = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    first, second = (k_means(many, 60, generator("select", 0)) for _ in range(2))
    assert torch.equal(first, second)
    assert len(torch.unique(first)) > 40
