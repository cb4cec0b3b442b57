"""Answers and abstentions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from al_lightning.recommendations.recommendation import Reading, Recommendation, readings_of
from al_lightning.recommendations.text import recommendation_text
from al_lightning.recommendations.trainings import training_methods
from tests.support.evidence import RULES, flat, situation


def recommend(**given: Any) -> Recommendation:
    here = situation(**given)
    return Recommendation(here, RULES, readings_of(RULES, here), training_methods(here.task)[0])


def answer(found: Recommendation) -> tuple[str | None, str | None]:
    return found.strategy, found.training


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"redundancy": 0.9, "labels": 700}, ("coreset", "s4gan")),
        ({"redundancy": 0.01, "labels": 700}, ("entropy", None)),
        ({"redundancy": 0.9, "labels": 100}, (None, None)),
        ({"redundancy": 0.01, "labels": 100}, (None, None)),
        ({"redundancy": 0.5, "labels": 700}, (None, None)),
        ({"redundancy": 0.01, "task": "classification", "labels": 400}, ("random", "uda")),
        ({"redundancy": 0.01, "task": "classification", "classes": 2, "labels": 500}, ("random", "uda")),
        ({"redundancy": 0.9, "task": "classification", "labels": 400}, (None, "uda")),
    ],
)
def test_answers_and_abstentions(given: Mapping[str, Any], expected: tuple[str | None, str | None]) -> None:
    found = recommend(**given)
    assert answer(found) == expected
    assert ("random", found.to_compare[0][1]) == found.to_compare[0]
    assert len(found.to_compare) >= 2
    text = flat(recommendation_text(found))
    assert ("No advice on the strategy" in text) == (expected[0] is None)
    assert ("No advice on the training" in text) == (expected[1] is None)


def test_the_grey_zone_shows_all_readings() -> None:
    found = recommend(redundancy=0.464, classes=None)
    assert [(r.pool, r.rule.budget) for r in found.readings] == [
        ("diverse", "few"), ("diverse", "many"), ("redundant", "few"), ("redundant", "many")]  # fmt: skip
    text = flat(recommendation_text(found))
    assert "If the pool counts as redundant and the labels count as many: redundant-many" in text
    assert "number of classes is not known" in text


def test_it_abstains_where_settings_contradict_each_other() -> None:
    """Entropy, few labels, diverse: 4.38 and 3.25 on driving scenes, -1.37 on PASCAL VOC."""
    (reading,) = recommend(redundancy=0.01, labels=100).readings
    assert reading.rule.name == "diverse-few"
    assert reading.evidence[0].outcome == "mixed"
    assert reading.strategy is None


def test_training_is_supervised_where_semi_supervised_training_is_behind() -> None:
    (reading,) = recommend(redundancy=0.9, labels=700).readings
    turned = tuple(
        type(one)(one.question, one.differences, -one.mean, one.deviation, "behind") for one in reading.evidence
    )
    assert Reading(reading.rule, turned, reading.pool).training("s4gan") == "supervised"
    assert Reading(reading.rule, turned, reading.pool).strategy is None
