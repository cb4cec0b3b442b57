"""Our own study's numbers as evidence: which situations they cover, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from al_lightning.errors import UsageError
from al_lightning.recommendations.own_study import best, own_study, read_own_study
from al_lightning.recommendations.recommendation import Recommendation, readings_of
from al_lightning.recommendations.text import recommendation_text
from al_lightning.recommendations.trainings import training_methods
from tests.support.evidence import RULES, flat, situation

CONTENT = """
settings:
- task: classification
  data: twenty photographs
  labels: [4, 12, 20]
  classes: 4
  starts: {spread: [-3.0, -4.0, -2.0], typiclust: [6.4, 4.6, 8.2]}
  strategies: {entropy: [-2.0, -3.0, -1.0], badge: [1.25, 0.5, 2.0], uherding: [2.5, 1.5, 3.5],
    margin: [0.1, -0.4, 0.6], bald: [-5.0, -6.0, -4.0], dcom: [0.5, -1.5, 2.5]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own_study.yaml"
    path.write_text(CONTENT)
    return path


def test_it_is_told_where_labels_are_as_few(file: Path) -> None:
    (found,) = read_own_study(file)
    assert found.covers("classification", 10, classes=2)  # 20 labels of 4 classes
    assert not found.covers("classification", 11, classes=2)
    assert not found.covers("classification", 10, classes=None)
    assert not found.covers("segmentation", 10, classes=2)
    pixels = replace(found, task="segmentation")  # of which an image has many classes
    assert pixels.covers("segmentation", 20, classes=None)
    assert not pixels.covers("segmentation", 21, classes=150)
    assert pixels.reach == "20 labelled images"


def test_what_is_said(file: Path) -> None:
    ours = read_own_study(file)
    here = situation(task="classification", classes=2, labels=10)
    answer = Recommendation(here, RULES, readings_of(RULES, here), training_methods(here.task)[0], ours)
    text = flat(recommendation_text(answer))
    assert "On features of a frozen encoder: uherding (our study, below)." in text
    assert (
        "for up to 5 labels a class: twenty photographs, 4 to 20 labels. Points ahead of Random over the curve: "
        "uherding +2.5 (1.5 to 3.5), badge +1.2 (0.5 to 2.0). Equal within 1 point: margin. Cannot tell: dcom. "
        "Behind: bald -5.0, entropy -2.0. Best first batch: typiclust, +6.4 (4.6 to 8.2) ahead of drawn images "
        "(`--initial typiclust`)."
    ) in text
    (values,) = answer.values()["ours"]
    assert values["best_strategy"] == "uherding"
    assert values["best_start"] == "typiclust"
    assert values["strategies"]["margin"] == {"mean": 0.1, "low": -0.4, "high": 0.6}


def test_where_nothing_is_ahead_random_is_the_answer(file: Path) -> None:
    file.write_text(
        CONTENT.replace("[6.4, 4.6", "[6.4, -4.6").replace("0.5, 2.0", "-0.5, 2.0").replace("1.5, 3", "-1, 3")
    )
    (found,) = read_own_study(file)
    assert best(found.strategies) == best(found.starts) == "random"
    here = situation(task="classification", classes=2, labels=10)
    answer = Recommendation(here, RULES, readings_of(RULES, here), training_methods(here.task)[0], (found,))
    text = flat(recommendation_text(answer))
    assert "On features of a frozen encoder: random (our study, below)." in text
    assert "Points ahead of Random over the curve: no strategy is ahead." in text
    assert "No first batch is ahead of drawn images." in text


@pytest.mark.parametrize(
    ("old", "new"), [("classification", "regression"), ("[1.25, 0.5, 2.0]", "[1.25]"), ("labels:", "label:")]
)
def test_another_form_is_a_sentence(file: Path, old: str, new: str) -> None:
    file.write_text(CONTENT.replace(old, new))
    with pytest.raises(UsageError, match=r"is not what a study found of strategies .* shows the form"):
        read_own_study(file)


def test_the_file_of_the_package_names_strategies_that_exist() -> None:
    from al_lightning.config.names import parts

    for setting in own_study():
        assert set(setting.strategies) <= set(parts("acquisition"))
        assert set(setting.starts) <= {"typiclust", "maxherding", "probcover", "spread", "balanced"}
