"""Strategies whose score or network check is wrong: each fails the check for it."""

import pytest

from al_lightning.acquisition.functional import entropy, top_scores
from al_lightning.acquisition.testing import ConformanceError, check_strategy
from al_lightning.errors import UsageError
from tests.support.errors import raises
from tests.support.strategies import DrawsFromTorch, Sound


class ScoresWithoutColumns(Sound):
    def score(self, network, batch):
        return super().score(network, batch)[:, 0]


class DropsPadding(Sound):
    def score(self, network, batch):
        return super().score(network, batch)[batch.index >= 0]


class ScoresBadly(Sound):
    def score(self, network, batch):
        raise RuntimeError("shapes do not match")


class ChangesWeights(Sound):
    def score(self, network, batch):
        network.classifier.bias.data.add_(1e-3)
        return super().score(network, batch)


class ScoresInTrainingMode(Sound):
    def score(self, network, batch):
        network.train()
        value = super().score(network, batch)
        network.eval()
        return value


class SwitchesDropoutOn(Sound):
    def prepare(self, network, generator):
        network.dropout.train()


class ReturnsPixels(Sound):
    def score(self, network, batch):
        value = entropy(network(batch.image).logits)
        return value.reshape(len(value), -1)

    def select(self, rows, count, generator):
        return top_scores(rows, rows.value[0].mean(dim=1), count)


class ReturnsManyNumbers(Sound):
    def score(self, network, batch):
        return super().score(network, batch).repeat(1, 4096)


class HoardsImages(Sound):
    def __init__(self):
        self.seen = []

    def score(self, network, batch):
        self.seen.append(batch.image)
        return super().score(network, batch)


class ComparesWithItsBatch(Sound):
    def score(self, network, batch):
        value = super().score(network, batch)
        return value - value.mean()


class ComparesWithItsProcess(Sound):
    def __init__(self):
        self.first = None

    def score(self, network, batch):
        value = super().score(network, batch)
        self.first = value[:1].clone() if self.first is None else self.first
        return value - 10 * self.first


class HidesNaN(Sound):
    def score(self, network, batch):
        return super().score(network, batch).nan_to_num()


class RefusesAll(Sound):
    def check(self, network):
        raise UsageError("Not with me.")


class ChecksBadly(Sound):
    def check(self, network):
        raise TypeError("no such thing")


@pytest.mark.parametrize(
    ("broken", "facts"),
    [
        (ScoresWithoutColumns, ["score", "(4,)", "batch of 4"]),
        (DropsPadding, ["score", "(3, 1)", "batch of 4"]),
        (ScoresBadly, ["ordinary round", "shapes do not match"]),
        (DrawsFromTorch, ["global generator of torch"]),
        (ChangesWeights, ["classifier.bias", "member 0"]),
        (ScoresInTrainingMode, ["stages.0.1.running_mean"]),
        (SwitchesDropoutOn, ["dropout", "eval"]),
        (ReturnsManyNumbers, ["4096 numbers", "16 x 24", "32 x 48"]),
        (HoardsImages, ["keeps more with every batch"]),
        (ComparesWithItsBatch, ["batches of 1", "batches of 4"]),
        (ComparesWithItsProcess, ["processes", "on one"]),
        (HidesNaN, ["silence"]),
        (RefusesAll, ["check", "Not with me."]),
        (ChecksBadly, ["check", "no such thing"]),
    ],
)
def test_each_broken_strategy_fails_its_check(broken, facts):
    with raises(ConformanceError, broken.__name__, *facts):
        check_strategy(broken)


def test_pixels_must_be_reduced():
    with raises(ConformanceError, "ReturnsPixels", "384 numbers", "1536", "32 x 48"):
        check_strategy(ReturnsPixels, predicts="pixel")
    check_strategy(ReturnsPixels, predicts="image")  # an image has one entropy
