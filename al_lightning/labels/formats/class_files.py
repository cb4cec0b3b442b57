"""A class per image: folders named after classes, in a folder or a zip file, and tables."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import ClassVar

from al_lightning.labels.formats import Format
from al_lightning.labels.import_result import Annotations
from al_lightning.labels.source import Source
from al_lightning.labels.spelling import canonical
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, shown, table_rows

_IMAGE_COLUMNS = ("image", "path")


class ClassFiles(Format):
    """Folders of images or of links to images; an image is recognised by its name, and its content is not read."""

    form: ClassVar[str] = (
        "a folder of images for each class, also as a zip file (CVAT's ImageNet 1.0, with images); or a table, CSV in "
        "UTF-8, whose first line is `image,class`"
    )
    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    def recognises(self, source: Source) -> bool:
        """Accept a folder or a zip file where labels are classes, and a table with the right columns."""
        if source.form == "file":
            return _columns(_first_line(source)) is not None
        nested = source.form == "folder" or (not source.members and any("/" in name for name in source.names))
        return source.kind == "image" and nested

    def read(self, source: Source, annotations: Annotations) -> None:
        """Read a class for each image."""
        (_read_table if source.form == "file" else _read_paths)(source, annotations)


FORMAT = ClassFiles()


def _read_paths(source: Source, annotations: Annotations) -> None:
    """Read classes from paths, CLASS/IMAGE; CVAT's ImageNet export puts `CLASS_` before an image's name."""
    suffixes = {PurePosixPath(name).suffix.lower() for name in annotations.known}
    left_out = images = 0
    around = _around(source.names, annotations)
    for path in (name.removeprefix(around) for name in source.names):
        if PurePosixPath(path).suffix.lower() not in suffixes:
            left_out += 1
            continue
        images += 1
        label, _, image = path.partition("/")
        try:
            if not image:
                raise Malformed("it is in no class's folder; CLASS/IMAGE was expected")
            number = annotations.number(label)
            annotations.add_class(_find(label, image, annotations), number)
        except Malformed as error:
            annotations.problem(f"{source.where}, {shown(path)}", error)
    if not images:
        raise Malformed("it holds no images in folders of classes")
    annotations.note(source.where, left_out, "file", "left out, being no image")
    if around:
        annotations.notes.append(f"{source.where}: the folder {shown(around)} holds the classes' folders.")


def _around(names: Sequence[str], annotations: Annotations) -> str:
    """Return the folder, with `/`, that all classes' folders lie in, as in a zip file of a folder; else no text."""
    tops = {name.partition("/")[0] for name in names}
    if len(tops) != 1 or not all(name.count("/") > 1 for name in names):
        return ""
    top = tops.pop()
    return "" if canonical(top) in annotations.numbers else f"{top}/"


def _find(label: str, image: str, annotations: Annotations) -> str:
    try:
        return annotations.names.find(image)
    except Malformed:
        last, prefix = canonical(image.split("/")[-1]), f"{canonical(label)}_"
        if not last.startswith(prefix):
            raise
        return annotations.names.find(last.removeprefix(prefix))


def _first_line(source: Source) -> list[str]:
    lines = source.head.removeprefix(b"\xef\xbb\xbf").splitlines()
    return next(csv.reader([lines[0].decode(errors="replace")])) if lines and lines[0] else []


def _columns(line: list[str]) -> tuple[int, int] | None:
    """Return the positions of image and class in a table's first line; None unless it has exactly one of each."""
    head = [column.strip().lower() for column in line]
    places = [place for place, column in enumerate(head) if column in _IMAGE_COLUMNS]
    return (places[0], head.index("class")) if len(places) == 1 and head.count("class") == 1 else None


def _read_table(source: Source, annotations: Annotations) -> None:
    """Read a table with the columns `image` (or `path`, as in to_label.csv) and `class`; an empty class is no label."""
    rows = table_rows(source.path)
    _, head = next(rows)
    if (columns := _columns(head)) is None:
        raise Malformed("of a table the first line is `image,class`")
    (image, label), waiting = columns, 0
    for line, row in rows:
        if not any(row):
            continue
        place = f"{source.where}, line {line}"
        if len(row) != len(head):
            annotations.problem(place, f"it has {len(row)} fields, its head {len(head)}")
            continue
        if not row[label].strip():
            waiting += 1
            continue
        try:
            name = annotations.names.find(row[image], ours=True)
            annotations.add_class(name, annotations.number(row[label].strip()))
        except Malformed as error:
            annotations.problem(place, error)
    annotations.note(source.where, waiting, "image", "without a class yet")
