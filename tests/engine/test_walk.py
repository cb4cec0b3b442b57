"""The whole walk on real images without labels at the start: their own labels play the annotator, batch by batch.

Each batch goes out as Label Studio's tasks and comes back as its export.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al_lightning.labels.shapes.brush import encode_brush
from tests.support.annotators import result
from tests.support.runs import Answer

DATA = Path(__file__).parents[3] / "shared/data"
CAMVID = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]
Call = Callable[..., Answer]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (DATA / "camvid").is_dir(), reason=f"there are no real images in {DATA}"),
]


def walk(al: Call, run: Path, annotate: Callable[[str], list[dict[str, Any]]], *command: object) -> list[str]:
    """Run to the end; return the batches that were asked for."""
    batches: list[str] = []
    for _ in range(5):
        answer = al(*command, "--oracle", "files", "--run_dir", run)
        if answer.code == 0:
            return batches
        assert answer.code == 76, answer.err
        (new,) = sorted({path.name for path in (run / "batches").iterdir()} - set(batches))
        tasks = json.loads((run / "batches" / new / "label_studio" / "tasks.json").read_text())
        assert all(("predictions" in task) == new.startswith("cycle") for task in tasks)
        done = [
            {"id": number, "data": task["data"], "annotations": [{"result": annotate(task["data"]["name"])}]}
            for number, task in enumerate(tasks)
        ]
        (run / "export.json").write_text(json.dumps(done))
        imported = al("labels", "import", run, run / "export.json")
        assert imported.code == 0, imported.err
        assert f"{len(tasks)} images labelled: {len(tasks)} added" in imported.out
        batches.append(new)
    raise AssertionError("the run does not end")


def test_camvid_painted_batch_by_batch(al: Call, here: Path) -> None:
    camvid, bare = DATA / "camvid", here / "bare"
    for folder in ("train", "test", "testannot"):
        (bare / folder).parent.mkdir(exist_ok=True)
        shutil.copytree(camvid / folder, bare / folder)
    command = ["fit", "--config", "mask_folder_efficientnet_entropy", "--data.classes", f"[{', '.join(CAMVID)}]"]
    command += ["--data.images", "train", "--data.masks", "trainannot", "--data.ignore", "11"]
    command += ["--data.test_images", "test", "--data.test_masks", "testannot", "--data.size", "[96, 128]"]
    command += ["--data.sequence_pattern", r"(?P<sequence>.+)_f?(?P<frame>\d+)", "--data.augmentation.crop", "[80, 96]"]
    command += ["--data.workers", "0", "--data.eval_batch_size", "8", "--steps", "40", "--budget.cycles", "2"]
    assert al(*command, "--data.root", camvid, "--run_dir", here / "simulated").code == 0

    def paint(name: str) -> list[dict[str, Any]]:
        truth = np.asarray(Image.open(camvid / "trainannot" / f"{Path(name).stem}.png"))
        size = {"original_width": truth.shape[1], "original_height": truth.shape[0], "image_rotation": 0}
        return [
            {"from_name": "brush", "to_name": "image", "type": "brushlabels", **size}
            | {"value": {"format": "rle", "rle": encode_brush(truth == number), "brushlabels": [CAMVID[number]]}}
            for number in np.unique(truth).tolist()
            if number != 11  # void stays unpainted
        ]

    batches = walk(al, here / "asked", paint, *command, "--data.root", bare)
    assert batches == ["initial", "cycle_00", "cycle_01"]
    assert result(here / "asked") == result(here / "simulated")


def test_cifar10_chosen_batch_by_batch(al: Call, here: Path) -> None:
    archive = np.load(DATA / "cifar10_jpeg.npz")
    classes = [str(name) for name in archive["classes"]]
    for split, most in (("train", 100), ("test", 30)):
        blob, offsets, labels = (archive[f"{split}_{part}"] for part in ("bytes", "offsets", "labels"))
        for position in (place for number in range(10) for place in np.flatnonzero(labels == number)[:most]):
            name = classes[int(labels[position])]
            content = blob[offsets[position] : offsets[position + 1]].tobytes()
            places = [here / "folders" / split / name / f"{position:05d}.jpg"]
            places.append(
                here / "loose" / ("unlabelled" if split == "train" else "test") / name / f"{position:05d}.jpg"
            )
            for path in places:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    command = ["fit", "--config", "small_image_folder_coreset", "--initial", "random", "--data.workers", "0"]
    command += ["--network.depth", "16", "--network.width", "1", "--data.size", "[32, 32]", "--steps", "30"]
    command += ["--budget.cycles", "2"]
    assert al(*command, "--data.root", here / "folders", "--run_dir", here / "simulated").code == 0

    def choose(name: str) -> list[dict[str, Any]]:
        choice = {"choices": [Path(name).parts[-2]]}
        return [{"from_name": "class", "to_name": "image", "type": "choices", "value": choice}]

    batches = walk(al, here / "asked", choose, *command, "--data.root", here / "loose")
    assert batches == ["initial", "cycle_00", "cycle_01"]
    assert result(here / "asked") == result(here / "simulated")
