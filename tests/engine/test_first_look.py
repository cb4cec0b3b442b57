"""What is wrong with data is said before the first fit, in one error, and what the error names works as it says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.errors import DatasetError, LabelsAwaited
from al_lightning.labels.store import LabelStore
from al_lightning.runs.journal import read_run
from al_lightning.runs.selections import read_choice
from tests.support.annotators import MASKS, ask, batch
from tests.support.errors import refused
from tests.support.image_files import write_image, write_mask
from tests.support.runs import SMALL_NETWORK, TINY, Answer

Call = Callable[..., Answer]
BUDGET = ["--budget.unit", "images", "--budget.initial", 4, "--budget.query", 2, "--budget.cycles", 1]


def write(root: Path, ids: tuple[int, ...], count: int = 16) -> Path:
    """Images of 16 x 16 with masks: a column of each id beside a ground of the first."""
    for number in range(count):
        write_image(root / "images" / f"f{number:03d}.png", (16, 16), number)
        mask = np.full((16, 16), ids[0], np.uint8)
        for place, value in enumerate(ids[1:]):
            mask[:, 4 * place : 4 * place + 4] = value
        write_mask(root / "masks" / f"f{number:03d}.png", mask)
    return root


def run(al: Call, root: Path, *more: object, classes: str = "[ground, box]", run_dir: str = "r") -> Answer:
    options = ["--data.root", root, "--data.classes", classes, *MASKS, *BUDGET, "--run_dir", run_dir]
    return al("fit", "--config", "mask_folder_entropy", *options, *more)


def warned(run_dir: Path) -> list[str]:
    return read_run(run_dir).record.remarks


def line_of(answer: Answer, part: str) -> str:
    """The one line of what a command printed for people that holds a part."""
    (line,) = [line for line in answer.err.splitlines() if part in line]
    return line


# Ids of 0 and 255


def test_masks_of_0_and_255_are_the_two_classes_that_are_named(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 255))
    answer = run(al, root)
    assert answer.code == 0, answer.err
    line = line_of(answer, "255")
    assert line.startswith("note: ")
    assert "0 is ground, 255 is box" in line
    assert warned(here / "r") == []
    metrics = read_run(here / "r").cycles[0].metrics
    assert None not in metrics["class_iou"]
    same = write(here / "same", (0, 1))
    assert "255" not in run(al, same, run_dir="s").err
    for first, second in zip(read_run(here / "r").cycles, read_run(here / "s").cycles, strict=True):
        assert (first.metrics, first.chosen) == (second.metrics, second.chosen)


def test_a_run_whose_255_would_mean_something_else_is_another_run(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 255))
    assert run(al, root).code == 0
    for path in (root / "masks").iterdir():
        mask = np.array(Image.open(path))
        write_mask(path, np.where(mask == 0, 1, mask))
    answer = run(al, root)
    assert answer.code != 0
    assert "r holds a run" in answer.err


# Labels that hold too little


def test_a_class_that_no_label_has_is_a_condition_of_every_comparison(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 1))
    answer = run(al, root, classes="[ground, box, tree]")
    assert answer.code == 0, answer.err
    said = [line for line in answer.err.splitlines() if line.startswith("[!] ") and "cycle" not in line]
    assert said == ["[!] 1 class is absent from the pool: tree.", "[!] 1 class is absent from the test set: tree."]
    assert warned(here / "r") == [line.removeprefix("[!] ") for line in said]
    report = al("report", "r", "--format", "text")
    assert report.code == 0, report.err
    assert "1 class is absent from the pool: tree." in report.out


@pytest.mark.parametrize(
    ("ids", "classes", "facts"),
    [
        ((255, 0), "[ground, box, tree]", ["75.0 %", "the pool", "the test set"]),
        ((0, 255), "[ground, box, tree]", ["single class ground", "ids: {0: ground, 1: box, 255: tree}"]),
        ((0, 0), "[ground, box]", ["single class ground", "--data.mapping"]),
    ],
)
def test_labels_from_which_nothing_can_be_learned_stop_the_run(
    al: Call, here: Path, ids: tuple[int, ...], classes: str, facts: list[str]
) -> None:
    root = write(here / "data", ids)
    assert refused(run(al, root, classes=classes), DatasetError, *facts, "--data.accept_labels")
    assert not (here / "r/cycles.jsonl").exists()
    accepted = run(al, root, "--data.accept_labels", "true", classes=classes)
    assert accepted.code == 0, accepted.err
    assert any(facts[0] in text for text in warned(here / "r"))
    assert any(line.startswith("[!] ") and facts[0] in line for line in accepted.err.splitlines())
    goes_on = run(al, root, "--budget.cycles", 2, classes=classes)  # what was accepted once is not asked for again
    assert goes_on.code == 0, goes_on.err


def test_the_mapping_that_the_refusal_names_works(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 255))
    answer = run(al, root, classes="[ground, box, tree]")
    found = re.search(r"`(classes: \[.*?\])` and `(ids: \{.*?\})`", answer.err)
    assert found, answer.err
    (here / "mapping.yaml").write_text("\n".join(found.groups()) + "\n")
    answer = run(al, root, "--data.mapping", "mapping.yaml", classes="null")
    assert answer.code == 0, answer.err
    assert warned(here / "r")[0] == "1 class is absent from the pool: box."


def test_a_test_set_that_is_wholly_255_is_no_test(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 1))
    write(here / "data/other", (255, 255), 3)
    tested = ["--data.test_images", "other/images", "--data.test_masks", "other/masks"]
    answer = run(al, root, *tested)
    assert refused(answer, DatasetError, "All pixels of the labels of the test set are ignored")
    assert "the pool" not in answer.err


def test_a_single_class_of_images_stops_the_run(al: Call, here: Path, class_folders: Path) -> None:
    for split in ("train", "test"):
        for name in ("green", "red"):
            shutil.rmtree(class_folders / split / name)
    options = ["--data.classes", "[blue, green, red]", "--data.root", class_folders, *TINY, *SMALL_NETWORK, *BUDGET]
    answer = al("fit", "--config", "small_image_folder_random", *options, "--initial", "random", "--run_dir", "r")
    assert refused(answer, DatasetError, "the pool", "single class blue", "--data.accept_labels")


# Files that cannot be used


def test_every_bad_file_is_named_before_the_first_fit_and_each_remedy_works(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 1, 2))
    names = ["f002", "f009", "f014"]
    for name in names:
        mask = np.array(Image.open(root / "masks" / f"{name}.png"))
        mask[0, 0] = 7
        write_mask(root / "masks" / f"{name}.png", mask)
    classes = "[a, b, c]"
    answer = run(al, root, classes=classes)
    assert refused(
        answer, DatasetError, "3 labels with ids outside the mapping", "--data.ignore", "label ids 7", *names
    )
    assert not list(here.glob("r/cycle_*"))
    assert run(al, root, "--data.ignore", 7, classes=classes).code == 0  # in the same directory
    for name in names[:2]:
        write_mask(root / "masks" / f"{name}.png", np.zeros((16, 16)))
    assert refused(run(al, root, classes=classes, run_dir="s"), DatasetError, "1 label with ids", "f014")
    for part in ("images", "masks"):
        (root / part / "f014.png").unlink()
    assert run(al, root, classes=classes, run_dir="s").code == 0


def test_a_broken_image_is_found_before_the_first_fit_and_may_be_taken_out(
    al: Call, here: Path, class_folders: Path
) -> None:
    broken = class_folders / "train/red/05.png"
    broken.write_bytes(broken.read_bytes()[:100])
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, *BUDGET]
    command = ["fit", "--config", "small_image_folder_entropy", *options, "--initial", "random", "--run_dir", "r"]
    answer = al(*command)
    assert refused(answer, DatasetError, broken, "1 unreadable image", "take them out")
    broken.unlink()
    assert al(*command).code == 0


@pytest.mark.parametrize("side", ["pool", "test"])
def test_an_image_of_another_size_is_found_before_the_first_fit_and_a_common_size_helps(
    al: Call, here: Path, class_folders: Path, side: str
) -> None:
    odd = class_folders / ("train" if side == "pool" else "test") / "red/03.png"
    write_image(odd, (14, 12))
    options = ["--data.root", class_folders, *TINY, *SMALL_NETWORK, *BUDGET, "--initial", "random", "--run_dir", "r"]
    command = ["fit", "--config", "small_image_folder_random", *options]
    answer = al(*command, "--data.size", "null")
    assert refused(answer, DatasetError, odd, "14 x 12", "--data.size", "2 sizes", "Nothing was trained yet")
    assert not list(here.glob("r/cycle_*"))
    assert al(*command, "--data.size", "[12, 12]").code == 0


def test_crops_make_batches_of_images_of_all_sizes(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 1))
    for part, pixels in (("images", np.zeros((20, 16, 3), np.uint8)), ("masks", np.zeros((20, 16), np.uint8))):
        Image.fromarray(pixels).save(root / part / "f001.png")
    crop = ["--data.augmentation.crop", "[16, 16]", "--data.eval_batch_size", 1]
    assert run(al, root, *crop).code == 0
    answer = run(al, root, *crop[:2], "--data.eval_batch_size", 2, run_dir="s")
    assert refused(answer, DatasetError, "20 x 16", "2 sizes")


def test_the_look_is_announced_and_other_runs_on_the_same_data_need_none(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 1))
    said = "16 images are looked at first"
    assert said in run(al, root).err
    assert "looked at" not in run(al, root).err
    assert "looked at" not in run(al, root, "--seed", 1, run_dir="s").err
    mask = root / "masks/f004.png"
    write_mask(mask, np.array(Image.open(mask)).T)
    assert "1 image is looked at first" in run(al, root, run_dir="t").err
    next((root / ".al_cache").glob("known-files-*")).write_text("damaged")
    assert run(al, root, run_dir="u").code == 0


def test_a_run_that_has_trained_names_a_file_that_went_bad_and_goes_on_once_it_is_mended(al: Call, here: Path) -> None:
    root = write(here / "data", (0, 1))
    assert run(al, root, "--budget.cycles", 0).code == 0
    chosen = read_run(here / "r").labelled_at(0)[0]
    image = root / read_choice(read_run(here / "r"), None).names[0]  # type: ignore[union-attr]
    assert chosen >= 0
    mask = root / "masks" / image.name
    whole = mask.read_bytes()
    write_mask(mask, np.full((16, 16), 9))
    answer = run(al, root)
    assert refused(answer, DatasetError, f"[!] The label {mask}", "label ids 9", "mend that file")
    assert len(read_run(here / "r").cycles) == 1
    mask.write_bytes(whole)
    assert run(al, root).code == 0
    write_mask(mask, np.full((16, 16), 9))
    assert run(al, root).code == 0  # nothing is left to do


# Labels by people


def asked(al: Call, root: Path, *more: object) -> Answer:
    return ask(al, root, Path("asked"), "--data.test_share", 0, *more, config="mask_folder_entropy")


def test_labels_by_people_are_judged_once_those_of_the_first_fit_are_there(
    al: Call, here: Path, masks: Path, bare: Path
) -> None:
    store = LabelStore(here / "asked/labels", ("ground", "box"), "pixel")
    assert refused(asked(al, bare), LabelsAwaited, "6 of 6")
    names = [row["path"] for row in batch(here / "asked", "initial")]
    store.apply({name: np.zeros((32, 40), np.uint8) for name in names[:5]})
    assert refused(asked(al, bare), LabelsAwaited, "1 of 6")
    store.apply({names[5]: np.zeros((32, 40), np.uint8)})
    assert refused(asked(al, bare), DatasetError, "the pool", "single class ground", "--data.accept_labels")
    accepted = asked(al, bare, "--data.accept_labels", "true")
    assert refused(accepted, LabelsAwaited, "5 of 5", "[!] The labels of the pool hold the single class ground")
    assert len(warned(here / "asked")) == 1
    store.apply({names[0]: np.asarray(Image.open(masks / "masks" / Path(names[0]).name))})
    assert refused(asked(al, bare), LabelsAwaited, "5 of 5")


def test_a_part_of_a_batch_that_stops_the_run_may_grow(al: Call, here: Path, bare: Path) -> None:
    partial = ["--oracle.accept_partial", "true"]
    store = LabelStore(here / "asked/labels", ("ground", "box"), "pixel")
    assert asked(al, bare, *partial).code == 76
    names = [row["path"] for row in batch(here / "asked", "initial")]
    for count, value in ((2, 0), (3, 1)):
        store.apply({names[count]: np.full((32, 40), value, np.uint8)})
        answer = asked(al, bare, *partial)
        assert answer.code == (DatasetError if count == 2 else LabelsAwaited).exit_code, answer.err
    assert len(read_run(here / "asked").labelled_at(0)) == 2


def test_own_masks_of_0_and_255_may_come_while_people_label(al: Call, here: Path, masks: Path, bare: Path) -> None:
    assert asked(al, bare).code == 76
    for row in batch(here / "asked", "initial"):
        mask = np.asarray(Image.open(masks / "masks" / Path(row["path"]).name))
        write_mask(bare / "masks" / Path(row["path"]).name, np.where(mask == 1, 255, 0))
    assert refused(asked(al, bare), LabelsAwaited, "5 of 5", "0 is ground, 255 is box")
