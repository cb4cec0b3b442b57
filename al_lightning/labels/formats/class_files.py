"""A class per image: folders named as classes, in a folder or a zip file, and CSV."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from al_lightning.labels.formats.masks import files_below
from al_lightning.labels.import_result import Findings
from al_lightning.labels.untrusted import Malformed, shown, table_rows

_IMAGE_COLUMNS = ("image", "path")


def read_class_folder(folder: Path, where: str, findings: Findings) -> None:
    """Read FOLDER/CLASS/IMAGE, files or links: an image's name tells which it is, and its content is not looked at.

    Raises:
        Malformed: it holds no images.
    """
    read_class_paths((path.relative_to(folder).as_posix() for path in files_below(folder)), where, findings)


def read_class_paths(paths: Iterable[str], where: str, findings: Findings) -> None:
    """Read classes out of paths, CLASS/IMAGE; CVAT's ImageNet export puts `CLASS_` before an image's name.

    Raises:
        Malformed: there are none.
    """
    suffixes = {PurePosixPath(name).suffix.lower() for name in findings.known}
    left_out = images = 0
    for path in paths:
        if PurePosixPath(path).suffix.lower() not in suffixes:
            left_out += 1
            continue
        images += 1
        label, _, image = path.partition("/")
        try:
            if not image:
                raise Malformed("it is in no class's folder; CLASS/IMAGE was expected")
            number = findings.number(label)
            findings.add_class(_find(label, image, findings), number)
        except Malformed as error:
            findings.problem(f"{where}, {shown(path)}", error)
    if not images:
        raise Malformed("it holds no images in folders of classes")
    if left_out:
        findings.notes.append(f"{where}: {left_out} files that are no images were left out.")


def _find(label: str, image: str, findings: Findings) -> str:
    try:
        return findings.names.find(image)
    except Malformed:
        last = image.split("/")[-1]
        if not last.startswith(f"{label}_"):
            raise
        return findings.names.find(last.removeprefix(f"{label}_"))


def read_csv(path: Path, where: str, findings: Findings) -> None:
    """Read a table with the columns `image` (or `path`, as in to_label.csv) and `class`; an empty class is none yet.

    Raises:
        Malformed: it is no such table, or this run's labels are masks.
    """
    rows = table_rows(path)
    waiting = 0
    _, first = next(rows, (0, []))
    head = [column.strip().lower() for column in first]
    columns = [name for name in _IMAGE_COLUMNS if name in head]
    if len(columns) != 1 or head.count("class") != 1 or head.count(columns[0]) != 1:
        raise Malformed("it is none of the formats that are read; of a table the first line is `image,class`")
    if findings.kind != "image":
        raise Malformed("it is a table, which can name a class per image; this run's labels are masks")
    image, label = head.index(columns[0]), head.index("class")
    for line, row in rows:
        if not any(row):
            continue
        place = f"{where}, line {line}"
        if len(row) != len(head):
            findings.problem(place, f"it has {len(row)} fields, its head {len(head)}")
            continue
        if not row[label].strip():
            waiting += 1
            continue
        try:
            findings.add_class(findings.names.find(row[image], ours=True), findings.number(row[label].strip()))
        except Malformed as error:
            findings.problem(place, error)
    if waiting:
        findings.notes.append(f"{where}: {waiting} images have no class yet.")
