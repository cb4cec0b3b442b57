"""RUN_DIR/labels/project.json: the images and classes that a run asks people to label.

It says enough to read labels without the dataset.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from al_lightning.errors import DatasetError, UsageError
from al_lightning.labels.limits import Limits, parse_json
from al_lightning.labels.spelling import canonical
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, read_bytes
from al_lightning.runs.files import write_text

PROJECT = "project.json"
LARGEST_SIDE, MOST_PIXELS = 1 << 16, 1 << 29
"""Of one image: a mask of 512 MiB. By default Pillow refuses images of a third of that."""
MOST_IMAGES, LONGEST_NAME, DEEPEST_NAME = 1_000_000, 4096, 64
"""Images, and characters and parts of a name: every end of a path that may refer to an image is kept in memory."""
MOST_CLASSES, LONGEST_CLASS = 100_000, 1000
_LIMITS = Limits(128 << 20, parts=MOST_IMAGES + MOST_CLASSES, texts=MOST_IMAGES + MOST_CLASSES)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Project:
    """The images to label, the classes, and the folder of the labels.

    Attributes:
        kind: "image" for a class per image, "pixel" for a class per pixel.
        classes: names of the classes, in the order of their numbers.
        colours: a colour per class, (red, green, blue), 0 to 255.
        root: folder that the images' names are relative to.
        labels: folder of the label store, absolute, or relative to the run directory.
        images: (width, height) in pixels of each image in a batch, by name.
        command: the command that continues the run. People paste it into a shell, so it is None unless it is a plain
            `al-lightning fit ...`.
    """

    kind: Kind
    classes: tuple[str, ...]
    colours: tuple[Colour, ...]
    root: str
    labels: str
    images: Mapping[str, tuple[int, int]]
    command: str | None = None


def project_file(run_dir: Path) -> Path:
    """Return the path of a run's project file."""
    return run_dir / "labels" / PROJECT


def write_project(run_dir: Path, project: Project) -> None:
    """Write a project in place of an earlier one, whole or not at all.

    Raises:
        ALError: the run directory cannot be written to.
    """
    write_text(project_file(run_dir), _text(project))


def check_project(project: Project) -> None:
    """Check that labels can be imported with a project, before people are asked for any.

    Raises:
        DatasetError: `read_project` would refuse the project.
    """
    try:
        _project(parse_json(_text(project).encode(), _LIMITS))
    except Malformed as error:
        raise DatasetError(
            f"Nothing was handed out, since no label could be imported: in {PROJECT} {error}. Mend the name of the "
            "class, folder or image, or the image."
        ) from error


def _text(project: Project) -> str:
    values = {**vars(project), "images": dict(sorted(project.images.items()))}
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def read_project(run_dir: Path) -> Project:
    """Read what a run asks people to label.

    Raises:
        UsageError: the directory holds no such run, or the file is damaged.
    """
    path = project_file(run_dir)
    if not run_dir.is_dir():
        raise UsageError(f"There is no run directory {run_dir}.")
    if not path.exists():
        raise UsageError(
            f"{run_dir} asks for no labels: {path} does not exist. A run with `--oracle files` writes it when it stops "
            "for labels."
        )
    try:
        return _project(parse_json(read_bytes(path, _LIMITS.size), _LIMITS))
    except Malformed as error:
        raise UsageError(
            f"{path} is damaged: {error}. Run the command that began the run again: it writes the file anew."
        ) from error


def _project(values: Any) -> Project:
    if not isinstance(values, dict):
        raise Malformed("it is no JSON object")
    kind, classes, colours = values.get("kind"), values.get("classes"), values.get("colours")
    root, labels, images, command = (values.get(key) for key in ("root", "labels", "images", "command"))
    if kind not in ("image", "pixel"):
        raise Malformed("`kind` is neither 'image' nor 'pixel'")
    if not isinstance(classes, list) or not 1 <= len(classes) <= MOST_CLASSES or not all(map(_is_class, classes)):
        raise Malformed(f"`classes` is no list of 1 to {MOST_CLASSES:,} names of 1 to {LONGEST_CLASS:,} characters")
    if len(set(map(canonical, classes))) != len(classes) or (kind == "pixel" and len(classes) > 255):
        raise Malformed("`classes` repeats a name, or has more than 255 of them")
    if not isinstance(colours, list) or len(colours) != len(classes) or not all(map(_is_colour, colours)):
        raise Malformed("`colours` is no list of [red, green, blue], one per class")
    if not isinstance(root, str) or not isinstance(labels, str) or not isinstance(command, str | None):
        raise Malformed("`root`, `labels` or `command` is no text")
    texts = {"classes": "".join(classes), "root": root, "labels": labels, "command": command or ""}
    if unprintable := [key for key, text in texts.items() if _CONTROL.search(text)]:
        raise Malformed(f"`{unprintable[0]}` holds control characters")
    if not isinstance(images, dict) or not all(_is_name(name) and _is_size(size) for name, size in images.items()):
        raise Malformed(
            f"`images` does not give [width, height], of at most {MOST_PIXELS:,} pixels, for relative paths of at most "
            f"{LONGEST_NAME:,} characters"
        )
    return Project(
        kind=kind,
        classes=tuple(classes),
        colours=tuple(tuple(colour) for colour in colours),
        root=root,
        labels=labels,
        images={name: (size[0], size[1]) for name, size in images.items()},
        command=command if command and _is_fit(command) else None,
    )


def _is_fit(command: str) -> bool:
    """Whether a shell would run nothing but `al-lightning fit` with plain arguments."""
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    return words[:2] == ["al-lightning", "fit"] and command == shlex.join(words) and command.isprintable()


def _is_colour(value: Any) -> bool:
    return _are_numbers(value, 3, 0, 255)


def _is_size(value: Any) -> bool:
    return _are_numbers(value, 2, 1, LARGEST_SIDE) and value[0] * value[1] <= MOST_PIXELS


def _are_numbers(value: Any, count: int, low: int, high: int) -> bool:
    known = isinstance(value, list) and len(value) == count
    return known and all(type(number) is int and low <= number <= high for number in value)


def _is_class(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_CLASS


def _is_name(name: str) -> bool:
    if len(name) > LONGEST_NAME or name.count("/") > DEEPEST_NAME:
        return False
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
