"""How many labels reach a target: one curve, and one method against another."""

import pytest

from al_lightning.results.label_cost import LabelCost, label_cost
from al_lightning.results.series import (
    savings,
    series_of_runs,
)
from tests.support.curve_runs import curves


def test_label_cost_by_hand():
    labelled, values = [20, 40, 80], [50.0, 60.0, 70.0]
    assert label_cost(labelled, values, 55) == LabelCost(30.0)
    assert label_cost(labelled, values, 67.5) == LabelCost(70.0)  # 40 + 40 x 7.5 / 10
    assert label_cost(labelled, values, 60) == LabelCost(40.0)
    assert label_cost(labelled, values, 50) == LabelCost(20.0, at_most=True)
    assert label_cost(labelled, values, 71) == LabelCost(None)
    assert label_cost([20, 40, 60], [50.0, 60.0, 40.0], 55) == LabelCost(30.0)  # what falls later was reached
    assert label_cost([20, 40, 60], [50.0, 40.0, 60.0], 55) == LabelCost(55.0)
    assert label_cost([], [], 55) == LabelCost(None)
    assert [str(label_cost(labelled, values, target)) for target in (40, 55, 80)] == ["at most 20", "30", "never"]


def test_the_saving_against_random_by_hand():
    runs = curves(
        random=[[0.4, 0.5, 0.6], [0.4, 0.5, 0.6], [0.4, 0.5, 0.6], [0.7, 0.7, 0.8], [0.1, 0.2, 0.3], [0.7, 0.8, 0.9]],
        entropy=[
            [0.4, 0.55, 0.6],
            [0.4, 0.45, 0.5],
            [0.6, 0.6, 0.6],
            [0.4, 0.5, 0.6],
            [0.5, 0.6, 0.7],
            [0.6, 0.6, 0.7],
        ],
    )
    random, entropy = series_of_runs(runs)
    found = savings(entropy, random, 55.0)
    # Random reaches 55 % half-way from 20 to 30 labels, entropy with 20: 5 of 25.
    assert (found[0].images, found[0].share, found[0].bound) == (pytest.approx(5.0), pytest.approx(0.2), "exactly")
    assert str(found[0]) == "5 images (20 %)"
    assert (found[1].images, str(found[1])) == (None, "entropy never reached it")
    assert (found[2].images, str(found[2])) == (pytest.approx(15.0), "at least 15 images (60 %)")
    assert (found[3].images, str(found[3])) == (pytest.approx(-15.0), "at most -15 images (-150 %)")
    assert str(found[4]) == "random never reached it"
    assert str(found[5]) == "both reached it with their first labels"
