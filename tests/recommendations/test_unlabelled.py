"""`al-lightning recommend RUN` of a run whose images people label: what has no label yet is no damaged file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from al_lightning.audits.audit import audit
from al_lightning.audits.text import summary
from al_lightning.config.experiment import dataset
from al_lightning.config.rebuild import reopen
from al_lightning.labels.store import LabelStore
from tests.support.annotators import CLASSES, Call, ask, batch, draw, say
from tests.support.evidence import flat


@pytest.mark.parametrize("config", ["small_image_folder_coreset", "mask_folder_entropy"])
def test_images_that_await_labels_are_counted_as_unlabelled(
    al: Call, here: Path, loose: Path, masks: Path, bare: Path, config: str
) -> None:
    run, root = here / "run", loose if config.startswith("small_image") else bare
    pool = 30 if config.startswith("small_image") else 16
    task = "classification" if config.startswith("small_image") else "segmentation"
    assert ask(al, root, run, config=config).code == 76
    for labelled in (0, 6):
        if labelled and config.startswith("small_image"):
            say(LabelStore(run / "labels", CLASSES, "image"), [row["path"] for row in batch(run, "initial")])
        elif labelled:
            store = LabelStore(run / "labels", ("ground", "box"), "pixel")
            draw(store, [row["path"] for row in batch(run, "initial")], masks)
        said = al("recommend", run, "--labels", 10, "--processes", 1, "--json", here / "r.json")
        assert said.code == 0, said.err
        assert f"{pool - labelled} of the images are not labelled yet." in flat(said.out)
        assert "unreadable" not in said.out + said.err
        situation = json.loads((here / "r.json").read_text())["situation"]
        assert (situation["images"], situation["unlabelled"], situation["task"]) == (pool, pool - labelled, task)
        assert not any("label" in text for text in situation["problems"])
        found = audit(reopen(run).data, workers=0)
        assert found.pool.unlabelled == pool - labelled
        assert not [finding for finding in found.findings if "label" in finding.kind]
        assert f"{pool - labelled} not labelled yet" in summary(found)
    by_file = audit(dataset([str(run / "config.yaml")]), workers=0)  # of the run's labels, wherever one is
    assert by_file.pool.unlabelled == pool - labelled


def test_a_damaged_label_is_still_one(al: Call, here: Path, masks: Path, bare: Path) -> None:
    run = here / "run"
    ask(al, bare, run, config="mask_folder_entropy")
    names = [row["path"] for row in batch(run, "initial")]
    store = LabelStore(run / "labels", ("ground", "box"), "pixel")
    draw(store, names, masks)
    store.mask_path(names[0]).write_bytes(b"no image")
    store.apply({names[1]: np.zeros((3, 3), np.uint8)})
    found = audit(reopen(run).data, workers=0)
    assert found.pool.unlabelled == 10
    assert sorted(finding.kind for finding in found.findings) == ["sizes differ", "unreadable label"]
    said = al("recommend", run, "--labels", 10, "--processes", 1)
    assert "1 unreadable label" in flat(said.out)
