"""One row of each cluster."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.acquisition.clusters import k_means, take_of_each
from al_lightning.seeding import generator
from tests.support.quick import quick
from tests.support.selections import allowed


def blobs(count, each, seed=0):
    draws = torch.Generator().manual_seed(seed)
    centre = 20 * torch.eye(count)
    return (centre[:, None] + torch.randn(count, each, count, generator=draws)).flatten(0, 1)


def test_well_separated_groups_are_the_clusters():
    points = blobs(6, 9)
    cluster, square = k_means(points, 6, torch.arange(54), generator("select", 0))
    groups = cluster.view(6, 9)
    assert (groups == groups[:, :1]).all()
    assert sorted(groups[:, 0].tolist()) == list(range(6))
    centroid = points.view(6, 9, 6).double().mean(dim=1, keepdim=True)
    expected = (points.view(6, 9, 6).double() - centroid).square().sum(dim=2).flatten()
    torch.testing.assert_close(square, expected, rtol=1e-4, atol=1e-4)


@given(seed=st.integers(0, 30), count=st.integers(1, 8))
@quick
def test_rows_lie_in_the_cluster_of_the_nearest_centroid_and_centroids_are_means(seed, count):
    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(seed))
    cluster, square = k_means(points, count, torch.arange(40), generator("select", seed))
    means = torch.stack([points[cluster == number].mean(dim=0) for number in range(count)])
    distance = torch.cdist(points, means)
    assert (distance.argmin(dim=1) == cluster).all()
    torch.testing.assert_close(square, distance.amin(dim=1).square().double(), rtol=1e-3, atol=1e-4)


def test_fewer_clusters_where_fewer_rows_differ():
    points = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    cluster, square = k_means(points, 3, torch.arange(4), generator("select", 0))
    assert cluster.unique().tolist() == [0, 1]
    assert square.tolist() == [0, 0, 0, 0]


def test_the_nearest_open_row_of_each_cluster_then_the_next():
    cluster, square = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([3.0, 1.0, 1.0, 5.0, 4.0]).double()
    rows = torch.tensor([0, 2, 4, 6, 8])
    assert take_of_each(cluster, square, rows, 4, allowed(10)) == [2, 8, 4, 6]
    assert take_of_each(cluster, square, rows, 3, allowed(10, labelled=(2,))) == [4, 8, 0]
    assert take_of_each(cluster, square, rows, 9, allowed(10)) == [2, 8, 4, 6, 0]
    group = torch.tensor([0, 0, 1, 0, 0, 0, 2, 0, 1, 0])  # rows 2 and 8 are of one group
    assert take_of_each(cluster, square, rows, 2, allowed(10, group=group)) == [2, 6]
