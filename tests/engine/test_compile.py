"""Ways to train faster that leave results as they are: torch.compile, batches sent by value, cheaper crops."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from al_lightning.data import ImageAugmentation
from al_lightning.data.worker_transfer import SMALL, Parcel, parcel
from al_lightning.engine.compile import Compiling
from al_lightning.runs.checkpoints import weights_of
from al_lightning.types import Batch
from tests.support.methods import images, maps
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]
GPU = ["--trainer.accelerator", "gpu"]


def batch_of(size: int, count: int = 2) -> Batch:
    draw = torch.Generator().manual_seed(size)
    image = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=draw).permute(0, 3, 1, 2)
    return Batch(image, torch.arange(count), torch.arange(count) + 10)


class Two(Dataset[Any]):
    """A small batch, and a large one beside a small one."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Any:
        return {"labelled": batch_of(8)} if number == 0 else {"labelled": batch_of(600), "more": {"view": batch_of(4)}}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Batch):
        layout = [tensor.stride() for tensor in one] == [tensor.stride() for tensor in other]
        return type(other) is Batch and layout and all(map(torch.equal, one, other))
    return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)


def test_batches_come_out_of_a_worker_as_they_went_in() -> None:
    assert batch_of(600).image.nbytes > SMALL
    for got, wanted in zip(DataLoader(Two(), None, num_workers=1, collate_fn=parcel), Two(), strict=False):
        assert same(got, wanted)
    batch = batch_of(8)
    assert parcel(batch) is batch  # nothing is packed that stays in its process
    opened = pickle.loads(pickle.dumps(Parcel({"a": batch})))
    assert same(opened, {"a": batch})
    opened["a"].image.add_(1)  # a tensor like any other


@pytest.mark.parametrize("crop_padding", [1, 4])
def test_a_crop_is_that_of_the_padded_image(crop_padding: int) -> None:
    draw = np.random.default_rng(0)
    augment = ImageAugmentation(auto_augment=False, cutout=0, flip=False, crop_padding=crop_padding)
    for seed in range(20):
        image = draw.integers(0, 256, (9, 13, 3), dtype=np.uint8)
        y, x = np.random.default_rng(seed).integers(2 * crop_padding + 1, size=2)
        padded = np.pad(image, ((crop_padding,) * 2, (crop_padding,) * 2, (0, 0)), mode="reflect")
        assert np.array_equal(augment(image, 3, seed)[0], padded[y : y + 9, x : x + 13])


def test_auto_augment_leaves_the_generator_where_it_was() -> None:
    torch.manual_seed(5)
    before = torch.default_generator.get_state()
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    first = ImageAugmentation()(image, 0, 7)[0]
    assert torch.equal(torch.default_generator.get_state(), before)
    assert np.array_equal(ImageAugmentation()(image, 0, 7)[0], first)
    assert not np.array_equal(ImageAugmentation()(image, 0, 8)[0], first)


def test_a_mode_that_is_none_is_said(al: Call, here: Path, class_folders: Path) -> None:
    done = al("fit", *images("random", "supervised", class_folders), "--compile", "fast", "--run_dir", "r")
    assert done.code == 2, done.err
    assert "compile is 'fast'; 'none' or 'default' or 'reduce-overhead' or 'max-autotune' was expected" in done.err


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
    refused = al("fit", *options, "--run_dir", "compiled")
    assert refused.code == 2
    assert "compile: default -> none" in refused.err.replace("None", "none")


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
    assert (done.code, "Traceback" in done.err) == (1, False)
    assert "no compiler on this machine" in done.err
    assert "--compile none" in done.err


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
