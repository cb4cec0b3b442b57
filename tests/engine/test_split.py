"""The default test set in every command: made once, kept by the run, and honest or called otherwise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from al_lightning.config.rebuild import reopen
from al_lightning.data import MaskFolder
from al_lightning.data.datasets import bases
from al_lightning.data.hold_out import NOT_HONEST
from al_lightning.data.images import Images
from al_lightning.engine import initial_set
from al_lightning.errors import LabelsAwaited, UsageError
from al_lightning.labels.store import LabelStore
from al_lightning.runs.journal import read_run
from tests.support.annotators import batch
from tests.support.errors import lacking, refused
from tests.support.image_files import names_of
from tests.support.runs import TINY, Answer, journal
from tests.support.stacks import PATTERN, duplicates, stack, videos

Call = Callable[..., Answer]
CLASSES = ["--data.classes", "[dark, bright]"]
FIT = ["--config", "mask_folder_unet_random", "--network.width", 2, *TINY]
FIT += ["--data.batch_size", 4, "--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1, *CLASSES]
READ = "images are read once"


def fit(al: Call, root: Path, run: str, *more: object) -> Answer:
    return al("fit", *FIT, "--data.root", root, "--run_dir", run, *more)


def audited(al: Call, root: Path, *more: object) -> dict[str, list[dict[str, object]]]:
    """What the audit of the same configuration finds."""
    answer = al("audit", "--config", "mask_folder", "--data.root", root, *CLASSES, "--processes", 1, *more)
    assert answer.code == 0, answer.err
    found = json.loads(Path("audit/audit.json").read_text())
    return {**found, "said": answer.out}


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a split that has to be made is an error."""

    def fail(*arguments: object) -> None:
        raise AssertionError("the split is made anew")

    monkeypatch.setattr(bases, "divide_images", fail)


@pytest.mark.parametrize(
    ("make", "options", "facts"),
    [
        (duplicates, [], ["note: test set: 8 of 40 images (20 %)", "2 of 10"]),
        (videos, ["--data.sequence_pattern", PATTERN], ["note: test set: 8 of 40 images (20 %)", "2 of 10"]),
        (stack, [], ["note: test set: 12 of 60 images (20 %)", "by name", "left the pool"]),
    ],
    ids=["groups of duplicates", "sequences", "a stack"],
)
def test_no_near_duplicate_lies_on_both_sides(
    al: Call, here: Path, make: Callable[[Path], Path], options: list[str], facts: list[str]
) -> None:
    root = make(here / "data")
    answer = fit(al, root, "r", *options)
    assert answer.code == 0, answer.err
    assert answer.err.count(READ) == 1
    assert not lacking(answer.err, facts), answer.err
    assert read_run("r").record.remarks == []
    found = audited(al, root, *options)
    assert found["leaks"] == []
    assert found["spans"] == []
    assert not lacking(found["said"], [fact for fact in facts if "note" not in fact])
    kept = json.loads((here / "r/split.json").read_text())
    assert found["test"]["images"] == len(kept["test"])
    assert found["pool"]["images"] == journal(here / "r")[0]["pool_size"]


def test_a_stack_without_order_is_a_condition_in_run_and_report(al: Call, here: Path) -> None:
    root = stack(here / "data", name="s{}s")
    for seed in (0, 1):
        answer = fit(al, root, f"r{seed}", "--seed", seed)
        assert answer.code == 0, answer.err
        assert answer.err.count(f"[!] {NOT_HONEST}") == 1
    runs = [read_run(f"r{seed}").record for seed in (0, 1)]
    assert runs[0].data_sha256 == runs[1].data_sha256
    assert runs[0].remarks == runs[1].remarks
    assert NOT_HONEST in runs[0].remarks[0]
    assert f"[!] {NOT_HONEST}" in al("report", "r0", "r1", "--format", "text").out
    found = audited(al, root)
    assert found["leaks"]
    assert NOT_HONEST in found["said"]


def test_the_split_is_kept_by_the_run_and_read_by_every_command(
    al: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = duplicates(here / "data")
    assert fit(al, root, "r").code == 0
    whole = journal(here / "r")
    kept = (here / "r/split.json").read_bytes()
    test = [f"images/{name}" for name in names_of(reopen(here / "r").data.test)]
    assert json.loads(kept)["test"] == test
    lines = (here / "r/cycles.jsonl").read_text().splitlines(keepends=True)
    (here / "r/cycles.jsonl").write_text("".join(lines[:3]))  # the last cycle is to be made again
    no_reading(monkeypatch)
    answer = fit(al, root, "r")
    assert answer.code == 0, answer.err
    assert READ not in answer.err
    assert "note: test set: 8 of 40" in answer.err
    assert journal(here / "r") == whole
    commands = [
        ["query", "r", "--cycle", 0],
        ["show", "r", "--chosen"],
        ["report", "r", "--out", "r.html"],
        ["predict", "r", root / "images"],
        ["export", "r", "--format", "torchscript"],
        ["recommend", "r", "--labels", 20, "--processes", 1],
    ]
    for command in commands:
        answer = al(*command)
        assert answer.code == 0, answer.err
        assert READ not in answer.err
    assert "goes without pictures" not in answer.err
    assert (here / "r/split.json").read_bytes() == kept
    shutil.move(root, here / "moved")  # names below the root are what is kept
    answer = al("query", "r", "--cycle", 0, "--data.root", here / "moved")
    assert answer.code == 0, answer.err


def test_a_split_that_is_not_what_was_written_is_made_again(al: Call, here: Path) -> None:
    root = duplicates(here / "data")
    assert fit(al, root, "r", "--budget.cycles", 0).code == 0
    assert fit(al, duplicates(here / "other", groups=5), "o", "--budget.cycles", 0).code == 0
    path, seal = here / "r/split.json", here / "r/split.json.seal"
    kept, whole = path.read_bytes(), journal(here / "r")
    for damage in ("edited", "of other data", "gone", "without its seal"):
        if damage == "edited":
            path.write_bytes(kept.replace(b'"left_out"', b'"left out"'))
        elif damage == "of other data":
            for file in (path, seal):
                shutil.copy(here / "o" / file.name, file)
        else:
            (path if damage == "gone" else seal).unlink()
        answer = fit(al, root, "r", "--budget.cycles", 0)
        assert answer.code == 0, answer.err
        assert READ in answer.err, damage
        assert (f"{Path('r/split.json')} was damaged" in answer.err) == (damage != "gone"), damage
        assert path.read_bytes() == kept
        assert journal(here / "r") == whole
        assert READ not in fit(al, root, "r", "--budget.cycles", 0).err


def test_images_that_come_or_go_are_other_data(al: Call, here: Path) -> None:
    root = duplicates(here / "data")
    assert fit(al, root, "r").code == 0
    kept = (here / "r/split.json").read_bytes()
    shutil.copy(next((root / "images").iterdir()), root / "images/new.png")
    shutil.copy(next((root / "masks").iterdir()), root / "masks/new.png")
    assert refused(fit(al, root, "r"), UsageError, "r holds a run")
    assert (here / "r/split.json").read_bytes() == kept


def test_a_run_that_begins_anew_makes_its_own_split(al: Call, here: Path) -> None:
    root = duplicates(here / "data")
    ask = ["--oracle", "files"]
    shutil.rmtree(root / "masks")
    assert refused(fit(al, root, "r", *ask), LabelsAwaited, "of the test set wait for labels")
    first = json.loads((here / "r/split.json").read_text())["test"]
    assert len(first) == 8
    answer = fit(al, root, "r", *ask, "--data.test_share", 0.4)
    assert refused(answer, LabelsAwaited, "begins anew", "16 of 16 images of the test set")
    assert len(json.loads((here / "r/split.json").read_text())["test"]) == 16
    answer = fit(al, root, "r", *ask, "--data.test_share", 0)
    assert refused(answer, LabelsAwaited, "there is no test set")
    assert not (here / "r/split.json").exists()
    assert not (here / "r/split.json.seal").exists()


def test_other_processes_take_the_split_of_the_first(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = duplicates(here / "data")
    first, other = (MaskFolder(["dark", "bright"], root=str(root), workers=0) for _ in range(2))
    split = first.find_split()
    no_reading(monkeypatch)
    other.take_split(split)
    assert names_of(other.test) == names_of(first.test)
    assert other.fingerprint() == first.fingerprint()
    assert other.find_split() == split
    assert other.remarks() == first.remarks()


def test_a_dataset_that_reads_the_files_in_another_size_takes_the_split_as_its_own(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = duplicates(here / "data")
    first, small, fresh = (
        MaskFolder(["dark", "bright"], root=str(root), workers=0, size=size) for size in (None, (8, 8), (8, 8))
    )
    wanted = fresh.find_split()
    first.find_split()
    no_reading(monkeypatch)
    small.take_findings(first)
    assert names_of(small.test) == names_of(first.test)
    assert small.find_split() == wanted  # with its own origin, so that a run that keeps it finds it again


def test_only_process_0_makes_a_split(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `start` does first, on a process that is not the first."""

    class Taken(Exception):
        pass

    def take(split: str) -> None:
        raise Taken(split)

    experiment = SimpleNamespace(data=SimpleNamespace(find_split=None, take_split=take))
    other = SimpleNamespace(once=lambda compute, *arguments: "the split of process 0")
    with pytest.raises(Taken, match="the split of process 0"):
        initial_set.start(
            experiment, SimpleNamespace(directory=here), other, SimpleNamespace(say=None, count=None), None
        )  # type: ignore[arg-type]


def test_prepare_keeps_the_split_for_all_runs(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = duplicates(here / "data")
    data = ["mask_folder", "--data.root", root, *CLASSES, "--processes", 1]
    made = al("prepare", *data)
    assert made.code == 0, made.err
    assert made.err.count(READ) == 1
    assert "note: test set: 8 of 40" in made.err
    assert fit(al, root, "other", "--data.test_share", 0.4, "--budget.cycles", 0).err.count(READ) == 1
    with monkeypatch.context() as patch:
        no_reading(patch)
        for seed in (0, 1):
            answer = fit(al, root, f"r{seed}", "--seed", seed, "--budget.cycles", 0)
            assert answer.code == 0, answer.err
        assert al("prepare", *data).code == 0
        assert audited(al, root)["leaks"] == []
    assert (here / "r0/split.json").read_bytes() == (here / "r1/split.json").read_bytes()
    path = next((root / "images").iterdir())
    path.write_bytes(path.read_bytes())  # other times of change
    assert fit(al, root, "later", "--budget.cycles", 0).err.count(READ) == 1
    assert fit(al, root, "none", "--budget.cycles", 0, "--data.cache", "false").err.count(READ) == 1


def test_people_label_what_is_held_out_first_and_labels_change_nothing(al: Call, here: Path) -> None:
    """Images without classes: the split knows none, and stays as it is once they have some."""
    root = here / "pictures"
    shutil.move(duplicates(here / "data") / "images", root / "unlabelled")
    options = ["--config", "small_image_folder_random", "--data.root", root, "--data.classes", "[a, b]"]
    options += ["--initial", "random", "--oracle", "files", *TINY, "--network.depth", 10, "--network.width", 1]
    options += ["--data.size", "[24, 32]", "--budget.cycles", 0, "--run_dir", "r"]
    answer = al("fit", *options)
    assert refused(answer, LabelsAwaited, "8 of 8 images of the test set", "note: test set: 8 of 40")
    kept = (here / "r/split.json").read_bytes()
    wanted = [row["path"] for name in ("initial", "test") for row in batch(here / "r", name)]
    LabelStore(here / "r/labels", ("a", "b"), "image").apply({name: number % 2 for number, name in enumerate(wanted)})
    answer = al("fit", *options)
    assert answer.code == 0, answer.err
    assert READ not in answer.err
    assert (here / "r/split.json").read_bytes() == kept


def test_a_dataset_with_its_own_test_set_reads_nothing(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--config", "small_image_folder_random", "--data.root", class_folders, "--data.size", "[12, 12]", *TINY]
    answer = al("fit", *options, "--network.depth", 10, "--network.width", 1, "--budget.cycles", 0, "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert READ not in answer.err
    assert "note: test set:" not in answer.err
    assert not (here / "r/split.json").exists()


def test_an_image_that_cannot_be_read_is_said(al: Call, here: Path) -> None:
    root = duplicates(here / "data")
    broken = sorted((root / "images").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:200])
    found = audited(al, root)
    assert found["leaks"] == []
    assert not lacking(found["said"], ["1 image could not be read", broken.name])
    data = MaskFolder(["dark", "bright"], root=str(root), workers=0)
    assert isinstance(data.train, Images)
    assert len(data.train) + len(data.test) == 40
