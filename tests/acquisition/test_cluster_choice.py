"""One row of each cluster."""

import torch

from al_lightning.acquisition.functional.cluster_choice import from_centroids, nearest_of_each, one_of_each_cluster
from al_lightning.seeding import generator
from tests.support.selections import allowed


def test_distances_are_those_from_the_means():
    draws = torch.Generator().manual_seed(0)
    vectors, cluster = torch.randn(5000, 3, generator=draws), torch.randint(4, (5000,), generator=draws)
    means = torch.stack([vectors[cluster == number].double().mean(dim=0) for number in range(4)])
    torch.testing.assert_close(from_centroids(vectors, cluster), (vectors - means[cluster]).square().sum(dim=1))


def test_the_nearest_open_row_of_each_cluster_then_the_next():
    cluster, square = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([3.0, 1.0, 1.0, 5.0, 4.0]).double()
    rows = torch.tensor([0, 2, 4, 6, 8])
    assert nearest_of_each(cluster, square, rows, 4, allowed(10)) == [2, 8, 4, 6]
    assert nearest_of_each(cluster, square, rows, 3, allowed(10, labelled=(2,))) == [4, 8, 0]
    assert nearest_of_each(cluster, square, rows, 9, allowed(10)) == [2, 8, 4, 6, 0]
    group = torch.tensor([0, 0, 1, 0, 0, 0, 2, 0, 1, 0])  # rows 2 and 8 are of one group
    assert nearest_of_each(cluster, square, rows, 2, allowed(10, group=group)) == [2, 6]


def test_clusters_are_of_directions_and_equal_rows_are_taken_from_the_lowest():
    # Three directions around an axis each; the nearest to the mean direction stands in the middle, at any length.
    axes = torch.eye(3).repeat_interleave(5, dim=0)
    around = torch.tensor([-0.2, -0.1, 0.0, 0.1, 0.2]).repeat(3)[:, None] * axes.roll(1, dims=1)
    embedding = (axes + around) * torch.linspace(1, 50, 15)[:, None]
    taken = one_of_each_cluster(embedding, torch.arange(15), 3, allowed(15), generator("select", 0))
    assert sorted(taken) == [2, 7, 12]
    same = one_of_each_cluster(torch.ones(6, 2), torch.tensor([1, 3, 5]), 2, allowed(6), generator("select", 0))
    assert same == [1, 3]
