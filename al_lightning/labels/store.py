"""The label store: a folder with a CSV file of classes, or with a PNG of label ids for each image. No torch.

labels.csv          `image,class`: the image's path below the data root, the class by name
masks/IMAGE.png     IMAGE is that path, with its suffix: a/b.jpg is masks/a/b.jpg.png; ids in the order of the class
                    names, 255 = ignore, at the image's own size
.incoming/          staged masks; once they are listed in moves.json they count, and are moved to their places

Reading changes nothing, since the folder may come from somebody else. Writing follows no link that leads out of the
folder; the folder itself may be a link.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.errors import ALError, DatasetError, DirectoryInUse, nearest
from al_lightning.labels.incoming import check_inside, read_moves
from al_lightning.labels.untrusted import Malformed, shown, table_rows
from al_lightning.runs.files import unwritable, write_atomic, write_text
from al_lightning.runs.lock import Lock

Kind = Literal["image", "pixel"]
Mask = npt.NDArray[np.uint8]

HEADER = ["image", "class"]
IGNORE = 255


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
    """Labels by image name. Each access gives what is on disk at that moment.

    Args:
        folder: the store's folder; made with the first label.
        classes: class names in the order of their label ids.
        kind: whether there is a class per image or per pixel.
    """

    def __init__(self, folder: Path, classes: Sequence[str], kind: Kind) -> None:
        self.folder = folder
        self.classes = tuple(classes)
        self.kind: Kind = kind
        self._read: tuple[tuple[int, int, int], dict[str, int]] | None = None
        self._listed: tuple[tuple[int, int, int], dict[str, Path]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_read": None, "_listed": None}

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
            return name in self._classes()
        return any(path.is_file() for path in self._places(name))

    def names(self) -> set[str]:
        """Return the names of all labelled images."""
        if self.kind == "image":
            return set(self._classes())
        # The staged ones first: a mask that is moved meanwhile is found at its place.
        coming = {name for name, path in self._coming().items() if path.is_file()}
        masks = self.folder / "masks"
        return coming | {path.relative_to(masks).as_posix().removesuffix(".png") for path in masks.rglob("*.png")}

    def image_class(self, name: str) -> int | None:
        """Return an image's class as an index, or None."""
        return self._classes().get(name)

    def mask(self, name: str) -> Mask | None:
        """Return an image's label ids at the image's own size, (H, W) uint8 with 255 = ignore, or None.

        Raises:
            DatasetError: the file cannot be read, has other than one channel, or has ids that are no class.
        """
        for path in self._places(name):
            if not path.is_file():
                continue
            try:
                # PNG alone: for some other formats Pillow starts programs.
                with Image.open(path, formats=["PNG"]) as image:
                    if image.mode not in ("L", "P"):
                        raise DatasetError(
                            f"The label {path} has mode {image.mode}; one channel of label ids was expected."
                        )
                    ids = np.array(image)
            except FileNotFoundError:  # another process has just moved it to its place, which comes next
                continue
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
                raise DatasetError(f"The label {path} cannot be read ({error}); import it again.") from error
            self._check(ids, f"The label {path}")
            return ids
        return None

    def apply(self, labels: Mapping[str, int | Mask]) -> Changes:
        """Put labels in place, all or none of them.

        Staged masks of an import that crashed are put in place first where they were listed, otherwise deleted.

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
        check_inside(self.folder, [*own, *(self.mask_path(name).parent for name in labels)])
        with self._alone():
            self._finish()
            return self._apply_classes(labels) if self.kind == "image" else self._apply_masks(labels)

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
        if unknown := [int(value) for value in np.unique(ids) if value >= len(self.classes) and value != IGNORE]:
            raise DatasetError(
                f"{what} has label ids {', '.join(map(str, unknown[:5]))}, but there are {len(self.classes)} classes "
                f"(0 to {len(self.classes) - 1}; {IGNORE} = ignore)."
            )

    def _classes(self) -> dict[str, int]:
        """Return the classes in the file, read anew where it changed."""
        if (stamp := _stamp(self.table)) is None:
            return {}
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, self._parse()
        return self._read[1]

    def _parse(self) -> dict[str, int]:
        number = {name: index for index, name in enumerate(self.classes)}
        classes: dict[str, int] = {}
        line = 0
        try:
            for line, (_, row) in enumerate(table_rows(self.table), start=1):
                if line == 1 and row != HEADER:
                    raise DatasetError(f"The first line of {self.table} is not {','.join(HEADER)!r}.")
                if line == 1 or not row:
                    continue
                where = f"{self.table}, row {line}"
                if len(row) != 2:
                    raise DatasetError(f"{where}: an image and a class were expected, not {shown(row)}.")
                name, label = row
                if label not in number:
                    near = nearest(label, number) if len(label) < 100 else ""
                    raise DatasetError(f"{where}: {shown(label)} is none of the classes.{near}")
                if classes.setdefault(name, number[label]) != number[label]:
                    raise DatasetError(f"{where}: {shown(name)} has two classes; leave one of them.")
        except Malformed as error:
            raise DatasetError(f"The labels {self.table} cannot be read: {error}.") from error
        if not line:
            raise DatasetError(f"The first line of {self.table} is not {','.join(HEADER)!r}.")
        return classes

    def _apply_classes(self, labels: Mapping[str, int | Mask]) -> Changes:
        before = self._classes()
        changes = Changes()
        for name, label in labels.items():
            kind = changes.added if name not in before else changes.changed
            (changes.unchanged if before.get(name) == int(label) else kind).append(name)
        if changes.added or changes.changed:
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(HEADER)
            merged = before | {name: int(label) for name, label in labels.items()}
            writer.writerows((name, self.classes[merged[name]]) for name in sorted(merged))
            write_text(self.table, text.getvalue())
        return changes

    @property
    def _incoming(self) -> Path:
        return self.folder / ".incoming"

    @property
    def _journal(self) -> Path:
        return self._incoming / "moves.json"

    def _apply_masks(self, labels: Mapping[str, int | Mask]) -> Changes:
        changes, moves = Changes(), {}
        for number, (name, label) in enumerate(labels.items()):
            ids = np.asarray(label, dtype=np.uint8)
            kind = changes.added
            if self.mask_path(name).is_file():
                kind = changes.unchanged if self._same(name, ids) else changes.changed
            kind.append(name)
            if kind is not changes.unchanged:
                moves[f"{number}.png"] = name
                write_atomic(self._incoming / f"{number}.png", partial(_write_png, ids))
        if moves:
            # From here on the labels count: a reader finds them by the list, and the next writer moves them.
            write_text(self._journal, json.dumps(moves))
            self._finish()
        return changes

    def _same(self, name: str, ids: Mask) -> bool:
        try:
            return np.array_equal(np.asarray(self.mask(name)), ids)
        except DatasetError:  # what was there is damaged: it is replaced
            return False

    def _places(self, name: str) -> list[Path]:
        """Return the paths where an image's mask may lie, the one that counts first."""
        return [*filter(None, [self._coming().get(name)]), self.mask_path(name)]

    def _coming(self) -> dict[str, Path]:
        """Return the paths of listed staged masks, some of which may have been moved, by their images' names."""
        if (stamp := _stamp(self._journal)) is None:
            return {}
        if self._listed is None or self._listed[0] != stamp:
            moves = read_moves(self._journal)
            for name in moves.values():
                self.mask_path(name)
            self._listed = stamp, {name: self._incoming / staged for staged, name in moves.items()}
        return self._listed[1]

    def _finish(self) -> None:
        """Move listed staged masks to their places, and delete others. The lock is held."""
        if not self._incoming.is_dir():
            return
        coming = {source: self.mask_path(name) for name, source in self._coming().items()}
        check_inside(self.folder, (target.parent for target in coming.values()))
        try:
            for source, target in coming.items():
                if source.is_file():  # else it was moved before the crash
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(source, target)
            shutil.rmtree(self._incoming)
        except OSError as error:
            raise ALError(unwritable(self.folder, error)) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with Lock(self.folder / ".lock") as lock:
            if not lock.take():
                raise DirectoryInUse(
                    f"Another process is putting labels into {self.folder}; wait for it, then import again."
                )
            yield


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return a value that changes with a file; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _write_png(ids: Mask, file: BinaryIO) -> None:
    Image.fromarray(ids).save(file, format="PNG")
