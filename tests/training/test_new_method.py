"""A training method of one's own, a module and a config: pages, `recommend` and comparisons call it what it says."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from al_lightning.runs.journal import read_run
from al_lightning.tables.plan import plan
from al_lightning.tables.published import read_table
from tests.support.runs import Answer

MODULE = """
from al_lightning.training.base import TrainingModule

class PseudoLabels(TrainingModule):
    serves = "image"
    title = "PseudoLab"
    views = ("unlabelled",)

    def losses(self, batch):
        logits = self.network(batch["unlabelled"].image).logits
        terms = self.supervised(self.network(batch["labelled"].image), batch["labelled"])
        return {**terms, "pseudo": self.task.loss(logits, logits.argmax(dim=1))}
"""
CONFIG = """# Predictions as labels; for classification
training:
  class_path: pseudo_labels.PseudoLabels
data:
  init_args:
    unlabelled: {images: pool}
steps: 3
"""
METHODS = ("random", "random_pseudo", "entropy_pseudo")


@pytest.fixture
def added(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (here / "pseudo_labels.py").write_text(MODULE)
    (here / "configs/training").mkdir(parents=True)
    (here / "configs/training/pseudo.yaml").write_text(CONFIG)
    monkeypatch.delitem(sys.modules, "pseudo_labels", raising=False)
    return here


def table(path: Path, options: list[str]) -> Path:
    column = {
        "title": "Digits",
        "dataset": "digits",
        "data": "",
        "pool": 1438,
        "budget": {"initial": 20, "query": 20, "total": 40, "unit": "images"},
        "metric": "accuracy",
        "at": 40,
        "options": options,
    }
    rows = [
        {
            "label": name,
            "acquisition": name.split("_")[0],
            "training": "pseudo" if "pseudo" in name else "supervised",
            "cells": {"digits": {"run": f"digits_{name}"}},
        }
        for name in METHODS
    ]
    content = {"title": "Mine", "task": "classification", "seeds": 1, "columns": {"digits": column}, "rows": rows}
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_new_method_appears_without_an_edit_elsewhere(
    al: Callable[..., Answer], added: Path, class_folders: Path
) -> None:
    options = ["--steps", "2", "--budget.cycles", "1", "--network.depth", "10", "--network.width", "1"]
    path = table(added / "mine.yaml", options)
    for run in plan(read_table(path), added / "runs").runs:
        answer = al("fit", "--config", run.job.name, "--run_dir", run.job.directory, *run.job.options)
        assert answer.code == 0, answer.err
    assert al("reproduce", path, "--report-only").code == 0
    described = {name: read_run(added / f"runs/digits_{name}/seed_0").record.trained for name in METHODS}
    assert described == {
        "random": "supervised",
        "random_pseudo": "semi-supervised (PseudoLab)",
        "entropy_pseudo": "semi-supervised (PseudoLab)",
    }
    # The table's page: a chart for each kind of training.
    titles = re.findall(r"<h5>\s*([^<]*?)\s*</h5>", (added / "runs/mine.html").read_text())
    assert [title for title in titles if "supervised" in title] == ["supervised", "semi-supervised (PseudoLab)"]
    # Comparisons: each with Random of the same training, and that with Random without it.
    compared = al("report", *(added / "runs").glob("digits_*/seed_0"), "--format", "text")
    assert re.search(r"(?m)^entropy_pseudo .* random_pseudo$", compared.out)  # labels saved, and against what
    assert re.search(r"(?m)^random_pseudo .* random$", compared.out)
    folder = class_folders / "train"
    said = al("recommend", "--images", folder, "--labels", 10, "--task", "classification", "--import", "pseudo_labels")
    assert said.code == 0, said.err
    assert "pseudo, semi-supervised (PseudoLab), fits too; no evidence covers it." in " ".join(said.out.split())
