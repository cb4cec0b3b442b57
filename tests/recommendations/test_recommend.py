"""The command as typed: folders, run directories and wrong input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import al_lightning
from al_lightning.errors import ALError, DatasetError, UsageError
from al_lightning.runs.journal import read_run
from tests.support.errors import refused
from tests.support.evidence import flat
from tests.support.runs import Answer

Call = Callable[..., Answer]


def smooth(draw: np.random.Generator, size: int = 24) -> np.ndarray:
    """A picture of a few large patches, unlike any other."""
    small = Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC), dtype=np.int16)


def pool(folder: Path, scenes: int, copies: int, masks: Path | None = None) -> Path:
    """`scenes` pictures, `copies` of each that differ by a little noise."""
    draw = np.random.default_rng(3)
    for scene in range(scenes):
        base = smooth(draw)
        for copy in range(copies):
            name = f"s{scene:02d}_{copy:03d}.png"
            pixels = np.clip(base + draw.integers(-3, 4, base.shape), 0, 255).astype(np.uint8)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name)
            if masks is not None:
                masks.mkdir(parents=True, exist_ok=True)
                label = np.full(base.shape[:2], scene % 2, np.uint8)
                label[:2] = 255
                Image.fromarray(label).save(masks / name)
    return folder


def test_a_redundant_folder_with_many_labels_wants_core_set(al: Call, here: Path) -> None:
    pool(here / "data/images", 25, 8, here / "data/masks")
    pattern = r"(?P<sequence>.+)_(?P<frame>\d+)"
    said = al("recommend", "--images", "data/images", "--masks", "data/masks", "--sequence-pattern", pattern,
              "--labels", 150, "--json", "out/r.json", "--processes", 1)  # fmt: skip
    assert said.code == 0, said.err
    assert "Choose with coreset. Train semi-supervised (s4GAN)." in flat(said.out)
    assert "They come from 25 sequences. 150 labels are 75.0 % of them and 75 for each of 2 classes: many" in flat(
        said.out
    )
    assert "Table 3, A2D2 Pool-11f" in flat(said.out)
    assert re.search(r"Core-set-SSL against Random-SSL +\+1\.68 \+- 0\.35 ahead", flat(said.out))
    assert "for name in mask_folder_random_s4gan mask_folder_coreset_s4gan;" in flat(said.out)
    assert "--data.images images --data.masks masks --data.classes '[class_0, class_1]'" in flat(said.out)
    assert "curves end at 50 %" in flat(said.out)
    values = json.loads((here / "out/r.json").read_text())
    assert values["strategy"] == "coreset"
    assert values["abstains"] == {"strategy": False, "training": False}
    assert values["situation"]["redundancy"] > 0.8
    assert values["readings"][0]["evidence"][0]["cells"][0]["table"] == "table3"


def test_a_diverse_folder_of_classes_wants_random_and_uda(al: Call, here: Path) -> None:
    for number in range(2):
        pool(here / f"pets/class{number}", 1, 1)
    draw = np.random.default_rng(9)
    for number in range(2):
        for position in range(30):
            Image.fromarray(smooth(draw).clip(0, 255).astype(np.uint8)).save(
                here / f"pets/class{number}/{position:02d}.png"
            )
    said = al("recommend", "--images", "pets", "--task", "classification", "--labels", 20, "--processes", 1)
    assert said.code == 0, said.err
    assert "10 for each of 2 classes: few" in flat(said.out)
    assert "Choose at random: the published cells show no strategy ahead of it. Train semi-supervised (UDA)." in flat(
        said.out
    )
    assert "for name in image_folder_random image_folder_random_uda;" in flat(said.out)
    assert "Fits with uda have 3,000 steps each" in flat(said.out)  # of the patch for folders of images, not of UDA
    assert "--data.root pets --budget.unit images --budget.initial 4 --budget.query 4 --budget.cycles 4" in flat(
        said.out
    )


def test_a_run_directory_is_reopened(al: Call, here: Path, class_folders: Path) -> None:
    name = "small_image_folder_entropy"
    options = ["--data.root", class_folders, "--data.size", "null", "--network.depth", 10, "--network.width", 1]
    options += ["--data.workers", 0, "--steps", 1, "--budget.cycles", 0, "--run_dir", f"runs/{name}/seed_0"]
    assert al("fit", "--config", name, *options).code == 0
    said = al("recommend", f"runs/{name}/seed_0", "--labels", 10, "--processes", 1)
    assert said.code == 0, said.err
    assert f"The 30 images of {name} are worth" in flat(said.out)
    assert "3.33 for each of 3 classes: few" in flat(said.out)
    assert f"--data.root {class_folders}" in flat(said.out)
    had = len(read_run(Path("runs") / name / "seed_0").labelled_at(0))
    as_run = flat(al("recommend", f"runs/{name}/seed_0", "--processes", 1).out)
    assert f" {had} labels are" in as_run
    found = al_lightning.api.recommend(f"runs/{name}/seed_0", 10, processes=1)
    assert found.situation.classes == 3
    assert found.situation.task == "classification"


def test_masks_of_0_and_255_are_two_classes_that_the_commands_name(al: Call, here: Path) -> None:
    pool(here / "data/images", 12, 1, here / "data/masks")
    for number, path in enumerate(sorted((here / "data/masks").iterdir())):
        Image.fromarray(np.full((24, 24), 255 * (number % 2), np.uint8)).save(path)
    said = al("recommend", "--images", "data/images", "--masks", "data/masks", "--labels", 6, "--processes", 1)
    assert said.code == 0, said.err
    assert "3 for each of 2 classes" in flat(said.out)
    assert "--data.classes '[class_0, class_255]'" in flat(said.out)


@pytest.mark.parametrize("wrong", ["colours", "nothing", "no image"])
def test_masks_of_which_none_can_be_read_are_no_classification(al: Call, here: Path, wrong: str) -> None:
    pool(here / "data/images", 4, 1, here / "data/masks")
    for path in sorted((here / "data/masks").iterdir()):
        if wrong == "colours":
            Image.new("RGB", (24, 24)).save(path)
        elif wrong == "no image":
            path.write_text("no image")
        else:
            path.unlink()
    said = al("recommend", "--images", "data/images", "--masks", "data/masks", "--labels", 3, "--processes", 1)
    assert refused(said, DatasetError, "None of the masks in data/masks", "s00_000.png", "--task segmentation")
    assert said.out == ""
    as_said = ["recommend", "--images", "data/images", "--task", "segmentation", "--classes", 2, "--labels", 3]
    assert al(*as_said, "--processes", 1).code == 0


@pytest.mark.parametrize(
    ("given", "kind", "facts"),
    [
        (["--labels", 5], UsageError, ["RUN_DIR", "--images DIR"]),
        (["runs/x", "--images", "pool", "--labels", 5], UsageError, ["RUN_DIR", "--images DIR"]),
        (["runs/x", "--labels", 5], UsageError, ["runs/x", "cycles.jsonl"]),
        (["runs/x", "--masks", "m", "--labels", 5], UsageError, ["--masks", "--images"]),
        (["--images", "pool"], UsageError, ["--labels N"]),
        (["--images", "pool", "--labels", 0], UsageError, ["--labels is 0", "at least 1"]),
        (
            ["--images", "pool", "--labels", 1, "--task", "segmentation"],
            UsageError,
            ["--labels is 1", "at least 2", "4 images"],
        ),
        (
            ["--images", "pool", "--labels", 4, "--task", "segmentation"],
            UsageError,
            ["--labels is 4", "at least 2", "4 images"],
        ),
        (
            ["--images", "pool", "--labels", 3],
            UsageError,
            ["--task classification", "--task segmentation"],
        ),
        (
            ["--images", "pool", "--masks", "m", "--task", "classification", "--labels", 3],
            UsageError,
            ["--task", "--masks", "segmentation"],
        ),
        (["--images", "nowhere", "--labels", 3], DatasetError, ["nowhere", "--images DIR"]),
        (["--images", "pool", "--labels", 3, "--task", "detection"], UsageError, ["--task", "'detection'"]),
    ],
)
def test_wrong_input_is_one_sentence(
    al: Call, here: Path, given: list[object], kind: type[ALError], facts: list[str]
) -> None:
    pool(here / "pool", 4, 1)
    said = al("recommend", *given, "--processes", 1)
    assert refused(said, kind, *facts)
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
