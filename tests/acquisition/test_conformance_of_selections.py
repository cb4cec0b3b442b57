"""Strategies that select, offer candidates or begin in a wrong way: each fails the check for it."""

import math
import random

import numpy as np
import pytest
import torch

from al_lightning.acquisition import Allowed
from al_lightning.acquisition.functional import top_scores
from al_lightning.acquisition.testing import ConformanceError, check_strategy
from al_lightning.errors import ALError
from al_lightning.types import Selection
from tests.support.errors import raises
from tests.support.strategies import Sound


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


class DrawsBehindTheScenes(Sound):
    def select(self, rows, count, generator):
        with torch.random.fork_rng(devices=[]):
            noise = torch.rand(len(rows.index))
        return top_scores(rows, noise, count)


class DrawsFromNumPy(Sound):
    def select(self, rows, count, generator):
        np.random.rand()
        return super().select(rows, count, generator)


class DrawsFromPython(Sound):
    def candidates(self, pool, generator):
        random.random()
        return super().candidates(pool, generator)


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


class GoesByPosition(Sound):
    def select(self, rows, count, generator):
        return top_scores(rows, torch.where(rows.value[0, :, 0].isnan(), torch.nan, -rows.index), count)


class GoesByPositionAndSaysSo(GoesByPosition):
    keyed_by_position = True


class SpoilsTheHead(Sound):
    def select(self, rows, count, generator):
        if rows.head is not None:
            rows.head.weight.zero_()
        return super().select(rows, count, generator)


class IgnoresTheGap(Sound):
    keeps_limits = True

    def select(self, rows, count, generator):
        return super().select(rows, count, generator) if rows.limits is None else self._within(rows, count)

    def _within(self, rows, count):
        allowed, chosen = Allowed(rows._replace(limits=rows.limits._replace(gap=0))), []
        for row in rows.value[0, :, 0].argsort(descending=True).tolist() * 9:
            if len(chosen) < count and bool(allowed.open[row]):
                allowed.take(row)
                chosen.append(row)
        return Selection(rows.index[chosen].tolist(), [0.0] * count)


class ReadsLabelsOutsideLimits(Sound):
    reads_labelled = reads_labels = True

    def select(self, rows, count, generator):
        weight = rows.shares[rows.labelled].sum(dim=0).sum() + 1  # NaN where it is asked within constraints
        return top_scores(rows, rows.value[0, :, 0] * weight, count)


class NeedsALabelledPixel(Sound):
    reads_labelled = reads_labels = True

    def select(self, rows, count, generator):
        if rows.labelled.any() and not rows.shares[rows.labelled].any():
            raise ZeroDivisionError
        return super().select(rows, count, generator)


class GoesByPositionUnscored(GoesByPosition):
    needs_network = False

    def select(self, rows, count, generator):
        return top_scores(rows, -rows.index, count)


class GoesByNumberOfGroup(Sound):
    reads_groups = True

    def select(self, rows, count, generator):
        return top_scores(rows, torch.where(rows.value[0, :, 0].isnan(), torch.nan, -rows.group), count)


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


class IgnoresLimits(Sound):
    keeps_limits = True


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
        (DrawsBehindTheScenes, ["same seed"]),
        (DrawsFromNumPy, ["global generator of numpy"]),
        (DrawsFromPython, ["global generator of Python"]),
        (SpoilsRows, ["select", "changes the rows"]),
        (SpoilsTheHead, ["select", "changes the rows"]),
        (IgnoresTheGap, ["within constraints", "rule out"]),
        (RemembersChoices, ["the second time"]),
        (GoesByPosition, ["another order"]),
        (GoesByPositionUnscored, ["another order"]),
        (GoesByNumberOfGroup, ["another order"]),
        (NeedsSomethingLabelled, ["nothing is labelled"]),
        (NeedsASpareImage, ["as small as the query"]),
        (NeedsASpread, ["all images are equal"]),
        (NeedsALabelledPixel, ["none of their pixels has a class"]),
        (IgnoresLimits, ["within constraints", "rule out"]),
        (SortsNaN, ["NaN", "network says of image", "silence"]),
        (NamesNoImage, ["does not name it", "Something is NaN."]),
        (NamesAnotherImage, ["does not name it", "image 1000"]),
        (StumblesOverNaN, ["ZeroDivisionError", "oh"]),
        (OverlooksAMember, ["silence"]),
        (BeginsWithTooMany, ["initial", "4 images where 3"]),
        (BeginsTwice, ["initial set of 3 of 36", "twice"]),
        (BeginsOutside, ["initial set of 3 of 36", "image 36"]),
        (BeginsByGlobalDraw, ["initial", "same seed"]),
        (BeginsByPosition, ["initial", "order of the pool's images"]),
        (OneFitWithoutASet, ["one_fit", "None"]),
        (OneFitOfAFew, ["initial", "3 images where 36"]),
    ],
)
def test_each_broken_strategy_fails_its_check(broken, facts):
    with raises(ConformanceError, broken.__name__, *facts):
        check_strategy(broken)


@pytest.mark.parametrize("sound", [GoesByPositionAndSaysSo, ReadsLabelsOutsideLimits])
def test_what_a_strategy_may_do(sound):
    check_strategy(sound)
