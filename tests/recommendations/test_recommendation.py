"""Answers and abstentions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
        ({"redundancy": 0.01, "labels": 700}, (None, None)),
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
    assert ("random", found.semi_supervised) in found.to_compare
    text = flat(recommendation_text(found))
    assert ("No advice on the strategy" in text) == (expected[0] is None)
    assert ("No advice on the training" in text) == (expected[1] is None)


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_each_training_method_of_the_package_is_known(task: str) -> None:
    methods, notes = training_methods(task)
    assert notes == []
    assert {"supervised", "probe"} < set(methods)
    assert methods["probe"].__name__ == "Probe"  # its config replaces the section of an earlier one
    assert "probe, supervised (linear probe), fits too" in flat(recommendation_text(recommend(labels=100)))


def test_a_command_in_a_sentence_is_one_line_however_long() -> None:
    command = f"`al-lightning report {' '.join(f'runs/digits_{number}/a  b/seed_*' for number in range(9))}`"
    said = f"There are 9 finished runs on these data. Measured evidence on your own data counts more: {command}. More."
    lines = recommendation_text(replace(recommend(labels=100), remarks=(said, said))).splitlines()
    assert sum(line.startswith(command) for line in lines) == 2
    assert max(len(line) for line in lines if command not in line) <= 110


@pytest.mark.parametrize(
    ("given", "few", "many"),
    [
        ({"task": "classification", "classes": 5, "images": 319}, 127, None),  # below 40 % of the pool
        ({"task": "classification", "classes": 10, "images": 50_000}, 2000, 4001),  # above 8 % of the pool
        ({"classes": 2, "images": 150}, 120, 138),
    ],
)
def test_the_turning_points_are_those_of_the_rule(given: Mapping[str, Any], few: int, many: int | None) -> None:
    found = recommend(**given, labels=100)
    assert found.readings[0].rule.budget == "few"
    text = flat(recommendation_text(found))
    assert f"up to {few:,} labels count as few" in text
    assert ("none as many" if many is None else f"from {many:,} on as many") in text


def test_the_grey_zone_shows_all_readings() -> None:
    found = recommend(redundancy=0.464, classes=None)
    assert [(r.pool, r.rule.budget) for r in found.readings] == [
        ("diverse", "few"), ("diverse", "many"), ("redundant", "few"), ("redundant", "many")]  # fmt: skip
    text = flat(recommendation_text(found))
    assert "If the pool counts as redundant and the labels count as many: redundant-many" in text
    assert "number of classes is not known" in text


def test_it_abstains_where_settings_contradict_each_other() -> None:
    """Entropy against Random-SSL, few labels, diverse: 3.5 and 2.38 on driving scenes, -3.25 on PASCAL VOC."""
    found = recommend(redundancy=0.01, labels=100)
    (reading,) = found.readings
    assert reading.rule.name == "diverse-few"
    outcomes = {(each.question.row, each.question.against): each.outcome for each in reading.evidence}
    assert outcomes["Entropy", "Random-SSL"] == outcomes["Core-set", "Random-SSL"] == "mixed"
    assert outcomes["Entropy-SSL", "Random-SSL"] == outcomes["Random-SSL", "Random"] == "noise"
    assert reading.strategy is None
    assert ("entropy", "supervised") in found.to_compare


def test_what_holds_without_semi_supervised_training_alone_is_said() -> None:
    text = flat(recommendation_text(recommend(redundancy=0.01, labels=700)))
    assert "Trained on labels alone, Entropy is ahead of Random there." in text
    assert "Trained on labels alone, Random-SSL" not in text


@pytest.mark.parametrize(
    ("given", "printed", "highest"),
    [
        # areas of Tables 5 and 12 over a width of 0.08: 4.00, 3.72; 5.37; 3.22, 2.99
        ({"redundancy": 0.01, "labels": 100}, "Random-SSL",
         [("Entropy", 50.0, "Random-SSL", 46.5), ("Random-SSL", 67.125, "Random-SSL", 67.125),
          ("EquAL", 40.25, "Random-SSL", 37.375)]),
        # Table 1 over 0.4 (24.47, 23.96; 20.37, 20.02), Table 2 over 0.2 and 0.4 (14.55; 30.06)
        ({"redundancy": 0.01, "labels": 700}, "Single-SSL",
         [("Core-set-SSL", 61.175, "EquAL-SSL", 59.9), ("Entropy", 50.925, "EquAL-SSL", 50.05),
          ("EquAL-SSL", 72.75, "EquAL-SSL", 72.75), ("EquAL-SSL", 75.15, "EquAL-SSL", 75.15)]),
        # Table 6: 3.10 over 0.08; 2.38 over 0.04, where the area of Core-set is doubtful
        ({"redundancy": 0.9, "labels": 100}, "Batch",
         [("Core-set", 38.75, "Core-set", 38.75), ("Core-set-SSL", 59.5, "", None)]),
    ],
)  # fmt: skip
def test_beside_each_cell_stands_what_the_published_numbers_carry(
    given: Mapping[str, Any], printed: str, highest: list[tuple[str, float, str, float | None]]
) -> None:
    found = recommend(**given)
    (reading,) = found.readings
    assert reading.printed == printed
    got = [(each.best, each.best_height, each.printed, each.printed_height) for each in reading.carried]
    assert got == [
        (best, pytest.approx(height), own, None if own_height is None else pytest.approx(own_height))
        for best, height, own, own_height in highest
    ]
    text = flat(recommendation_text(found))
    assert f"after Table 8, which prints {printed}: " in text
    holds = sum(best == own for best, _, own, _ in highest)
    assert f"{printed} is the highest row in {holds} of its {len(highest)} settings" in text
    assert found.values()["readings"][0]["printed"] == printed


def test_cifar_10_with_250_labels_a_cycle_has_few_labels() -> None:
    found = recommend(redundancy=0.05, task="classification", images=50000, labels=2000, classes=10)
    assert [reading.rule.name for reading in found.readings] == ["classes-few"]
    assert "200 for each of 10 classes: few" in flat(recommendation_text(found))
    found = recommend(redundancy=0.05, task="classification", images=50000, labels=20000, classes=100)
    assert [reading.rule.name for reading in found.readings] == ["classes-many"]


def test_training_is_supervised_where_semi_supervised_training_is_behind() -> None:
    (reading,) = recommend(redundancy=0.9, labels=700).readings
    turned = tuple(
        type(one)(one.question, one.differences, -one.mean, one.deviation, "behind") for one in reading.evidence
    )
    assert Reading(reading.rule, turned, reading.pool).training("s4gan") == "supervised"
    assert Reading(reading.rule, turned, reading.pool).strategy is None
