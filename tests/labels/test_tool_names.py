"""`al-lightning labels import`: names as tools write them, ranks of batches, and Unicode forms, in every format."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from al_lightning.errors import DatasetError, UsageError
from al_lightning.labels.batch import read_ranks
from al_lightning.labels.filenames import link_name
from al_lightning.labels.project import Project, check_project, project_file, write_project
from al_lightning.labels.store import LabelStore
from tests.support.errors import raises, refused
from tests.support.label_exports import CLASSES, COLOURS, HEIGHT, WIDTH, Call, django, png, zipped

ODD = ("photo (1).png", "IMG 2.png", "a+b, #50%.png", "plain.png")
STEMS = ("images/f000.jpg", "images/f000.png", "images/f001.png")


def waiting(folder: Path, kind: str, batches: dict[str, tuple[str, ...]], classes: tuple[str, ...] = CLASSES) -> Path:
    """A run that waits for labels of batches, whose ranks begin at 1."""
    run = folder / "run"
    sizes = {name: (WIDTH, HEIGHT) for names in batches.values() for name in names}
    write_project(run, Project(kind, classes, COLOURS[: len(classes)], "data", "labels", sizes, None))
    for batch, names in batches.items():
        (run / batch).mkdir(parents=True)
        with (run / batch / "to_label.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["path", "rank", "score"], *([name, n, ""] for n, name in enumerate(names, 1))])
    return run


def test_images_that_were_uploaded_into_label_studio_come_back(al: Call, here: Path) -> None:
    run = waiting(here, "image", {"batches/initial": ODD})
    tasks = []
    for rank, name in enumerate(ODD, start=1):
        result = {"type": "choices", "value": {"choices": [CLASSES[rank % 3]]}}
        image = f"/data/upload/1/1a2b3c4d-{django(link_name(name, rank))}"
        tasks.append({"id": rank, "data": {"image": image}, "annotations": [{"result": [result]}]})
    (here / "e.json").write_text(json.dumps(tasks))
    answer = al("labels", "import", run, "e.json")
    assert answer.code == 0, answer.err
    assert answer.err.splitlines() == [
        "e.json: 3 names matched though a tool respelled it, the first "
        "'/data/upload/1/1a2b3c4d-0001_photo_1.png' with 'photo (1).png'."
    ]
    labels = LabelStore(run / "labels", CLASSES, "image")
    assert [labels.image_class(name) for name in ODD] == [1, 2, 0, 1]


def test_masks_that_cvat_names_without_an_ending_are_told_apart_by_rank(al: Call, here: Path) -> None:
    run = waiting(here, "pixel", {"batches/initial": STEMS})
    files: dict[str, bytes | str] = {"labelmap.txt": "background:0,0,0::\nsky:9,0,0::\ncar:0,9,0::\n"}
    for rank, name in enumerate(STEMS, start=1):
        colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        colours[:rank, :, rank % 2] = 9
        files[f"SegmentationClass/{Path(link_name(name, rank)).stem}.png"] = png(colours)
    answer = al("labels", "import", run, zipped(here / "e.zip", files))
    assert answer.code == 0, answer.err
    labels = LabelStore(run / "labels", CLASSES, "pixel")
    for rank, name in enumerate(STEMS, start=1):
        mask = labels.mask(name)
        assert mask is not None
        assert ((mask[:rank] == rank % 2).all(), (mask[rank:] == 255).all()) == (True, True)


def test_ranks_are_those_of_all_batches_that_can_be_read(here: Path) -> None:
    run = waiting(here, "image", {"batches/initial": ("a,b.png", "c.png"), "set_aside/initial-1": ("c.png",)})
    for number, text in enumerate(("x,y\n", "path\nd.png\n", "rank,path\n-1,d.png\n7,e.png\n")):
        (run / f"batches/cycle_0{number}").mkdir()
        (run / f"batches/cycle_0{number}/to_label.csv").write_text(text)
    assert read_ranks(run) == [("e.png", 7), ("a,b.png", 1), ("c.png", 2), ("c.png", 1)]


COMPOSED = "caf\u00e9/\u00fc.png"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.mark.parametrize(("known", "other"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
@pytest.mark.parametrize("kind", ["image", "pixel"])
def test_labels_match_in_either_unicode_form(al: Call, here: Path, kind: str, known: str, other: str) -> None:
    classes = (unicodedata.normalize("NFC", "b\u00e4r"), "car")
    run = waiting(here, kind, {"batches/initial": (known,)}, classes)
    if kind == "image":
        (here / "t.csv").write_text(f"image,class\n{other},{unicodedata.normalize('NFD', classes[0])}\n")
        answer = al("labels", "import", run, here / "t.csv")
    else:
        path = here / "done" / f"{other}.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(png(np.zeros((HEIGHT, WIDTH), np.uint8)))
        answer = al("labels", "import", run, here / "done")
    assert answer.code == 0, answer.err
    assert "1 of 1 labelled" in answer.out
    again = al("labels", "import", run, here / ("t.csv" if kind == "image" else "done"))
    assert "0 added, 0 changed, 1 unchanged" in again.out
    # A store that is shared between macOS and Linux: the label is found by either name, and is replaced, not doubled.
    labels = LabelStore(run / "labels", classes, kind)  # type: ignore[arg-type]
    assert labels.has(known)
    assert labels.has(other)
    label = 1 if kind == "image" else np.ones((HEIGHT, WIDTH), np.uint8)
    assert labels.apply({other: label}).changed == [other]
    stored = labels.image_class(known) if kind == "image" else labels.mask(known)
    assert np.array_equal(np.asarray(stored), label)
    assert len(labels.names()) == 1
    if kind == "image":
        assert labels.table.read_text() == f"image,class\n{known},car\n"
    else:
        assert [path.relative_to(labels.folder / "masks").as_posix() for path in labels.folder.rglob("*.png")] == [
            f"{known}.png"
        ]


def test_two_rows_of_one_name_in_two_unicode_forms_are_one_image(here: Path) -> None:
    labels = LabelStore(here, CLASSES, "image")
    labels.table.write_text(f"image,class\n{COMPOSED},car\n{DECOMPOSED},sky\n")
    with raises(DatasetError, "row 3", "two classes"):
        labels.has(COMPOSED)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"classes": ("a", "a", "b")}, "`classes`"),
        ({"classes": ("\u00e9", "e\u0301", "b")}, "`classes`"),
        ({"classes": ("a", "", "d")}, "`classes`"),
        ({"classes": ("a", "b\tc", "d")}, "`classes` holds control characters"),
        ({"classes": ("a", "x" * 2000, "d")}, "`classes`"),
        ({"root": "da\x07ta"}, "`root` holds control characters"),
        ({"images": {"a/" * 70 + "x.png": (1, 1)}}, "`images`"),
        ({"images": {"x.png": (60_000, 60_000)}}, "`images`"),
    ],
)
def test_what_could_not_be_read_back_is_not_handed_out(al: Call, here: Path, change: dict, fact: str) -> None:
    project = Project(**{**vars(Project("image", ("a", "b", "c"), COLOURS, "data", "labels", {}, None)), **change})
    with raises(DatasetError, "Nothing was handed out", "project.json", fact):
        check_project(project)
    write_project(here, project)  # as it is refused when it is read
    (here / "x.csv").write_text("image,class\n")
    answer = al("labels", "import", here, here / "x.csv")
    assert refused(answer, UsageError, project_file(here), fact, "Run the command that began the run again")
