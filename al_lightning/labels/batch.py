"""Writes a batch to label: a folder that people and their labelling tools work with."""

from __future__ import annotations

import base64
import contextlib
import csv
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from al_lightning.errors import ALError
from al_lightning.labels.filenames import Ranked
from al_lightning.labels.formats import formats
from al_lightning.labels.item import Item, LabelBatch
from al_lightning.labels.pictures import THUMBNAIL, place_image, thumbnails
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, table_rows
from al_lightning.pages.render import render
from al_lightning.runs.files import unwritable

TABLE = "to_label.csv"
SET_ASIDE = "set_aside"
"""The folder, below the run's, of batches that were incomplete or of other images."""
_RANK = re.compile(r"[0-9]{1,9}")


def write_batch(
    folder: Path, items: Sequence[Item], classes: Sequence[str], kind: Kind, colours: Sequence[tuple[int, int, int]]
) -> None:
    """Write a batch: to_label.csv, images/, index.html, and a folder for each format that is written.

    The folder is written completely or not at all.

    Args:
        folder: the batch's folder, RUN_DIR/batches/NAME; an earlier one is replaced.
        items: the images, with ranks from 1.
        classes: names of the classes, in the order of their numbers.
        kind: whether a label is a class or a mask.
        colours: a colour per class, (red, green, blue), 0 to 255.

    Raises:
        DatasetError: an image cannot be read.
        ALError: the folder cannot be written to.
    """
    folder = folder.absolute()
    table = np.asarray(colours, dtype=np.uint8).reshape(len(classes), 3)
    batch = LabelBatch(folder, sorted(items, key=lambda item: item.rank), classes, kind, table)
    staged = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    replaced = folder.with_name(f".{folder.name}.old.tmp")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for stale in folder.parent.glob(f".{folder.name}.*.tmp"):  # left by a process that was killed
            shutil.rmtree(stale)
        staged.mkdir()
        _write(staged, batch)
        if folder.exists():
            folder.rename(replaced)
        staged.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise ALError(unwritable(folder, error)) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write(target: Path, batch: LabelBatch) -> None:
    (target / "images").mkdir()
    for item in batch.items:
        place_image(item, target / "images")
    _write_table(target / TABLE, batch.items)
    (target / "index.html").write_text(_contact_sheet(batch), encoding="utf-8", errors="replace")
    for form in formats():
        if form.folder:
            (target / form.folder).mkdir()
            form.write(target / form.folder, batch)


def _write_table(path: Path, items: Sequence[Item]) -> None:
    """Write the batch as a table; it has the column `frame` where a frame is known."""
    columns = 5 if any(item.frame is not None for item in items) else 4
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "rank", "score", "sequence", "frame"][:columns])
        for item in items:
            score = None if item.score is None else repr(float(item.score))
            writer.writerow([item.name, item.rank, score, item.sequence, item.frame][:columns])


def _contact_sheet(batch: LabelBatch) -> str:
    """Return one HTML file without scripts or links, for light and dark displays."""
    masks = any(isinstance(item.prediction, np.ndarray) for item in batch.items)
    values = {
        "title": batch.folder.name,
        "items": batch.items,
        "classes": batch.classes,
        "kind": batch.kind,
        "colours": ["#" + bytes(colour).hex() for colour in batch.colours.tolist()] if masks else [],
        "jpegs": lambda item: [base64.b64encode(each).decode() for each in thumbnails(item, batch.colours)],
        "tiny": THUMBNAIL[0] // 3,
    }
    return render("labels/templates/sheet.html.jinja", values)


def read_table(folder: Path) -> list[str]:
    """Return the names of a batch's images, by rank.

    Raises:
        ALError: the table cannot be read.
    """
    return [name for name, _ in _read_table(folder)]


def read_ranks(run_dir: Path) -> list[Ranked]:
    """Return (name, rank) of the images in all batches of a run, those that the run set aside included.

    A table that cannot be read is left out: its images are still found by their names without the rank.
    """
    ranks: list[Ranked] = []
    for table in sorted(run_dir.glob(f"batches/*/{TABLE}")) + sorted(run_dir.glob(f"{SET_ASIDE}/*/{TABLE}")):
        with contextlib.suppress(ALError):
            ranks += [(name, int(rank)) for name, rank in _read_table(table.parent) if _RANK.fullmatch(rank)]
    return ranks


def _read_table(folder: Path) -> list[tuple[str, str]]:
    """Return the path and the rank of each image, as written; the rank is empty where the table has none."""
    path = folder / TABLE
    try:
        rows = table_rows(path, errors="surrogateescape")
        _, head = next(rows, (0, []))
        if "path" not in head:
            raise Malformed("it has no column `path`")
        place, rank = head.index("path"), head.index("rank") if "rank" in head else len(head)
        return [(row[place], "".join(row[rank : rank + 1])) for _, row in rows if len(row) > place]
    except Malformed as error:
        raise ALError(
            f"The batch's table {path} cannot be read: {error}. Move {folder} away; where labels are missing, the run "
            "writes the batch again."
        ) from error
