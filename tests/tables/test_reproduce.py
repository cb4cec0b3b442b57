"""`reproduce` through the real command line: what is missing is run, once; a failure costs that run alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from al_lightning.errors import ALError, DatasetError
from tests.support.errors import refused
from tests.support.launched import run_here
from tests.support.runs import Answer

TINY = ["--steps", "4", "--budget.cycles", "1", "--network.depth", "10", "--network.width", "1"]


def a_table(path: Path, options: list[str]) -> Path:
    """Random and entropy on Digits, one seed, 20 and 40 labels."""
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
        {"label": name, "acquisition": name, "cells": {"digits": {"run": f"digits_{name}", "score": 50.0}}}
        for name in ("random", "entropy")
    ]
    content = {"title": "Mine", "task": "classification", "seeds": 1, "columns": {"digits": column}, "rows": rows}
    path.write_text(yaml.safe_dump(content))
    return path


def test_from_a_name_to_a_page_and_nothing_twice(
    al: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al_lightning.launcher.local.LocalLauncher.run", run_here)
    table = a_table(here / "mine.yaml", TINY)
    answer = al("reproduce", table, "--slots", "2")
    assert answer.code == 0, answer.err
    assert "2 of 2 runs are finished." in answer.out
    assert "Mine: 2 of 2 runs to run" in answer.err
    for name in ("mine.html", "mine.md", "mine.tex", "mine.csv"):
        assert (here / "runs" / name).stat().st_size > 100
    journals = {path: path.read_bytes() for path in here.glob("runs/*/seed_0/cycles.jsonl")}
    assert len(journals) == 2
    again = al("reproduce", table)
    assert again.code == 0
    assert "to run" not in again.err
    assert again.out == answer.out
    assert journals == {path: path.read_bytes() for path in here.glob("runs/*/seed_0/cycles.jsonl")}
    extended = al("reproduce", table, "--seeds", "2", "--dry-run")
    assert "digits_entropy, seed 1: missing" in extended.out
    assert "4 runs: 2 complete, 2 to run, about" in extended.out
    assert "as measured in the finished ones" in extended.out


def test_without_a_gpu_a_table_for_gpus_names_the_small_scale(
    al: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al_lightning.launcher.local.LocalLauncher.run", lambda *arguments, **more: [])
    monkeypatch.setattr("al_lightning.launcher.machine.visible_gpus", list)
    (here / "data" / "a2d2").mkdir(parents=True)
    answer = al("reproduce", "table3", "--only", "a2d2_pool5f_random", "--seeds", "1")
    smoke = "al-lightning reproduce table3 --scale smoke --only a2d2_pool5f_random"
    assert f"there is no GPU here, and cores take many times as long; under an hour, with tiny networks: {smoke}" in (
        answer.err
    )
    planned = al(*smoke.split()[1:], "--dry-run")
    assert "1 runs: 0 complete, 1 to run" in planned.out
    monkeypatch.setattr("al_lightning.launcher.machine.visible_gpus", lambda: ["0"])
    assert "no GPU" not in al("reproduce", "table3", "--only", "a2d2_pool5f_random", "--seeds", "1").err


def test_what_has_no_data_is_left_out_if_asked(al: Callable[..., Answer], here: Path) -> None:
    table = a_table(here / "mine.yaml", TINY)
    content = yaml.safe_load(table.read_text())
    content["columns"]["digits"]["data"] = "nowhere"
    table.write_text(yaml.safe_dump(content))
    answer = al("reproduce", table, "--available")
    assert refused(answer, DatasetError, "Digits", "data/nowhere", "mine")
    assert al("reproduce", table, "--report-only").code == 0


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_others_go_on(al: Callable[..., Answer], here: Path) -> None:
    table = a_table(here / "mine.yaml", TINY)
    (here / "runs" / "digits_random").mkdir(parents=True)
    (here / "runs" / "digits_random" / "seed_0").write_text("in the way")
    blocked = al("reproduce", table, "--slots", "1")
    assert refused(blocked, ALError, "digits_random")
    (here / "runs" / "digits_random" / "seed_0").unlink()
    content = yaml.safe_load(table.read_text())
    content["rows"][0]["cells"]["digits"]["run"] = "digits_noaug_random"
    content["columns"]["digits"]["training_options"] = {"supervised": ["--network.depth", "11"]}
    table.write_text(yaml.safe_dump(content))
    answer = al("reproduce", table, "--slots", "1", "--only", "random")
    assert refused(answer, ALError, "digits_noaug_random", "depth", "1 run")
    assert not list((here / "runs" / "digits_noaug_random").rglob("cycles.jsonl"))  # refused before that was written
