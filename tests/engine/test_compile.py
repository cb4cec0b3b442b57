"""torch.compile: asked once a fit, and the results stay as they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from al_lightning.engine.compile import Compiling
from al_lightning.errors import ALError, UsageError
from al_lightning.runs.checkpoints import weights_of
from tests.support.errors import refused
from tests.support.methods import images, maps
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]
GPU = ["--trainer.accelerator", "gpu"]


def test_a_mode_that_is_none_is_said(al: Call, here: Path, class_folders: Path) -> None:
    done = al("fit", *images("random", "supervised", class_folders), "--compile", "fast", "--run_dir", "r")
    modes = ["'none'", "'default'", "'reduce-overhead'", "'max-autotune'"]
    assert refused(done, UsageError, "compile is 'fast'", *modes)


def test_a_network_that_compiles_itself_is_let(monkeypatch: pytest.MonkeyPatch) -> None:
    stances = []
    real = torch.compiler.set_stance
    monkeypatch.setattr(torch.compiler, "set_stance", lambda stance: stances.append(stance) or real(stance))
    with Compiling(torch.nn.Linear(1, 1), "none").resting():
        assert stances == []
    with Compiling(torch.nn.Linear(1, 1), "default").resting():
        assert stances == ["force_eager"]


def test_a_compiled_fit(al: Call, here: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The eager backend stands for a compiler: what is looked at is when it is asked."""
    asked = []

    def compiler(graph: Any, example: Any) -> Any:
        asked.append(graph)
        return graph.forward

    real = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, mode: real(self, backend=compiler))
    torch.compiler.reset()
    options = images("entropy", "supervised", class_folders)
    assert al("fit", *options, "--run_dir", "plain").code == 0
    assert not asked
    done = al("fit", *options, "--compile", "default", "--run_dir", "compiled")
    assert done.code == 0, done.err
    assert 1 <= len(asked) <= 2  # at most once a fit, and neither for testing nor for scoring
    for cycle in (0, 1):
        one, other = (
            weights_of(here / name / f"cycle_{cycle:02d}/member_0/weights.pt") for name in ("plain", "compiled")
        )
        assert all(map(torch.equal, one.values(), other.values()))
    assert [line.get("chosen") for line in journal(here / "plain")] == [
        line.get("chosen") for line in journal(here / "compiled")
    ]
    assert refused(al("fit", *options, "--run_dir", "compiled"), UsageError, "compile: default -> none")


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a compiler")
@pytest.mark.slow
def test_torch_compile_itself(al: Call, here: Path, class_folders: Path) -> None:
    options = images("random", "supervised", class_folders)
    for name in ("none", "default"):
        done = al("fit", *options, "--compile", name, "--run_dir", name)
        assert done.code == 0, done.err
    one, other = (weights_of(here / name / "cycle_00/member_0/weights.pt") for name in ("none", "default"))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-2, atol=1e-3, msg=name)


def test_a_compiler_that_fails_costs_one_sentence(
    al: Call, here: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiler(graph: Any, example: Any) -> Any:
        raise RuntimeError("no compiler on this machine")

    real = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, mode: real(self, backend=compiler))
    torch.compiler.reset()
    done = al("fit", *images("random", "supervised", class_folders), "--compile", "default", "--run_dir", "r")
    assert refused(done, ALError, "no compiler on this machine", "--compile none")
    assert "Traceback" not in done.err


CASES = {
    "supervised": ("random", "supervised", []),
    "loss predictor": ("learning_loss", "supervised", []),
    "UDA": ("random", "uda", []),
    "s4GAN": ("random", "s4gan", []),
    "bf16": ("random", "supervised", ["--trainer.precision", "bf16-mixed"]),
}


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES)
def test_compiled_for_a_gpu(al: Call, here: Path, class_folders: Path, masks: Path, case: str) -> None:
    """Weights as without, but for the order of sums; with two passes a step, too."""
    strategy, training, more = CASES[case]
    root = masks if training == "s4gan" else class_folders
    options = [*(maps if training == "s4gan" else images)(strategy, training, root), *more, *GPU]
    for name in ("none", "reduce-overhead"):
        done = al("fit", *options, "--compile", name, "--run_dir", name)
        assert done.code == 0, done.err
    one, other = (weights_of(here / name / "cycle_00/member_0/weights.pt") for name in ("none", "reduce-overhead"))
    for name, value in one.items():
        torch.testing.assert_close(
            other[name], value, rtol=2e-2, atol=2e-3, msg=lambda text, name=name: f"{name}: {text}"
        )
