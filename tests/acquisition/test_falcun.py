"""FALCUN: relevance by hand, probabilities enumerated."""

import numpy as np
import pytest
import torch
from scipy import stats

from al_lightning.acquisition import FALCUN
from al_lightning.acquisition.falcun import relevance
from al_lightning.acquisition.functional import mean_margin
from al_lightning.seeding import generator
from tests.support.scored import Watched, batch_of
from tests.support.selections import inputs


def example(size=5):
    probability = (2 * torch.randn(size, 3, generator=torch.Generator().manual_seed(0))).softmax(dim=1)
    return inputs(uncertainty=1 - mean_margin(probability.log()), probability=probability)


def test_relevance_scales_distances_over_what_is_left():
    uncertainty, distance = torch.tensor([0.5, 0.2, 0.9]).double(), torch.tensor([0.3, 0.1, 7.0]).double()
    left = torch.tensor([True, True, False])
    assert relevance(uncertainty, distance, left)[left].tolist() == pytest.approx([1.5, 0.2])
    assert relevance(uncertainty, torch.ones(3), left)[left].tolist() == pytest.approx([0.5, 0.2])
    assert 0 < float(relevance(torch.zeros(3), torch.ones(3), left)[0]) < 1e-9


def plain(rows, gamma):
    """The probability of each pair of choices, in order."""
    u, p = rows.part("uncertainty")[:, 0].double().numpy(), rows.part("probability").double().numpy()

    def weight(distance, left):
        low, high = distance[left].min(), distance[left].max()
        value = np.where(left, u + (distance - low) / (high - low), 0) ** gamma
        return value / value.sum()

    every = np.ones(len(u), dtype=bool)
    first, found = weight(u, every), {}
    for a in range(len(u)):
        left = every.copy()
        left[a] = False
        second = weight(np.minimum(u, np.abs(p - p[a]).sum(axis=1)), left)
        found |= {(a, b): first[a] * second[b] for b in range(len(u)) if b != a}
    return found


@pytest.mark.parametrize("gamma", [1.0, 4.0])
def test_the_first_two_choices_have_their_enumerated_probabilities(gamma):
    rows = example()
    expected = plain(rows, gamma)
    seen = dict.fromkeys(expected, 0)
    for seed in range(1500):
        seen[tuple(FALCUN(gamma).select(rows, 2, generator("select", seed)).indices)] += 1
    observed, wanted = np.array(list(seen.values())), 1500 * np.array(list(expected.values()))
    common = wanted >= 8
    cells = [[*part[common], part[~common].sum()] for part in (observed, wanted)]
    assert stats.chisquare(*cells).pvalue > 0.01


def test_a_large_gamma_takes_the_most_relevant_and_reports_relevance():
    rows = example(20)
    chosen = FALCUN(1e6).select(rows, 3, generator("select", 0))
    u, p = rows.part("uncertainty")[:, 0].double(), rows.part("probability").double()
    left, distance = torch.ones(20, dtype=torch.bool), u
    for index, score in zip(chosen.indices, chosen.scores, strict=True):
        value = relevance(u, distance, left)
        assert score == pytest.approx(float(value[left].max()))
        assert score == pytest.approx(float(value[index]))
        left[index] = False
        distance = torch.minimum(distance, (p - p[index]).abs().sum(dim=1))


def test_margins_and_probabilities_of_pixels_are_means():
    image = torch.zeros(1, 3, 2, 2)
    image[0, 0, 0] = 500.0  # two pixels sure of class 0, two in doubt
    parts = FALCUN().score(Watched(), batch_of(image))
    assert parts["uncertainty"].tolist() == [pytest.approx([0.5])]
    assert parts["probability"].tolist() == [pytest.approx([0.75, 0.25])]


def test_certain_images_can_be_chosen():
    certain = torch.eye(3)[[0, 1, 2, 0]]
    rows = inputs(uncertainty=torch.zeros(4), probability=certain)
    assert sorted(FALCUN().select(rows, 4, generator("select", 0)).indices) == [0, 1, 2, 3]
