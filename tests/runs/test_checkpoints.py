"""Weights that are none, though their seal fits."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from al_lightning.errors import ALError, TrainingError
from al_lightning.runs.checkpoints import weights_of
from al_lightning.runs.store import RunStore
from tests.support.errors import raises, refused
from tests.support.runs import Answer
from tests.support.whole_runs import RUN

Call = Callable[..., Answer]


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"network": [1]},
        {"other": 1},
        {"network": {"a": torch.zeros(1)}},
        "nan",
        {"network": {"a": torch.zeros(1).expand(1 << 30, 1 << 9)}},
        {"network": {"a": torch.zeros(3).to_sparse()}},
        None,
    ],
    ids=range(8),
)
def test_weights_that_are_none_are_a_sentence_though_their_seal_fits(
    al: Call, here: Path, whole: Path, content: object
) -> None:
    path = whole / "cycle_02/member_0/weights.pt"
    file = io.BytesIO()
    if content == "nan":
        content = torch.load(path, weights_only=True)
        next(iter(content["network"].values()))[0] = torch.nan  # type: ignore[index]
    torch.save(content, file) if content is not None else file.write(b"PK junk")
    RunStore(whole).fit_seal(2, 0).write(path, lambda out: out.write(file.getvalue()))
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(here / "a.png")
    answer = al("predict", whole, "a.png")
    assert refused(answer, ALError, path)
    assert answer.err.count("\n") == 1


def test_a_fit_whose_weights_are_not_finite_ends_with_a_sentence(al: Call, here: Path) -> None:
    (here / "bad.py").write_text(
        "from lightning.pytorch import Callback\n"
        "class Spoil(Callback):\n"
        "    def on_train_end(self, trainer, module):\n"
        "        next(module.network.parameters()).data.fill_(float('nan'))\n"
    )
    answer = al(*RUN, "--trainer.callbacks", "bad.Spoil", "--run_dir", "r")
    assert refused(answer, TrainingError, "weights", "not finite")
    assert not list((here / "r").rglob("weights.pt"))


def test_weights_unpack_to_no_more_than_their_file(whole: Path) -> None:
    path = whole / "cycle_02/member_0/weights.pt"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with raises(ALError, path):
        weights_of(path)
