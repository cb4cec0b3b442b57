"""`al-lightning labels`: mistakes in files of classes, in arguments and in projects; one sentence each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from al_lightning.errors import ALError, DatasetError, UsageError
from al_lightning.labels.project import Project, project_file, read_project, write_project
from tests.support.errors import refused
from tests.support.label_exports import (
    CLASSES,
    COLOURS,
    XML_IMAGE,
    Call,
    content,
    file,
    masks_of,
    png,
)
from tests.support.processes import environment


@pytest.mark.parametrize(
    ("name", "text", "facts"),
    [
        ("t.csv", "image,class\nthree.png,car\n", ["line 2", "'three.png'"]),
        ("t.csv", "image,class\none.jpg,car\n", ["line 2", "'one.jpg'", "'a/one.jpg'"]),
        ("t.csv", "image,class\ntwo.png,cat\n", ["line 2", "'cat'", "'car'"]),
        ("t.csv", "image,class\ntwo.png,car,x\n", ["line 2", "3 fields", 2]),
        ("t.csv", "image;class\ntwo.png;car\n", ["none of the formats", "`image,class`", "'image;class'"]),
        ("t.csv", "image,class\ntwo.png,car\ntwo.png,sky\n", ["'two.png'", "2 annotations"]),
        ("t.csv", "image,class\ntwo.png," + "x" * 200_000, ["t.csv", "field larger than"]),
        ("s/cat/0001_two.png", "", ["cat/0001_two.png", "'cat'", "'car'"]),
        ("s/two.png", "", ["'two.png'", "CLASS/IMAGE"]),
        ("s/car/three.png", "", ["car/three.png"]),
        ("s/car/notes.txt", "", ["s: ", "images"]),
        ("c.xml", XML_IMAGE.format('<tag label="car"/><tag label="sky"/>'), ["2 tags"]),
        ("c.json", '{"images": [], "annotations": []}', ["COCO", "a class per image"]),
        ("two.png", "\x89PNG", ["none of the formats"]),
        ("e.json", '[{"data": {"image": "two.png"}, "annotations": [{"result": []}]}]', ["task 1", "0 answers"]),
        ("e.json", '[{"data": {"image": "two.png"}, "annotations": [{"result": [{"type": "choices", "value": '
         '{"choices": ["car", "sky"]}}]}]}]', ["task 1", "2 choices"]),
    ],
)  # fmt: skip
def test_a_malformed_class_costs_a_sentence(
    al: Call, image_run: Path, here: Path, name: str, text: str, facts: list[object]
) -> None:
    path = file(name, text)(here)
    before = content(image_run)
    answer = al("labels", "import", image_run, here / "s" if name.startswith("s/") else path)
    assert refused(answer, DatasetError, *facts)
    assert content(image_run) == before


def test_a_mask_behind_a_link_out_of_its_folder_is_refused(al: Call, pixel_run: Path, here: Path) -> None:
    file("secret.png", png(masks_of()[0]))(here)
    (here / "masks").mkdir()
    (here / "masks/two.png").symlink_to(here / "secret.png")
    answer = al("labels", "import", pixel_run, here / "masks")
    assert refused(answer, DatasetError, "'two.png'", "link")


def test_many_problems_are_cut_to_twenty_lines(al: Call, image_run: Path, here: Path) -> None:
    (here / "t.csv").write_text("image,class\n" + "".join(f"{number}.png,car\n" for number in range(1234)))
    answer = al("labels", "import", image_run, "t.csv")
    assert refused(answer, DatasetError)
    lines = answer.err.splitlines()
    assert len(lines) == 22
    assert lines[-2:] == ["... and 1,214 more.", "al-lightning: Nothing was imported: 1,234 problems."]


@pytest.mark.parametrize(
    ("arguments", "kind", "facts"),
    [
        (["labels"], UsageError, []),
        (["labels", "imprt", "x"], UsageError, ["'imprt'", "'import'"]),
        (["labels", "import", "nowhere", "x"], UsageError, ["nowhere"]),
        (["labels", "import", ".", "x"], UsageError, ["labels/project.json"]),
        (["labels", "status", "."], UsageError, ["labels/project.json"]),
        (["labels", "import", "run_image"], UsageError, ["FILE"]),
        (["labels", "import", "run_image", "nowhere.json"], DatasetError, ["nowhere.json"]),
        (["labels", "import", "run_image", "/dev/zero"], DatasetError, ["/dev/zero"]),
        (["labels", "import", "run_image", "x", "--on-disagreement", "majority"], UsageError, ["'majority'"]),
        (["labels", "import", "run_image", "x", "--background", "sky"], UsageError, ["--background"]),
    ],
)
def test_wrong_arguments(
    al: Call, image_run: Path, arguments: list[str], kind: type[ALError], facts: list[object]
) -> None:
    assert refused(al(*arguments), kind, *facts)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "x"},
        {"classes": ["a", "a"]},
        {"classes": ["x" * 2000]},
        {"colours": [[1, 2, 300]] * 3},
        {"images": {"../x": [1, 1]}},
        {"images": {"x": [0, 1]}},
        {"images": {"x": [60_000, 60_000]}},
        {"images": {"x" * 5000: [1, 1]}},
        {"images": {"a/" * 70 + "x.png": [1, 1]}},
        {"labels": 5},
        None,
    ],
)
def test_a_damaged_project_is_a_sentence(al: Call, image_run: Path, change: dict | None) -> None:
    values = json.loads(project_file(image_run).read_text()) | change if change else {}
    project_file(image_run).write_text(json.dumps(values))
    answer = al("labels", "status", image_run)
    assert refused(answer, UsageError, "project.json")


def test_a_project_comes_back(here: Path) -> None:
    project = Project("pixel", CLASSES, COLOURS, "/data", "labels", {"é/ü.png": (3, 4)}, None)
    write_project(here, project)
    assert read_project(here) == project


def test_the_command_imports_no_torch(image_run: Path, here: Path) -> None:
    (here / "t.csv").write_text("image,class\ntwo.png,car\n")
    script = "import sys; from al_lightning.cli.labels import labels\n"
    script += "code = labels(['import', 'run_image', 't.csv'])\n"
    script += "sys.exit(code or 9 * ('torch' in sys.modules or 'lightning' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=here, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
