"""What a run gives to `score` and `select`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from al_lightning.engine.inputs import shares_of
from al_lightning.types import SelectionInputs
from tests.support.methods import images, maps
from tests.support.runs import Answer

Call = Callable[..., Answer]
RECORDER = """
import torch
from al_lightning.acquisition import Acquisition
from al_lightning.acquisition.functional import top_scores

SEEN = []


class Recorder(Acquisition):
    reads_labelled = reads_labels = keyed_by_position = True

    def score(self, network, batch):
        assert (batch.label == 255).all()
        return {"known": batch.labelled[:, None].float()}

    def select(self, rows, count, generator):
        SEEN.append(rows)
        return top_scores(rows, -rows.index.double(), count)
"""


@pytest.fixture
def seen(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[SelectionInputs]]:
    monkeypatch.syspath_prepend(here)
    (here / "recorder.py").write_text(RECORDER)
    monkeypatch.delitem(sys.modules, "recorder", raising=False)
    return lambda: sys.modules["recorder"].SEEN


def test_a_run_says_what_is_labelled_as_what_and_which_choice_it_is(
    al: Call, masks: Path, seen: Callable[[], list[SelectionInputs]]
) -> None:
    options = [*maps("entropy", "supervised", masks), "--acquisition", "recorder.Recorder", "--budget.cycles", 2]
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0, answer.err
    first, second = seen()
    assert [(rows.cycle, rows.cycles) for rows in (first, second)] == [(0, 2), (1, 2)]
    assert int(second.labelled.sum()) == 2 * int(first.labelled.sum()) > 0
    for rows in (first, second):
        assert rows.part("known")[:, 0].bool().tolist() == rows.labelled.tolist()
        assert rows.shares is not None
        assert rows.shares.isnan().all(dim=1).tolist() == (~rows.labelled).tolist()
        for row in rows.labelled.nonzero().flatten().tolist():
            label = np.asarray(Image.open(masks / "masks" / Path(rows.names[row]).name))
            share = float((label == 1).sum() / (label != 255).sum())  # a border is ignored
            assert rows.shares[row].tolist() == pytest.approx([1 - share, share], abs=1e-6)
        assert rows.sequence is not None
        drives = [Path(name).name.partition("_")[0] for name in rows.names]
        numbers = rows.sequence.tolist()
        assert len({*zip(drives, numbers, strict=True)}) == len({*drives}) == len({*numbers}) == 4


def test_an_image_has_the_class_that_the_oracle_gave(
    al: Call, class_folders: Path, seen: Callable[[], list[SelectionInputs]]
) -> None:
    options = [*images("entropy", "supervised", class_folders), "--acquisition", "recorder.Recorder"]
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0, answer.err
    (rows,) = seen()
    assert rows.shares is not None
    folders = sorted(path.name for path in (class_folders / "train").iterdir())
    for row in rows.labelled.nonzero().flatten().tolist():
        expected = [float(name == Path(rows.names[row]).parent.name) for name in folders]
        assert rows.shares[row].tolist() == expected


def test_an_image_whose_pixels_are_all_ignored_has_no_share() -> None:
    labels = [np.full((2, 2), 255), np.array([[0, 255], [1, 1]]), np.zeros((2, 2), np.int64)]
    data = SimpleNamespace(num_classes=3, train=SimpleNamespace(label=labels.__getitem__))
    rows = SelectionInputs(torch.arange(3), torch.tensor([True, True, False]), torch.empty(1, 3, 0))
    found = shares_of(data, rows)  # type: ignore[arg-type]
    assert found[0].tolist() == [0, 0, 0]
    assert found[1].tolist() == pytest.approx([1 / 3, 2 / 3, 0])
    assert found[2].isnan().all()
