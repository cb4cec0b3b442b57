"""Strategies of coverage beside scikit-activeml and scikit-learn on the same arrays; rows.yaml says what is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skactiveml import pool as peer
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, pairwise_distances_argmin_min

from al_lightning.acquisition import Coreset, MaxHerding, ProbCover, TypiClust
from al_lightning.acquisition.functional.ball_cover import BallCover, pure_radius
from al_lightning.acquisition.functional.cluster_choice import one_of_each_cluster
from al_lightning.acquisition.functional.clustering import k_means
from al_lightning.acquisition.functional.typicality import typical_choice
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.seeding import generator
from tests.support.scored import allowed_of, embedded

DRAW = generator("select", 0, 0)


def vectors(size, width, seed=0, groups=8):
    """Vectors of length 1 around some directions, (N, D) float32, and each one's direction."""
    draws = torch.Generator().manual_seed(seed)
    centres = torch.randn(groups, width, generator=draws)
    group = torch.arange(size) % groups
    points = centres[group] + 0.5 * torch.randn(size, width, generator=draws)
    return torch.nn.functional.normalize(points, dim=1), group


def labels(size, labelled):
    """Labels as scikit-activeml reads them: NaN for unlabelled images."""
    known = np.full(size, np.nan)
    known[list(labelled)] = 0
    return known


class Given:
    """A clustering that is known; scikit-activeml makes it by calling the class."""

    def __init__(self, n_clusters, cluster=None):
        self.cluster = cluster

    def fit_predict(self, features):
        return self.cluster.numpy()


def peers_typiclust(features, cluster, labelled, count, k=20):
    strategy = peer.TypiClust(random_state=0, cluster_algo=Given, cluster_algo_dict={"cluster": cluster}, k=k)
    return strategy.query(features.double().numpy(), labels(len(features), labelled), batch_size=count).tolist()


def ours_typiclust(features, cluster, labelled, count):
    mask = torch.zeros(len(features), dtype=torch.bool)
    mask[list(labelled)] = True
    return typical_choice(UnitVectors(features), allowed_of(mask), cluster, count)[0]


def test_coreset_agrees_from_labelled_images():
    features, _ = vectors(200, 16)
    mask = torch.zeros(200, dtype=torch.bool)
    mask[[3, 77, 150]] = True
    ours = Coreset().select(embedded(range(200), mask, features), 20, DRAW)
    known = labels(200, [3, 77, 150])
    chosen, distances = peer.CoreSet(random_state=0).query(features.double().numpy(), known, None, 20, True)
    assert ours.indices == chosen.tolist()
    assert ours.scores == pytest.approx(np.nanmax(distances, axis=1).tolist(), abs=1e-6)


def test_coreset_without_labels_begins_elsewhere():
    features, _ = vectors(200, 16)
    points, none = features.double().numpy(), torch.zeros(200, dtype=torch.bool)
    theirs = [peer.CoreSet(random_state=seed).query(points, labels(200, []), batch_size=9).tolist() for seed in (0, 1)]
    assert theirs[0][0] != theirs[1][0]
    ours = Coreset().select(embedded(range(200), none, features), 9, DRAW).indices
    assert ours[0] == 0
    none[theirs[0][0]] = True
    assert Coreset().select(embedded(range(200), none, features), 8, DRAW).indices == theirs[0][1:]


def test_clusters_and_their_nearest_images_are_scikit_learns():
    draws = torch.Generator().manual_seed(0)
    features = torch.eye(8, 16)[torch.arange(200) % 8] + 0.1 * torch.randn(200, 16, generator=draws)
    features = torch.nn.functional.normalize(features, dim=1)
    model = KMeans(8, n_init=10, random_state=12).fit(features.double().numpy())
    assert adjusted_rand_score(model.labels_, k_means(features, 8, generator("select", 1)).numpy()) == 1
    nearest, _ = pairwise_distances_argmin_min(model.cluster_centers_, features.double().numpy())
    allowed = allowed_of(torch.zeros(200, dtype=torch.bool))
    ours = one_of_each_cluster(features, torch.arange(200), 8, allowed, generator("select", 1))
    assert sorted(ours) == sorted(nearest.tolist())


@pytest.mark.parametrize("labelled", [[], [3, 77, 150]])
@pytest.mark.parametrize("radius", [1.0, 0.5])
def test_maxherding_agrees(labelled, radius):
    features, _ = vectors(200, 16)
    mask = torch.zeros(200, dtype=torch.bool)
    mask[labelled] = True
    ours = MaxHerding(radius=radius).select(embedded(range(200), mask, features), 20, DRAW)
    theirs = peer.MaxHerding(metric_dict={"gamma": radius**-2}, random_state=0)
    assert ours.indices == theirs.query(features.double().numpy(), labels(200, labelled), batch_size=20).tolist()


def test_maxherding_by_default_has_another_radius():
    features, _ = vectors(200, 16)
    rows = embedded(range(200), torch.zeros(200, dtype=torch.bool), features)
    theirs = peer.MaxHerding(random_state=0).query(features.double().numpy(), labels(200, []), batch_size=20).tolist()
    assert MaxHerding().select(rows, 20, DRAW).indices != theirs
    assert MaxHerding(radius=16**0.5).select(rows, 20, DRAW).indices == theirs


def test_typiclust_agrees_on_large_clusters():
    features, group = vectors(400, 16)
    cluster = torch.where(torch.arange(400) < 40, 8, group)  # of different sizes, 40 and more
    assert int(torch.bincount(cluster).min()) >= 40
    ours = ours_typiclust(features, cluster, [], 9)
    theirs = peers_typiclust(features, cluster, [], 9)
    assert sorted(ours) == sorted(theirs)  # equal clusters are drawn there


def test_typiclust_goes_around_labelled_clusters():
    features, group = vectors(320, 16)
    labelled = list(range(7))  # one of each group but one
    ours = ours_typiclust(features, group, labelled, 3)
    theirs = peers_typiclust(features, group, labelled, 3)
    assert ours[0] == theirs[0]
    assert group[ours].tolist()[1:] == [0, 1]
    assert ours[1:] != theirs[1:]


def test_typiclust_leaves_small_clusters_for_the_end():
    features, group = vectors(320, 16)
    cluster = group.clone()
    cluster[group == 7] = 0
    cluster[:5] = 7  # five images
    assert 7 in cluster[peers_typiclust(features, cluster, [], 8)].tolist()
    assert 7 not in cluster[ours_typiclust(features, cluster, [], 8)].tolist()


def test_squared_distances_choose_another_image():
    features, _ = vectors(60, 4, seed=4, groups=1)
    points = UnitVectors(features)
    square = points.squares(torch.arange(60), points).fill_diagonal_(torch.inf)
    squared = square.topk(20, dim=1, largest=False).values.mean(dim=1).argmin()
    plain = square.topk(20, dim=1, largest=False).values.sqrt().mean(dim=1).argmin()
    chosen = TypiClust().select(embedded(range(60), torch.zeros(60, dtype=torch.bool), features), 1, DRAW).indices
    assert chosen == [int(plain)]
    assert chosen != [int(squared)]


@pytest.mark.filterwarnings("ignore:The maximum purity")  # a given delta is not judged
@pytest.mark.parametrize("labelled", [[], [3, 77, 150]])
def test_probcover_agrees_on_all_degrees(labelled):
    features, _ = vectors(200, 16)
    mask = torch.zeros(200, dtype=torch.bool)
    mask[labelled] = True
    theirs = peer.ProbCover(deltas=[0.75], random_state=0)
    known = labels(200, labelled)
    chosen, degrees = theirs.query(features.double().numpy(), known, batch_size=8, return_utilities=True)
    points = UnitVectors(features)
    cover = BallCover(points, points.within(torch.arange(200), points, 0.75)[mask].any(dim=0), 0.75)
    for row, degree in zip(chosen.tolist(), degrees, strict=True):
        known_degree = ~np.isnan(degree)
        assert degree[known_degree].tolist() == cover.degree.numpy()[known_degree].tolist()
        cover.cover(row)
    ours = ProbCover(delta=0.75).select(embedded(range(200), mask, features), 1, DRAW)
    assert ours.scores[0] == degrees[0][chosen[0]]


@pytest.mark.parametrize("seed", range(4))
def test_probcovers_delta_is_the_last_step_below_ours(seed):
    features, group = vectors(200, 16, seed)
    strategy = peer.ProbCover(n_classes=8, cluster_algo=Given, cluster_algo_dict={"cluster": group}, random_state=0)
    strategy.query(features.double().numpy(), labels(200, []), batch_size=1)
    ours = pure_radius(UnitVectors(features), group)
    assert strategy.delta_max_ <= ours + 1e-3 or strategy.delta_max_ == pytest.approx(0.2)
    assert ours < strategy.delta_max_ + 0.2


def test_probcover_can_choose_one_of_the_last_images():
    features = torch.cat([torch.eye(600, 602), torch.zeros(1, 602)])
    features[600, 600] = 1.0
    features[:5, 600] = 1.0  # five images 45 degrees from the last, which alone holds them all
    rows = embedded(range(601), torch.zeros(601, dtype=torch.bool), features)
    assert ProbCover(delta=0.8).select(rows, 1, DRAW).indices == [600]
    unit = torch.nn.functional.normalize(features.double())
    degree = (torch.cdist(unit, unit) < 0.8).sum(dim=1)
    assert (int(degree[: 601 // 500 * 500].max()), int(degree[600])) == (2, 6)  # what whole blocks offer, and the last
