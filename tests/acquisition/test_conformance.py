"""The conformance kit: every shipped strategy passes it, and a strategy broken in one point fails that point."""

import math
import random

import numpy as np
import pytest
import torch

from al_lightning import acquisition
from al_lightning.acquisition import BALD, Acquisition, Coreset, Entropy, LearningLoss, UniformEntropy, VariationRatio
from al_lightning.acquisition.functional import entropy, mean_entropy, top_scores
from al_lightning.acquisition.testing import ConformanceError, TinyClassifier, TinySegmenter, check_strategy
from al_lightning.errors import ALError, UsageError
from al_lightning.networks import WideResNet
from al_lightning.pool import Pool
from al_lightning.types import Selection
from tests.support.errors import raises

SHIPPED = [getattr(acquisition, name) for name in acquisition.__all__ if name != "Acquisition"]


@pytest.mark.parametrize("strategy", SHIPPED)
def test_every_shipped_strategy_conforms(strategy):
    check_strategy(strategy)


@pytest.mark.parametrize("predicts", ["image", "pixel"])
@pytest.mark.parametrize("strategy", [strategy for strategy in SHIPPED if strategy is not VariationRatio])
def test_every_shipped_strategy_but_one_takes_either_kind_of_network(strategy, predicts):
    check_strategy(strategy, predicts=predicts)


@pytest.mark.parametrize(
    "make",
    [lambda: BALD(passes=2), lambda: LearningLoss(subset=7), lambda: UniformEntropy(step=3)],
    ids=["BALD", "LearningLoss", "UniformEntropy"],
)
def test_shipped_strategies_conform_with_other_options(make):
    check_strategy(make)


class Sound(Acquisition):
    """What a user may write; each strategy below breaks it in one point."""

    def score(self, network, batch):
        return mean_entropy(network(batch.image).logits)[:, None]

    def select(self, rows, count, generator):
        return top_scores(rows, rows.value[0, :, 0], count)


def test_a_users_strategy_in_one_line():
    check_strategy(Sound)
    with raises(ConformanceError, "ChoosesTooFew"):
        check_strategy(ChoosesTooFew)


class ChoosesTooFew(Sound):
    def select(self, rows, count, generator):
        return super().select(rows, count - 1, generator)


class ChoosesTwice(Sound):
    def select(self, rows, count, generator):
        chosen = super().select(rows, count, generator)
        return Selection(chosen.indices[:1] * count, chosen.scores)


class ChoosesLabelled(Sound):
    reads_labelled = True

    def select(self, rows, count, generator):
        return Selection(rows.index[rows.labelled][:count].tolist(), [0.0] * count)


class ChoosesUnheardOf(Sound):
    def select(self, rows, count, generator):
        return Selection([1000 + number for number in range(count)], [0.0] * count)


class ScoresByInfinity(Sound):
    def select(self, rows, count, generator):
        return Selection(super().select(rows, count, generator).indices, [math.inf] * count)


class OffersLabelled(Sound):
    def candidates(self, pool, generator):
        return list(range(pool.size))


class OffersTwice(Sound):
    def candidates(self, pool, generator):
        return [int(index) for index in pool.unlabelled] * 2


class OffersNone(Sound):
    def candidates(self, pool, generator):
        return []


class ScoresWithoutColumns(Sound):
    def score(self, network, batch):
        return super().score(network, batch)[:, 0]


class DropsPadding(Sound):
    def score(self, network, batch):
        return super().score(network, batch)[batch.index >= 0]


class ScoresBadly(Sound):
    def score(self, network, batch):
        raise RuntimeError("shapes do not match")


class DrawsBehindTheScenes(Sound):
    def select(self, rows, count, generator):
        with torch.random.fork_rng(devices=[]):
            noise = torch.rand(len(rows.index))
        return top_scores(rows, noise, count)


class DrawsFromTorch(Sound):
    def score(self, network, batch):
        return super().score(network, batch) + 1e-9 * torch.rand(len(batch.index), 1)


class DrawsFromNumPy(Sound):
    def select(self, rows, count, generator):
        np.random.rand()
        return super().select(rows, count, generator)


class DrawsFromPython(Sound):
    def candidates(self, pool, generator):
        random.random()
        return super().candidates(pool, generator)


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


class ReturnsView(Sound):
    def score(self, network, batch):
        return batch.image.flatten(1)[:, :1]


class HoardsImages(Sound):
    def __init__(self):
        self.seen = []

    def score(self, network, batch):
        self.seen.append(batch.image)
        return super().score(network, batch)


class SpoilsRows(Sound):
    def select(self, rows, count, generator):
        chosen = super().select(rows, count, generator)
        rows.value.zero_()
        return chosen


class RemembersChoices(Sound):
    def __init__(self):
        self.asked = 0

    def select(self, rows, count, generator):
        self.asked += 1
        return top_scores(rows, rows.value[0, :, 0] * (-1) ** self.asked, count)


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


class GoesByPosition(Sound):
    def select(self, rows, count, generator):
        return top_scores(rows, torch.where(rows.value[0, :, 0].isnan(), torch.nan, -rows.index), count)


class GoesByPositionUnscored(GoesByPosition):
    needs_network = False

    def select(self, rows, count, generator):
        return top_scores(rows, -rows.index, count)


class NeedsSomethingLabelled(Sound):
    reads_labelled = True

    def select(self, rows, count, generator):
        score = rows.value[0, :, 0]
        return top_scores(rows, score - score[rows.labelled].max(), count)


class NeedsASpareImage(Sound):
    def select(self, rows, count, generator):
        value = rows.value[0, :, 0]
        value.topk(count + 1)
        return super().select(rows, count, generator)


class NeedsASpread(Sound):
    def select(self, rows, count, generator):
        value = rows.value[0, :, 0]
        return top_scores(rows, (value - value.min()) / (value.max() - value.min()), count)


class SortsNaN(Sound):
    def select(self, rows, count, generator):
        order = rows.value[0, :, 0].argsort(descending=True)[:count]
        return Selection(rows.index[order].tolist(), [0.0] * count)


class HidesNaN(Sound):
    def score(self, network, batch):
        return super().score(network, batch).nan_to_num()


class NamesNoImage(Sound):
    def select(self, rows, count, generator):
        if rows.value.isnan().any():
            raise ALError("Something is NaN.")
        return super().select(rows, count, generator)


class NamesAnotherImage(Sound):
    def select(self, rows, count, generator):
        if rows.value.isnan().any():
            raise ALError("The score of image 1000 is NaN.")
        return super().select(rows, count, generator)


class StumblesOverNaN(Sound):
    def select(self, rows, count, generator):
        if rows.value.isnan().any():
            raise ZeroDivisionError("oh")
        return super().select(rows, count, generator)


class OverlooksAMember(Sound):
    members = 2

    def select(self, rows, count, generator):
        return top_scores(rows, rows.value[:, :, 0].nanmean(dim=0), count)


class RefusesAll(Sound):
    def check(self, network):
        raise UsageError("Not with me.")


class ChecksBadly(Sound):
    def check(self, network):
        raise TypeError("no such thing")


class BeginsWithTooMany(Sound):
    def initial(self, pool, count, generator):
        return range(count + 1)


class BeginsTwice(Sound):
    def initial(self, pool, count, generator):
        return [0] * count


class BeginsOutside(Sound):
    def initial(self, pool, count, generator):
        return range(pool.size, pool.size + count)


class BeginsByGlobalDraw(Sound):
    def initial(self, pool, count, generator):
        return np.random.permutation(pool.size)[:count]


class BeginsByPosition(Sound):
    def initial(self, pool, count, generator):
        return range(count)


class OneFitWithoutASet(Sound):
    one_fit = True


class OneFitOfAFew(Sound):
    one_fit = True

    def initial(self, pool, count, generator):
        return [int(index) for index in generator.permutation(pool.size)[: min(count, 3)]]


@pytest.mark.parametrize(
    ("broken", "facts"),
    [
        (ChoosesTooFew, ["ordinary round", "2 images where 3"]),
        (ChoosesTwice, ["ordinary round", "an image twice"]),
        (ChoosesLabelled, ["image 1,", "no candidate"]),
        (ChoosesUnheardOf, ["image 1000,", "no candidate"]),
        (ScoresByInfinity, ["no finite score"]),
        (OffersLabelled, ["candidates", "image 1,"]),
        (OffersTwice, ["candidates", "twice"]),
        (OffersNone, ["candidates", "none"]),
        (ScoresWithoutColumns, ["score", "(4,)", "batch of 4"]),
        (DropsPadding, ["score", "(3, 1)", "batch of 4"]),
        (ScoresBadly, ["ordinary round", "shapes do not match"]),
        (DrawsBehindTheScenes, ["same seed"]),
        (DrawsFromTorch, ["global generator of torch"]),
        (DrawsFromNumPy, ["global generator of numpy"]),
        (DrawsFromPython, ["global generator of Python"]),
        (ChangesWeights, ["classifier.bias", "member 0"]),
        (ScoresInTrainingMode, ["stages.0.1.running_mean"]),
        (SwitchesDropoutOn, ["dropout", "eval"]),
        (ReturnsManyNumbers, ["4096 numbers", "16 x 24", "32 x 48"]),
        (ReturnsView, ["view", "memory"]),
        (HoardsImages, ["keeps more with every batch"]),
        (SpoilsRows, ["select", "changes the rows"]),
        (RemembersChoices, ["the second time"]),
        (ComparesWithItsBatch, ["batches of 1", "batches of 4"]),
        (ComparesWithItsProcess, ["processes", "on one"]),
        (GoesByPosition, ["another order"]),
        (GoesByPositionUnscored, ["another order"]),
        (NeedsSomethingLabelled, ["nothing is labelled"]),
        (NeedsASpareImage, ["as small as the query"]),
        (NeedsASpread, ["all images are equal"]),
        (SortsNaN, ["NaN", "network says of image", "silence"]),
        (HidesNaN, ["silence"]),
        (NamesNoImage, ["does not name it", "Something is NaN."]),
        (NamesAnotherImage, ["does not name it", "image 1000"]),
        (StumblesOverNaN, ["ZeroDivisionError", "oh"]),
        (OverlooksAMember, ["silence"]),
        (RefusesAll, ["check", "Not with me."]),
        (ChecksBadly, ["check", "no such thing"]),
        (BeginsWithTooMany, ["initial", "4 images where 3"]),
        (BeginsTwice, ["initial set of 3 of 36", "twice"]),
        (BeginsOutside, ["initial set of 3 of 36", "image 36"]),
        (BeginsByGlobalDraw, ["initial", "same seed"]),
        (BeginsByPosition, ["initial", "order of the pool's images"]),
        (OneFitWithoutASet, ["one_fit", "None"]),
        (OneFitOfAFew, ["initial", "3 images where 36"]),
    ],
)
def test_each_broken_strategy_fails_in_its_point(broken, facts):
    with raises(ConformanceError, broken.__name__, *facts):
        check_strategy(broken)


def test_pixels_must_be_reduced():
    with raises(ConformanceError, "ReturnsPixels", "384 numbers", "1536", "32 x 48"):
        check_strategy(ReturnsPixels, predicts="pixel")
    check_strategy(ReturnsPixels, predicts="image")  # an image has one entropy


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
