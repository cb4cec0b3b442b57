"""The conformance kit: every shipped strategy passes it, on the networks and pools that it takes."""

import random

import numpy as np
import pytest
import torch

from al_lightning import acquisition
from al_lightning.acquisition import (
    BAIT,
    BALD,
    Acquisition,
    ALFAMix,
    Coreset,
    DropQuery,
    Entropy,
    LearningLoss,
    OnEmbeddings,
    Power,
    UniformEntropy,
    VariationRatio,
)
from al_lightning.acquisition.functional import top_scores
from al_lightning.acquisition.testing import ConformanceError, TinyClassifier, TinySegmenter, check_strategy
from al_lightning.networks import WideResNet
from al_lightning.pool import Pool
from al_lightning.types import Selection
from tests.support.errors import raises
from tests.support.strategies import DrawsFromTorch, OneOfEachGroup, Sound

NOT_ALONE = {Acquisition, OnEmbeddings, Power}
"""Base classes, and a strategy that needs another one (tests/acquisition/test_power.py)."""
NAMED = [getattr(acquisition, name) for name in acquisition.__all__]
SHIPPED = [each for each in NAMED if issubclass(each, Acquisition) and each not in NOT_ALONE]
OF_IMAGES = {ALFAMix, BAIT, DropQuery, VariationRatio}
"""Strategies for a class per image."""


@pytest.mark.parametrize("strategy", [strategy for strategy in SHIPPED if strategy in OF_IMAGES])
def test_the_others_conform_for_a_class_per_image(strategy):
    check_strategy(strategy)


@pytest.mark.parametrize("predicts", ["pixel", pytest.param("image", marks=pytest.mark.slow)])
@pytest.mark.parametrize("strategy", [strategy for strategy in SHIPPED if strategy not in OF_IMAGES])
def test_most_shipped_strategies_take_either_kind_of_network(strategy, predicts):
    check_strategy(strategy, predicts=predicts)


@pytest.mark.parametrize(
    "make",
    [lambda: BALD(passes=2), lambda: LearningLoss(subset=7), lambda: UniformEntropy(step=3)],
    ids=["BALD", "LearningLoss", "UniformEntropy"],
)
def test_shipped_strategies_conform_with_other_options(make):
    check_strategy(make)


def test_a_users_strategy_in_one_line():
    check_strategy(Sound)
    check_strategy(OneOfEachGroup)


class ReadsNamesAndSequences(Sound):
    """Of each sequence in turn, the first name."""

    def select(self, rows, count, generator):
        order = sorted((~rows.labelled).nonzero().flatten().tolist(), key=lambda row: rows.names[row])
        turn = {
            row: sum(rows.sequence[each] == rows.sequence[row] for each in order[:place])
            for place, row in enumerate(order)
        }
        chosen = sorted(order, key=lambda row: (turn[row], rows.names[row]))[:count]
        return Selection(rows.index[chosen].tolist(), [0.0] * count)


def test_names_sequences_and_features_are_those_of_the_images():
    check_strategy(lambda: Coreset(features="another"))
    with raises(ConformanceError, "NaN"):  # all else is right: it looks at no scores
        check_strategy(ReadsNamesAndSequences)


class Wide(TinyClassifier):
    """As many numbers as ResNet-50 has, which are more than an image has pixels."""

    def encode(self, image):
        features = super().encode(image)
        return features._replace(embedding=features.embedding.repeat(1, 171))


def test_an_embedding_may_be_wide():
    check_strategy(Coreset, network=Wide)


class DrawsByWeight(Sound):
    """Draws in `select`, so that the order of the pool bears on it."""

    def select(self, rows, count, generator):
        ranked = top_scores(rows, rows.value[0, :, 0], int((~rows.labelled).sum()))
        drawn = generator.permutation(ranked.indices[: 2 * count])[:count]
        return Selection(drawn.tolist(), [0.0] * count)


class RanksCoarsely(Sound):
    """Scores of few values: where they are equal the position decides."""

    def score(self, network, batch):
        return super().score(network, batch).round()


@pytest.mark.parametrize("strategy", [DrawsByWeight, RanksCoarsely])
def test_draws_and_ties_may_depend_on_the_order_of_the_pool(strategy):
    check_strategy(strategy)


def test_a_strategy_may_refuse_one_kind_of_network_but_not_the_one_asked_for():
    check_strategy(VariationRatio)
    with raises(ConformanceError, "check", "VariationRatio", "classes of pixels"):
        check_strategy(VariationRatio, predicts="pixel")
    with raises(ConformanceError, "check", "VariationRatio", "classes of pixels"):
        check_strategy(VariationRatio, network=TinySegmenter)


def test_the_kit_takes_another_network_and_another_pool():
    made = []

    def network():
        made.append(WideResNet(5, depth=10, width=1))
        return made[-1]

    check_strategy(Entropy, network=network, pool=Pool(20, (3, 11)))
    assert len(made) == 1
    with raises(ConformanceError, "BALD", "WideResNet", "--network.dropout"):
        check_strategy(BALD, network=network)
    with raises(ConformanceError, "UniformEntropy", "initial set", "sequence_pattern"):
        check_strategy(UniformEntropy, pool=Pool(20, (3, 11)))


def test_an_ensemble_gets_a_network_of_its_own_per_member():
    seen = []

    class Looks(Sound):
        members = 3

        def prepare(self, network, generator):
            seen.append(network.classifier.weight)

        def select(self, rows, count, generator):
            assert rows.value.shape[0] == 3
            return top_scores(rows, rows.value[:, :, 0].mean(dim=0), count)

    check_strategy(Looks, predicts="image")
    assert len({id(weight) for weight in seen}) == 3
    assert len({weight.sum().item() for weight in seen}) == 3


def test_the_kit_leaves_the_global_generators_alone_also_where_it_fails():
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    expected = torch.rand(1).item(), np.random.rand(), random.random()
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    check_strategy(Coreset, predicts="image")
    with raises(ConformanceError, "DrawsFromTorch"):
        check_strategy(DrawsFromTorch)
    assert (torch.rand(1).item(), np.random.rand(), random.random()) == expected


def test_the_kits_networks_show_all_that_a_strategy_may_look_at():
    for kind, shape in ((TinyClassifier, (2, 4)), (TinySegmenter, (2, 4, 9, 14))):
        network, image = kind(), torch.randn(2, 3, 9, 14)
        output, features = network(image), network.encode(image)
        assert output.logits.shape == shape
        assert output.predicted_loss.shape == (2,)
        assert features.embedding.shape == (2, 12)
        assert [tap.shape[1] for tap in features.taps] == [6, 12]


class ForgetsFeatures(Coreset):
    def select(self, rows, count, generator):
        return super().select(rows._replace(features=None), count, generator)


def test_a_strategy_that_does_not_look_at_features_is_told():
    with raises(ConformanceError, "ForgetsFeatures", "another encoder"):
        check_strategy(ForgetsFeatures)
