"""MaxHerding, UHerding, TypiClust, ProbCover and DCoM: what they read, and choices worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from al_lightning.acquisition import DCoM, MaxHerding, ProbCover, TypiClust, UHerding
from al_lightning.acquisition.functional.clustering import k_means
from al_lightning.errors import ALError, UsageError
from al_lightning.networks import WideResNet
from al_lightning.networks.from_features import FromFeatures, Layout
from al_lightning.networks.logistic import temperature_of
from al_lightning.seeding import generator
from al_lightning.types import SelectionInputs
from tests.support import plain_coverage
from tests.support.errors import raises
from tests.support.scored import Watched, batch_of, embedded

COVERAGE = [MaxHerding, UHerding, TypiClust, ProbCover, DCoM]
DRAW = generator("select", 0, 0)


def groups(sizes, width=6, spread=0.05, seed=0):
    """Embeddings around as many orthogonal directions, and the group of each."""
    draws = torch.Generator().manual_seed(seed)
    group = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return torch.eye(width)[group] + spread * torch.randn(len(group), width, generator=draws), group


def rows_of(embedding, labelled=(), shares=None, **parts):
    """Inputs of `select`: embeddings and other columns, (N,) or (N, K)."""
    size = len(embedding)
    columns = {name: torch.as_tensor(part, dtype=torch.float32).view(size, -1) for name, part in parts.items()}
    value = torch.cat([*columns.values(), embedding.float()], dim=1)
    widths = {name: part.shape[1] for name, part in columns.items()} | {"embedding": embedding.shape[1]}
    mask = torch.zeros(size, dtype=torch.bool)
    mask[list(labelled)] = True
    return SelectionInputs(torch.arange(size) + 100, mask, value[None], widths, shares=shares)


def shares_of(label, classes, labelled):
    """Shares of one class an image, NaN where it is not labelled."""
    shares = torch.nn.functional.one_hot(label, classes).float()
    shares[[row for row in range(len(label)) if row not in set(labelled)]] = torch.nan
    return shares


@pytest.mark.parametrize("strategy", [MaxHerding, TypiClust, ProbCover])
def test_a_strategy_without_labels_can_begin_and_reads_the_embedding_alone(strategy):
    network, image = Watched(), torch.rand(2, 3, 4, 4)
    value = strategy().score(network, batch_of(image))
    assert torch.equal(value["embedding"], image.mean(dim=(2, 3)))
    assert (list(value), network.decoded) == (["embedding"], 0)
    assert strategy.cold_start
    assert not strategy(features="efficientnet").needs_network
    embedding, group = groups([12, 9, 6])
    chosen = strategy().select(rows_of(embedding, shares=torch.full((27, 3), torch.nan)), 3, DRAW)
    assert sorted(group[np.array(chosen.indices) - 100].tolist()) == [0, 1, 2]


@pytest.mark.parametrize("strategy", [UHerding, DCoM])
def test_a_strategy_that_reads_predictions_needs_the_network_for_them(strategy):
    network, image = Watched(), torch.rand(2, 3, 4, 4)
    assert torch.equal(strategy().score(network, batch_of(image))["embedding"], image.mean(dim=(2, 3)))
    assert not strategy.cold_start
    with_features = strategy(features="efficientnet")
    assert with_features.needs_network
    assert "embedding" not in with_features.score(network, batch_of(image))


@pytest.mark.parametrize("strategy", COVERAGE)
def test_vectors_of_a_frozen_encoder_take_the_place_of_the_embedding(strategy):
    embedding, group = groups([12, 9, 6])
    rows = rows_of(torch.zeros(27, 2), uncertainty=torch.ones(27), **{"class": torch.zeros(27)})
    chosen = strategy().select(rows._replace(features=embedding), 3, DRAW)
    assert sorted(group[np.array(chosen.indices) - 100].tolist()) == [0, 1, 2]


@pytest.mark.parametrize("strategy", COVERAGE)
def test_an_embedding_that_is_not_finite_is_named(strategy):
    with raises(ALError, "embedding of image 8"):
        strategy().select(embedded([3, 8], [False, True], [[0.0, 1.0], [math.nan, 1.0]]), 1, DRAW)


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda: MaxHerding(radius=1e-6), "acquisition.radius"),
        (lambda: UHerding(temperature=-1), "acquisition.temperature"),
        (lambda: ProbCover(delta=3), "acquisition.delta"),
        (lambda: DCoM(delta=0), "acquisition.delta"),
    ],
)
def test_an_option_out_of_its_range(make, option):
    with raises(UsageError, option):
        make()


def test_maxherding_is_the_plain_algorithm():
    embedding, _ = groups([10, 20, 5], spread=0.3)
    rows = rows_of(embedding, labelled=[0, 12])
    chosen = MaxHerding(radius=0.7).select(rows, 5, DRAW)
    expected, gains = plain_coverage.herding(embedding, rows.labelled, 5, 0.7)
    assert [index - 100 for index in chosen.indices] == expected
    assert chosen.scores == pytest.approx(gains, rel=2e-5)
    assert chosen.note == ""


def test_maxherding_says_that_it_looks_at_a_sample(monkeypatch):
    monkeypatch.setattr("al_lightning.acquisition.functional.herding.REFERENCES", 10)
    embedding, _ = groups([10, 20, 5])
    assert "10 of 35" in MaxHerding().select(rows_of(embedding), 2, DRAW).note


def test_uherding_weighs_by_uncertainty_at_the_radius_of_the_labelled():
    embedding, _ = groups([10, 20, 5], spread=0.3)
    probability = torch.rand(35, 4, generator=torch.Generator().manual_seed(1)).softmax(dim=1)
    rows = rows_of(embedding, labelled=[0, 12, 31], probability=probability)
    chosen = UHerding(temperature=2.0).select(rows, 5, DRAW)
    highest, second = (probability.double().log() / 2).softmax(dim=1).topk(2).values.T
    between = plain_coverage.distances(embedding)
    radius = float(between[rows.labelled][:, rows.labelled].topk(2, largest=False).values[:, 1].min())
    expected, _ = plain_coverage.herding(embedding, rows.labelled, 5, radius, 1 - highest + second)
    assert [index - 100 for index in chosen.indices] == expected
    reach = f"an image stands for others up to a distance of about {radius:.3g}"
    assert chosen.note == f"{reach}; its probabilities are those at temperature 2"


def test_uherding_calibrates_on_the_labelled_images():
    embedding, group = groups([20, 20, 20], spread=0.6)
    labelled = range(0, 60, 2)
    rows = rows_of(embedding, labelled, shares_of(group, 3, labelled), probability=torch.rand(60, 3))
    note = UHerding().select(rows, 3, generator("select", 0)).note
    picked = embedding[list(labelled)].float()
    expected = temperature_of(picked, group[list(labelled)], 3, 12.8 / 6, generator("select", 0))
    assert 0.05 < expected < 20
    assert expected != pytest.approx(1, abs=0.01)
    assert f"temperature {expected:.3g}" in note


def test_uherding_has_a_temperature_for_a_probe_alone():
    """A network that was trained has seen the labels that would be held out."""
    network, batch = WideResNet(4, depth=10, width=1).eval(), batch_of(torch.rand(2, 3, 16, 24))
    probe = FromFeatures(network, Layout((), 64, (16, 24)))
    rows = batch_of(network.encode(batch.image).embedding)
    with torch.no_grad():
        assert UHerding().score(network, batch).keys() == {"uncertainty", "embedding"}
        assert UHerding(temperature=2).score(network, batch).keys() == {"probability", "embedding"}
        assert UHerding().score(probe, rows).keys() == {"probability", "embedding"}
        assert UHerding(features="resnet18").score(probe, rows).keys() == {"uncertainty"}


def test_uherding_covers_the_pool_where_no_image_is_uncertain():
    embedding, _ = groups([10, 20, 5], spread=0.3)
    certain = torch.tensor([1.0, 0, 0]).expand(35, 3)  # as a head predicts whose labels are all of one class
    chosen = UHerding().select(rows_of(embedding, labelled=[0], probability=certain), 5, DRAW)
    assert chosen.indices == MaxHerding().select(rows_of(embedding, labelled=[0]), 5, DRAW).indices
    assert "nothing uncertain is left to cover from choice 1 on, and all images count alike" in chosen.note
    certain = certain.clone()
    certain[20] = torch.tensor([0.5, 0.5, 0])
    chosen = UHerding().select(rows_of(embedding, labelled=[0], probability=certain), 5, DRAW)
    plain = MaxHerding().select(rows_of(embedding, labelled=[0, 20]), 4, DRAW)
    assert chosen.indices == [120, *plain.indices]
    assert "from choice 2 on" in chosen.note


def test_uherding_of_pixels_weighs_by_the_mean_margin():
    embedding, group = groups([12, 9, 6])
    chosen = UHerding().select(rows_of(embedding, uncertainty=(group == 2).float()), 2, DRAW)
    assert group[chosen.indices[0] - 100] == 2
    assert "temperature" not in chosen.note
    with raises(ALError, "image 105"):
        doubt = torch.where(torch.arange(27) == 5, torch.nan, 1.0)
        UHerding().select(rows_of(embedding, uncertainty=doubt), 2, DRAW)


def test_probcover_covers_the_largest_group_first_and_none_that_is_covered():
    embedding, group = groups([12, 9, 6])
    rows = rows_of(embedding, labelled=[3], shares=shares_of(group, 3, [3]))
    chosen = ProbCover(delta=0.7).select(rows, 2, DRAW)
    assert group[np.array(chosen.indices) - 100].tolist() == [1, 2]
    assert chosen.scores == [9.0, 6.0]
    assert chosen.note == "delta 0.7"


def test_probcover_halves_delta_once_all_is_covered():
    tight, group = groups([12, 9, 6], spread=0.01)
    loose, _ = groups([0, 0, 0, 8], spread=0.5, seed=1)
    chosen = ProbCover(delta=1.9).select(rows_of(torch.cat([tight, loose])), 6, DRAW)
    assert chosen.note.startswith("delta 1.9, then 0.95")
    assert {int(group[index - 100]) for index in chosen.indices if index < 127} == {0, 1, 2}
    assert all(score > 0 for score in chosen.scores)
    copies = ProbCover().select(rows_of(torch.ones(5, 3)), 3, DRAW)  # nothing is left to cover
    assert copies.scores == [5.0, 0.0, 0.0]


@pytest.mark.parametrize("strategy", [ProbCover, DCoM])
def test_of_images_that_cover_as_many_one_is_drawn(strategy):
    """Else those of the first class would be taken, where the pool's order is that of the classes."""
    apart = rows_of(torch.eye(60), **{"class": torch.zeros(60)}, uncertainty=torch.zeros(60))
    batches = [strategy(delta=0.5).select(apart, 15, generator("select", seed)) for seed in range(20)]
    assert all(set(batch.scores) <= {0.0, 1.0} for batch in batches)
    assert 0.4 < sum(index < 130 for batch in batches for index in batch.indices) / 300 < 0.6
    assert strategy(delta=0.5).select(apart, 15, generator("select", 0)) == batches[0]


def test_probcover_finds_delta_from_as_many_clusters_as_classes():
    embedding, group = groups([12, 9, 6])
    # Balls are pure up to the distance between two groups; of 27 balls one may be impure.
    between = plain_coverage.distances(embedding)
    between[group[:, None] == group] = torch.inf
    expected = float(between.amin(dim=1).sort().values[1])
    chosen = ProbCover().select(rows_of(embedding, shares=torch.full((27, 3), torch.nan)), 3, DRAW)
    assert chosen.note == f"delta {math.floor(expected * 100) / 100:.3g}"  # 1.1 and some, to 3 digits
    assert chosen.scores == [12.0, 9.0, 6.0]


def test_typiclust_clusters_as_many_as_are_labelled_and_to_be_labelled():
    embedding, group = groups([12, 9, 8])
    chosen = TypiClust().select(rows_of(embedding, labelled=[3]), 2, DRAW)
    assert group[np.array(chosen.indices) - 100].tolist() == [1, 2]


def test_dcom_goes_from_density_to_margin():
    embedding, group = groups([12, 9, 6])
    doubt = torch.linspace(0.1, 0.9, 27)
    rows = rows_of(embedding, uncertainty=doubt, **{"class": group})
    cold = DCoM(delta=0.7).select(rows, 2, DRAW)
    assert group[np.array(cold.indices) - 100].tolist() == [0, 1]  # the largest balls
    assert cold.note.startswith("competence 1.97e-12")  # 1 / (1 + e^27), times 1 + e^-3
    labelled = [0, 12, 21]  # one of each group: their balls cover all
    known = rows_of(embedding, labelled, shares_of(group, 3, labelled), uncertainty=doubt, **{"class": group})
    warm = DCoM(delta=0.7).select(known, 2, DRAW)
    assert warm.indices == [126, 125]  # the smallest margins
    assert warm.note == "competence 1, delta 0.7"


def test_typiclust_makes_no_more_than_so_many_clusters(monkeypatch):
    asked = []

    def watched(points, clusters, draws):
        asked.append(clusters)
        return k_means(points, clusters, draws)

    monkeypatch.setattr("al_lightning.acquisition.typiclust.k_means", watched)
    embedding, _ = groups([12, 9, 8])
    TypiClust().select(rows_of(embedding, labelled=[3]), 3, DRAW)
    monkeypatch.setattr("al_lightning.acquisition.typiclust.MOST_CLUSTERS", 2)
    chosen = TypiClust().select(rows_of(embedding, labelled=[3]), 3, DRAW)
    assert asked == [4, 2]
    assert len(chosen.indices) == 3


@pytest.mark.parametrize("seed", range(6))
def test_dcom_is_the_plain_algorithm_where_density_and_margin_both_count(seed):
    embedding, group = groups([40, 30, 20, 10], spread=0.25, seed=seed)
    draws = torch.Generator().manual_seed(seed)
    predicted = torch.where(torch.rand(100, generator=draws) < 0.2, 1, group)
    doubt = torch.rand(100, generator=draws)
    labelled = [0, 1, 2, 40, 41, 70]  # none of the last group
    rows = rows_of(embedding, labelled, shares_of(group, 4, labelled), uncertainty=doubt, **{"class": predicted})
    chosen = DCoM(delta=1.1).select(rows, 8, DRAW)
    label = {row: int(group[row]) for row in labelled}
    expected, competence, radius = plain_coverage.dcom(embedding, label, predicted, doubt, 8, 1.1)
    assert 0.3 < competence < 0.95
    assert [index - 100 for index in chosen.indices] == expected
    assert chosen.note == f"competence {competence:.3g}, delta {radius:.3g}"


def test_dcom_gives_a_labelled_image_a_smaller_ball_where_predictions_differ():
    embedding, group = groups([12, 9, 6])
    wrong = torch.where(group == 0, 1, group)
    labelled = [0, 12, 21]
    rows = rows_of(embedding, labelled, shares_of(group, 3, labelled), uncertainty=torch.ones(27), **{"class": wrong})
    note = DCoM(delta=0.7).select(rows, 2, DRAW).note
    assert float(note.rpartition(" ")[2]) < 0.6
