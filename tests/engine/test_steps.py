"""The callback that owns the number of the step."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from al_lightning.engine import steps
from al_lightning.engine.steps import StepCallback
from tests.support.runs import SMALL_NETWORK, TINY, Answer

Call = Callable[..., Answer]


def test_each_step_is_seeded_once(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeded = []
    monkeypatch.setattr(steps, "seed_step", lambda key, step, rank, device: seeded.append((key, step)))
    options = [*TINY, *SMALL_NETWORK, "--steps", 5, "--budget.cycles", 1, "--run_dir", "r"]
    assert al("fit", "--config", "digits_random", *options).code == 0
    assert seeded == [((0, cycle, 0), step) for cycle in (0, 1) for step in range(5)]


def test_the_number_is_told_to_module_streams_and_reporter_and_kept_in_checkpoints() -> None:
    told: list[tuple[str, int]] = []

    def made() -> StepCallback:
        reporter = SimpleNamespace(advance=lambda step: told.append(("reporter", step)))
        return StepCallback(reporter, SimpleNamespace(seek=lambda step: told.append(("streams", step))))  # type: ignore[arg-type]

    def step(callback: StepCallback, module: SimpleNamespace) -> float:
        callback.on_train_batch_start(SimpleNamespace(global_rank=0), module)  # type: ignore[arg-type]
        drawn = torch.rand(()).item()
        callback.on_train_batch_end(None, module)  # type: ignore[arg-type]
        return drawn

    first, second = (SimpleNamespace(key=(0, 1, 0), device=torch.device("cpu"), step=0) for _ in range(2))
    callback, checkpoint = made(), {}
    draws = [step(callback, first) for _ in range(3)]
    callback.on_train_epoch_end(None, first)  # type: ignore[arg-type]
    assert first.step == 3
    assert told == [("reporter", 1), ("reporter", 2), ("reporter", 3), ("streams", 3)]
    callback.on_save_checkpoint(None, first, checkpoint)  # type: ignore[arg-type]
    draws.append(step(callback, first))
    assert len(set(draws)) == 4

    told.clear()
    again = made()
    again.on_load_checkpoint(None, second, checkpoint)  # type: ignore[arg-type]
    assert (second.step, told) == (3, [("streams", 3)])
    assert step(again, second) == draws[3]
