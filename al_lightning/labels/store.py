"""The label store: a folder with a CSV file of classes, or with a PNG of label ids for each image. No torch.

labels.csv          `image,class`: the image's path below the data root, and the name of its class
masks/IMAGE.png     IMAGE is that path with its suffix: a/b.jpg has masks/a/b.jpg.png; ids in the order of the class
                    names, 255 = ignore, at the image's own size
.incoming/          staged masks; they count once moves.json lists them, and are then moved to their places

Names are compared in one Unicode form, since file systems and tools change it; a label that is there keeps its name.
Reading changes nothing, since the folder may come from somebody else. Writing follows no link that leads out of the
folder; the folder itself may be a link.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.errors import ALError, DatasetError, DirectoryInUse, nearest
from al_lightning.labels.content import IGNORED
from al_lightning.labels.incoming import check_inside, read_moves
from al_lightning.labels.spelling import canonical, spellings
from al_lightning.labels.untrusted import Malformed, shown, table_rows
from al_lightning.runs.files import unwritable, write_atomic, write_text
from al_lightning.runs.lock import Lock

Kind = Literal["image", "pixel"]
Mask = npt.NDArray[np.uint8]

HEADER = ["image", "class"]


@dataclass(frozen=True)
class Changes:
    """How labels change a store.

    Attributes:
        added: names without a label before.
        changed: names with another label before.
        unchanged: names with the same label before.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


class LabelStore:
    """Labels by image name, read from disk at each access.

    Args:
        folder: the store's folder; the first label creates it.
        classes: class names in the order of their label ids.
        kind: whether there is a class per image or per pixel.
    """

    def __init__(self, folder: Path, classes: Sequence[str], kind: Kind) -> None:
        self.folder = folder
        self.classes = tuple(classes)
        self.kind: Kind = kind
        # What was read from `table` and from the list of staged masks, each with the stamp of its file: by an image's
        # canonical name, its name as written and its label.
        self._read: tuple[tuple[int, int, int] | None, dict[str, tuple[str, int]]] = None, {}
        self._listed: tuple[tuple[int, int, int] | None, dict[str, tuple[str, Path]]] = None, {}

    @property
    def table(self) -> Path:
        """The file of classes."""
        return self.folder / "labels.csv"

    def mask_path(self, name: str) -> Path:
        """Return the path of an image's mask.

        Raises:
            DatasetError: the name leads out of the folder.
        """
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
            raise DatasetError(f"{name!r} is no name of an image below the data root, so it can have no label.")
        return self.folder / "masks" / f"{PurePosixPath(*parts)}.png"

    def has(self, name: str) -> bool:
        """Whether an image has a label."""
        if self.kind == "image":
            return canonical(name) in self._classes()
        return any(path.is_file() for path in self._places(name))

    def names(self) -> set[str]:
        """Return the names of all labelled images, in their canonical spelling."""
        if self.kind == "image":
            return set(self._classes())
        # Staged masks first: a mask that is moved meanwhile is then seen at its place.
        staged = {name for name, (_, path) in self._staged().items() if path.is_file()}
        masks = self.folder / "masks"
        below = (path.relative_to(masks).as_posix() for path in masks.rglob("*.png"))
        return staged | {canonical(path.removesuffix(".png")) for path in below}

    def image_class(self, name: str) -> int | None:
        """Return the index of an image's class; None without a label."""
        return self._classes().get(canonical(name), ("", None))[1]

    def mask(self, name: str) -> Mask | None:
        """Return an image's label ids at the image's own size, (H, W) uint8 with 255 = ignore; None without a label.

        Raises:
            DatasetError: the file cannot be read, has other than one channel, or has ids that are no class.
        """
        for path in self._places(name):
            if not path.is_file():
                continue
            try:
                # Only PNG: for some other formats Pillow starts programs.
                with Image.open(path, formats=["PNG"]) as image:
                    if image.mode not in ("L", "P"):
                        raise DatasetError(
                            f"The label {path} has mode {image.mode}; one channel of label ids was expected."
                        )
                    ids = np.array(image)
            except FileNotFoundError:  # another process has just moved the mask to its place, which comes next
                continue
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
                raise DatasetError(f"The label {path} cannot be read ({error}); import it again.") from error
            self._check(ids, f"The label {path}")
            return ids
        return None

    def changes(self, labels: Mapping[str, int | Mask]) -> Changes:
        """Return how labels would change the store, as `apply` takes them; nothing is written."""
        changes = Changes()
        for name, label in labels.items():
            if not self.has(name):
                changes.added.append(name)
            else:
                (changes.unchanged if self._same(name, label) else changes.changed).append(name)
        return changes

    def _same(self, name: str, label: int | Mask) -> bool:
        try:
            stored = self.image_class(name) if self.kind == "image" else self.mask(name)
        except DatasetError:  # the stored label is damaged, and is replaced
            return False
        return np.array_equal(np.asarray(stored), np.asarray(label))

    def apply(self, labels: Mapping[str, int | Mask]) -> Changes:
        """Put labels in place, all or none of them.

        Staged masks of an import that crashed are first put in place where they were listed, and deleted otherwise.

        Args:
            labels: by name, a class index or (H, W) uint8 label ids.

        Raises:
            DatasetError: this store cannot hold a label, or a link leads out of the folder; nothing was changed.
            DirectoryInUse: another process is putting labels in place.
            ALError: the disk is full.
        """
        for name, label in labels.items():
            self._check_label(name, label)
        own = (self.folder / name for name in (".lock", ".incoming", "masks"))
        check_inside(self.folder, [*own, *(self._home(name).parent for name in labels)])
        with Lock(self.folder / ".lock") as lock:
            if not lock.take():
                raise DirectoryInUse(
                    f"Another process is putting labels into {self.folder}; wait for it, then import again."
                )
            self._move_staged()
            changes = self.changes(labels)
            if names := [*changes.added, *changes.changed]:
                (self._write_classes if self.kind == "image" else self._write_masks)(labels, names)
            return changes

    def _check_label(self, name: str, label: int | Mask) -> None:
        self.mask_path(name)
        if self.kind == "image":
            if np.ndim(label) or not 0 <= int(label) < len(self.classes):
                raise DatasetError(f"The label of {name} is {label}; the index of a class was expected.")
        elif np.ndim(label) != 2 or np.asarray(label).dtype != np.uint8:
            raise DatasetError(f"The label of {name} is no array of label ids, (height, width) of uint8.")
        else:
            self._check(np.asarray(label), f"The label of {name}")

    def _check(self, ids: Mask, what: str) -> None:
        if unknown := [int(value) for value in np.unique(ids) if value >= len(self.classes) and value != IGNORED]:
            raise DatasetError(
                f"{what} has label ids {', '.join(map(str, unknown[:5]))}, but there are {len(self.classes)} classes "
                f"(0 to {len(self.classes) - 1}; {IGNORED} = ignore)."
            )

    def _classes(self) -> dict[str, tuple[str, int]]:
        """Return (name as written, class) of each row of the table, which is read again where it changed."""
        if (stamp := _stamp(self.table)) != self._read[0]:
            self._read = stamp, self._read_table() if stamp else {}
        return self._read[1]

    def _read_table(self) -> dict[str, tuple[str, int]]:
        number = {canonical(name): index for index, name in enumerate(self.classes)}
        classes: dict[str, tuple[str, int]] = {}
        try:
            rows = table_rows(self.table)
            if next(rows, (0, []))[1] != HEADER:
                raise DatasetError(f"The first line of {self.table} is not {','.join(HEADER)!r}.")
            for line, (_, row) in enumerate(rows, start=2):
                if not row:
                    continue
                where = f"{self.table}, row {line}"
                if len(row) != 2:
                    raise DatasetError(f"{where}: an image and a class were expected, not {shown(row)}.")
                name, label = row[0], canonical(row[1])
                if label not in number:
                    near = nearest(label, number) if len(label) < 100 else ""
                    raise DatasetError(f"{where}: {shown(label)} is none of the classes.{near}")
                if classes.setdefault(canonical(name), (name, number[label]))[1] != number[label]:
                    raise DatasetError(f"{where}: {shown(name)} has two classes; leave one of them.")
        except Malformed as error:
            raise DatasetError(f"The labels {self.table} cannot be read: {error}.") from error
        return classes

    def _write_classes(self, labels: Mapping[str, int | Mask], names: Sequence[str]) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        known = self._classes()
        new = {canonical(name): (known.get(canonical(name), (name,))[0], int(labels[name])) for name in names}
        writer.writerows((name, self.classes[index]) for name, index in sorted((known | new).values()))
        write_text(self.table, text.getvalue())

    @property
    def _incoming(self) -> Path:
        return self.folder / ".incoming"

    @property
    def _journal(self) -> Path:
        return self._incoming / "moves.json"

    def _write_masks(self, labels: Mapping[str, int | Mask], names: Sequence[str]) -> None:
        moves = {f"{number}.png": name for number, name in enumerate(names)}
        for file, name in moves.items():
            write_atomic(self._incoming / file, partial(_write_png, np.asarray(labels[name], dtype=np.uint8)))
        # From here on the labels count: readers find them by the list, and the next writer moves them.
        write_text(self._journal, json.dumps(moves))
        self._move_staged()

    def _places(self, name: str) -> list[Path]:
        """Return the paths where an image's mask may lie, the valid one first."""
        _, staged = self._staged().get(canonical(name), ("", None))
        return [*([staged] if staged else []), *map(self.mask_path, spellings(name))]

    def _home(self, name: str) -> Path:
        """Return the path where an image's mask lies, or where it will lie."""
        return next(filter(Path.is_file, map(self.mask_path, spellings(name))), self.mask_path(name))

    def _staged(self) -> dict[str, tuple[str, Path]]:
        """Return (name, path) of the listed staged masks by canonical name; some files may have been moved since."""
        if (stamp := _stamp(self._journal)) != self._listed[0]:
            moves = read_moves(self._journal)
            for name in moves.values():
                self.mask_path(name)  # checks the name
            self._listed = stamp, {canonical(name): (name, self._incoming / file) for file, name in moves.items()}
        return self._listed[1]

    def _move_staged(self) -> None:
        """Move listed staged masks to their places, and delete others; the caller holds the lock."""
        if not self._incoming.is_dir():
            return
        staged = {source: self._home(name) for name, source in self._staged().values()}
        check_inside(self.folder, (target.parent for target in staged.values()))
        try:
            for source, target in staged.items():
                if source.is_file():  # else it was moved before a crash
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(source, target)
            shutil.rmtree(self._incoming)
        except OSError as error:
            raise ALError(unwritable(self.folder, error)) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return a value that changes with a file; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _write_png(ids: Mask, file: BinaryIO) -> None:
    Image.fromarray(ids).save(file, format="PNG")
