"""The command line answers before torch would be imported, and a finished run is finished at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from al_lightning import api

from .conftest import Bench
from .ratio import MOST, alternate, python

COMMANDS = {
    "--help": (["--help"], 0.2, 0),
    "--version": (["--version"], 0.2, 0),
    "an unknown command": (["fitt"], 0.2, 2),
    "fit --print_config": (["fit", "--config", "digits_entropy", "--print_config"], 1.6, 0),
}


@pytest.mark.parametrize("command", COMMANDS)
def bench_command(bench: Bench, tmp_path: Path, command: str) -> None:
    arguments, bound, code = COMMANDS[command]
    done = alternate(
        lambda: python("-m", "al_lightning", *arguments, folder=tmp_path, code=code),
        lambda: python("-c", "import lightning.pytorch.cli", folder=tmp_path),
        bench.rounds(MOST),
        bound=bound,
    )
    bench.add(
        f"start-up, {command}: over `import lightning.pytorch.cli`",
        done,
        f"{done.first:.2f} s over {done.second:.2f} s",
        at_most=bound,
    )


def bench_restart_of_a_finished_run(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--steps", "20", "--budget.cycles", "5"]

    def run() -> None:
        api.fit("digits_entropy", run_dir=tmp_path / "run", options=options)

    run()
    benchmark.pedantic(run, rounds=bench.rounds(5))
    seconds = benchmark.stats.stats.median
    benchmark.extra_info["bound"] = 3
    bench.add("restart of a finished run, after imports", seconds, "digits, 6 fits", unit="s", at_most=3)
