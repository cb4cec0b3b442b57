"""DropQuery: how often classes flip, and who is a candidate."""

import pytest
import torch
from scipy import stats

from al_lightning.acquisition import DropQuery
from al_lightning.acquisition.dropquery import count_flips, flipping
from al_lightning.acquisition.testing import TinyClassifier, TinySegmenter
from al_lightning.errors import UsageError
from al_lightning.networks.logistic import ABSENT
from al_lightning.seeding import generator
from al_lightning.types import Batch, LinearHead
from tests.support.errors import raises
from tests.support.heads import head
from tests.support.selections import inputs


@pytest.mark.parametrize("dropout", [0.75, 0.2])
def test_an_image_that_hangs_on_one_feature_flips_as_often_as_it_is_dropped(dropout):
    # Class 0 where the feature is above 0.5: without it class 1.
    classifier = LinearHead(torch.tensor([[1.0], [0.0]]).double(), torch.tensor([0.0, 0.5]).double())
    flips = count_flips(torch.ones(3000, 1), classifier, torch.arange(3000), 3, dropout, generator("select", 0))
    expected = 3000 * stats.binom.pmf(range(4), 3, dropout)
    assert stats.chisquare(flips.bincount(minlength=4).numpy(), expected).pvalue > 0.01


class Bent(TinyClassifier):
    """Uses its linear layer, and not alone."""

    def decode(self, features):
        return super().decode(features._replace(embedding=features.embedding.relu() - 5))


def test_a_head_that_is_not_all_there_is_to_the_logits_is_refused():
    batch = Batch(torch.randn(3, 3, 16, 24), torch.zeros(3), torch.arange(3))
    with torch.no_grad():
        assert DropQuery().score(TinyClassifier().eval(), batch)["embedding"].shape == (3, 12)
        with raises(UsageError, "DropQuery", "Bent", "linear_head()"):
            DropQuery().score(Bent().eval(), batch)
        absent = Bent().eval()
        absent.classifier.bias[1] = ABSENT  # as of a probe's class without a label
        with raises(UsageError, "DropQuery", "Bent", "linear_head()"):
            DropQuery().score(absent, batch)


def test_what_is_left_of_an_embedding_keeps_its_mean():
    # Of 400 equal features a quarter is left, four times as large: their sum stays on its side of the bias.
    classifier = LinearHead(torch.tensor([[1.0] * 400, [0.0] * 400]).double(), torch.tensor([0.0, 200.0]).double())
    flips = count_flips(torch.ones(50, 400), classifier, torch.arange(50), 3, 0.75, generator("select", 0))
    assert flips.sum() == 0


def test_masks_differ_by_image_and_do_not_depend_on_the_candidates():
    embedding = torch.randn(1, 6, generator=torch.Generator().manual_seed(0)).repeat(3000, 1)
    classifier = head(3, 6)
    index = torch.arange(3000)
    flips = count_flips(embedding, classifier, index, 3, 0.75, generator("select", 0))
    assert len(flips.unique()) > 2
    few = index[5::7]
    assert count_flips(embedding[few], classifier, few, 3, 0.75, generator("select", 0)).tolist() == flips[few].tolist()


def test_the_threshold_falls_until_there_are_enough_candidates():
    flips, free = torch.tensor([3, 2, 2, 1, 0, 3]), torch.tensor([True, True, True, True, True, False])
    assert flipping(flips, free, 3, 1).tolist() == [0, 1, 2]  # more than half of three passes
    assert flipping(flips, free, 3, 4).tolist() == [0, 1, 2, 3]
    assert flipping(flips, free, 3, 9).tolist() == [0, 1, 2, 3]  # an image that never flips is no candidate


def test_where_fewer_images_flip_than_are_asked_for_they_come_first():
    # Class 0 where the feature is above 0.5: without it class 1, as that of all others is.
    classifier = LinearHead(torch.tensor([[1.0], [0.0]]).double(), torch.tensor([0.0, 0.5]).double())
    rows = inputs(head=classifier, embedding=torch.tensor([[-1.0], [-1.0], [1.0], [-1.0]]))
    chosen = DropQuery(passes=9).select(rows, 3, generator("select", 0))
    assert chosen.indices == [2, 0, 1]
    assert chosen.scores[0] > 0
    assert chosen.scores[1:] == [0, 0]


def test_one_image_of_each_group_of_directions_is_chosen():
    # Four directions of many images each, of any length: normalised they are four points.
    directions = torch.eye(4).repeat(20, 1) * torch.linspace(1, 9, 80)[:, None]
    rows = inputs(head=head(4, 4), embedding=directions)
    chosen = DropQuery().select(rows, 4, generator("select", 0))
    assert sorted(index % 4 for index in chosen.indices) == [0, 1, 2, 3]
    assert all(score in (0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1) for score in chosen.scores)


def test_a_network_without_a_linear_head_is_refused():
    network = TinyClassifier()
    DropQuery().check(network)
    network.classifier = torch.nn.Sequential(network.classifier, torch.nn.ReLU())
    for one in (network, TinySegmenter()):
        with raises(UsageError, "DropQuery", type(one).__name__, "badge"):
            DropQuery().check(one)


@pytest.mark.parametrize("options", [{"passes": 0}, {"dropout": 0.0}, {"dropout": 1.0}])
def test_options_out_of_range_are_a_sentence(options):
    with raises(UsageError, f"acquisition.{next(iter(options))}"):
        DropQuery(**options)
