"""What Lightning's Trainer offers and does not work here is refused by name, with the way out."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from al_lightning.config.trainer import REFUSED
from al_lightning.errors import UsageError
from tests.support.errors import refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer

Call = Callable[..., Answer]
RUN = ["fit", "--config", "digits_random", *TINY, *SMALL_NETWORK, "--budget.cycles", 0, "--run_dir", "r"]
OTHERS = ("64-true", "64", "16-true", "bf16-true", "transformer-engine", "transformer-engine-float16", "8")


@pytest.mark.parametrize("precision", OTHERS)
def test_precisions_that_cannot_work_are_refused_before_anything_is_written(
    al: Call, here: Path, precision: str
) -> None:
    answer = al(*RUN, "--trainer.precision", precision)
    assert refused(answer, UsageError, f"trainer.precision is '{precision}'", "'32-true'", "'bf16-mixed'", "'16-mixed'")
    assert "transformer-engine'" not in answer.err.replace(f"'{precision}'", "")  # none that fails is offered
    assert not Path("r").exists()


def test_a_config_file_gives_no_other_precision_either(al: Call, here: Path) -> None:
    Path("own.yaml").write_text("trainer: {precision: 64}\n")
    assert refused(al(*RUN, "--config", "own.yaml"), UsageError, "trainer.precision is 64", "'32-true'")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "null"])
def test_precisions_that_are_offered_train(al: Call, here: Path, precision: str) -> None:
    answer = al(*RUN, "--trainer.precision", precision)
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("precision", ["16-mixed", "16"])
def test_half_precision_on_the_cpu_is_no_other_precision_in_silence(al: Call, here: Path, precision: str) -> None:
    answer = al(*RUN, "--trainer.precision", precision, "--trainer.accelerator", "cpu")
    assert refused(answer, UsageError, f"trainer.precision {precision}", "GPU", "bf16-mixed", "32-true")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_half_precision_trains_on_a_gpu(al: Call, here: Path) -> None:
    answer = al(*RUN, "--trainer.precision", "16-mixed", "--trainer.accelerator", "gpu")
    assert answer.code == 0, answer.err


OPTIONS = {
    "StochasticWeightAveraging": "{swa_lrs: 0.01}",
    "GradientAccumulationScheduler": "{scheduling: {0: 2}}",
    "EarlyStopping": "{monitor: train/loss}",
    "OnExceptionCheckpoint": "{dirpath: there}",
    "ModelPruning": "{pruning_fn: l1_unstructured}",
}


@pytest.mark.parametrize("name", [one.__name__ for one in REFUSED if one.__name__ != "ProgressBar"])
def test_callbacks_that_a_fit_does_not_work_with_are_refused_by_name(al: Call, here: Path, name: str) -> None:
    path = f"lightning.pytorch.callbacks.{name}"
    given = f"[{{class_path: {path}, init_args: {OPTIONS.get(name, '{}')}}}]"
    answer = al(*RUN, "--trainer.callbacks", given)
    assert refused(answer, UsageError, f"trainer.callbacks names {path}", "leave it out")
    assert not Path("r").exists()


@pytest.mark.parametrize("base", ["EarlyStopping", "ModelCheckpoint", "TQDMProgressBar"])
def test_so_is_a_class_derived_from_one(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    module = f"derived_{base.lower()}"
    source = f"from lightning.pytorch.callbacks import {base}\n\nclass Mine({base}):\n"
    Path(f"{module}.py").write_text(source + "    def __init__(self):\n        pass\n")
    monkeypatch.syspath_prepend(str(here))
    answer = al(*RUN, "--trainer.callbacks", f"{module}.Mine")
    assert refused(answer, UsageError, f"trainer.callbacks names {module}.Mine", "leave it out")


@pytest.mark.parametrize("name", ["WeightAveraging", "LearningRateMonitor"])
def test_other_callbacks_train(al: Call, here: Path, name: str) -> None:
    answer = al(*RUN, "--trainer.callbacks", f"[{{class_path: lightning.pytorch.callbacks.{name}}}]")
    assert answer.code == 0, answer.err
