"""The trial before a run: it changes no result, it says what the run takes, and the quicker commands run as printed."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from al_lightning.engine import ahead
from al_lightning.engine.trial import STEPS
from tests.support.runs import SMALL_NETWORK, TINY, Answer

STREETS = ["--data.size", "[96, 192]", "--data.pool_size", "16", "--data.test_size", "2", "--network.width", "2"]
STREETS += ["--budget.cycles", "1", "--budget.initial", "50", "--budget.query", "25"]


def without_cost(run_dir: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run_dir / "cycles.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "cost"} for line in lines]


def test_the_trial_changes_nothing_in_the_journal(
    al: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BALD's dropout and UDA's two views draw in every step and in scoring."""
    options = ["fit", "--config", "digits_bald_uda", *TINY, *SMALL_NETWORK, "--budget.cycles", "1"]
    options += ["--data.unlabelled.batch_size", "8"]
    skipped = al(*options, "--run_dir", "run")
    assert skipped.code == 0, skipped.err
    assert "timed" not in skipped.err
    (here / "run").rename("skipped")
    monkeypatch.setattr(ahead, "TINY", 0)
    timed = al(*options, "--run_dir", "run")
    assert timed.code == 0, timed.err
    steps = re.search(r"(\d+) steps were timed: all 2 cycles should take about .+ here", timed.err)
    assert steps is not None, timed.err
    assert 2 <= int(steps[1]) <= STEPS
    assert without_cost(here / "run") == without_cost(here / "skipped")
    continued = al(*options, "--run_dir", "run", "--budget.cycles", "2")
    assert continued.code == 0, continued.err
    assert "were timed" not in continued.err  # the journal tells


def test_a_trial_that_fails_is_said_and_the_run_goes_on(
    al: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(ahead, "TINY", 0)
    monkeypatch.setattr(ahead, "trial", fails)
    answer = al("fit", "--config", "digits_random", *TINY, *SMALL_NETWORK, "--budget.cycles", "0", "--run_dir", "r")
    assert answer.code == 0
    assert "could not be measured beforehand (no room)" in answer.err


def test_quicker_commands_run_as_printed(
    al: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two fits, of 8 and 12 labels for 600 epochs at batch 8, are 1,500 steps; scoring 8 images is a batch, a test too.

    At 10 s each they take 15,000 s + 10 s + 2 x 10 s, at half the size a quarter, in bfloat16 half. Of 3,600 s, 3,570
    are left for steps: 142 epochs, with 30 s + 142 / 600 of 15,000 s.
    """

    def timed(*of_run: Any) -> tuple[dict[str, float], int]:
        stages, options = (*of_run[4:], ("test", "score"), {})[:2] if len(of_run) == 4 else (*of_run[4:], {})[:2]
        step = 5.0 if options == {"precision": "bf16-mixed"} else 10.0
        return {"fit": step, **dict.fromkeys(stages, 10.0)}, 12

    monkeypatch.setattr(ahead, "TINY", 0)
    monkeypatch.setattr(ahead, "trial", timed)
    monkeypatch.setattr(ahead, "computes_bf16", lambda: True)
    monkeypatch.setattr("al_lightning.engine.loop.cycles", lambda *arguments: None)
    options = ["--config", "demo_0f_entropy", "--epochs", "600", *STREETS, "--run_dir=mine"]
    answer = al("fit", *options, "--trainer.accelerator", "cpu")
    assert "12 steps were timed: all 2 cycles should take about 4 h 10 min here" in answer.err
    said = [line.strip() for line in answer.err.splitlines() if line.startswith("  about")]
    ways, lines = zip(*(line.split(": ", 1) for line in said), strict=True)
    assert ways == (
        "about 1 h 02 min, at half the size",
        "about 59 min 40 s, with 142 of 600 epochs",
        "about 2 h 05 min, in bfloat16, where a step took 0.50 of float32's time",
    )
    (features,) = (line.split(": ", 1)[1] for line in answer.err.splitlines() if line.startswith("  in minutes"))
    planned = al(*shlex.split(features)[1:], "--dry-run")
    assert planned.code == 0, planned.err
    assert "demo_0f_hypercolumns_coreset_probe" in planned.out
    settings = []
    for line, mark in zip(lines, ("half", "short", "bf16"), strict=True):
        words = shlex.split(line)
        assert words[0] == "al-lightning"
        assert words[-2:] == ["--run_dir", f"mine-{mark}"]
        printed = al(*words[1:], "--print_config")
        assert printed.code == 0, printed.err
        settings.append(yaml.safe_load(printed.out))
    half, short, bf16 = settings
    assert half["data"]["init_args"]["size"] == [48, 96]
    assert short["epochs"] == 142
    assert bf16["trainer"]["precision"] == "bf16-mixed"
    assert (half["epochs"], bf16["data"]["init_args"]["size"]) == (600, [96, 192])
    begun = al(*shlex.split(lines[0])[1:])
    assert begun.code == 0, begun.err
    assert (here / "mine-half" / "cycles.jsonl").is_file()


def test_a_processor_tells_whether_it_computes_bfloat16(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    for flags, expected in (("fpu amx_bf16 amx_tile", True), ("Features : fp bf16 i8mm", True), ("fpu avx512f", False)):
        info.write_text(f"flags : {flags}\n")
        assert ahead.computes_bf16(info) is expected
    assert ahead.computes_bf16(tmp_path / "nothing") is False
