"""What datasets share: folders at the wrong level, missing files, numbers of images, and lists of images."""

from __future__ import annotations

import codecs
import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import repeats
from al_lightning.errors import DatasetError

Entry = TypeVar("Entry")

log = logging.getLogger(__name__)
_MARKS = {
    **dict.fromkeys((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "UTF-32"),
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "UTF-16"),
}
"""Byte order marks of other encodings than UTF-8; the longer ones first, since one begins with another."""
_QUOTED = re.compile(r"""\"([^"]*)\"|'([^']*)'|([^\s,;]+)""")


def names_in(folder: Path) -> frozenset[str]:
    """Return the names in a folder, without hidden ones; one listing is much faster than a look at each file."""
    with os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries if not entry.name.startswith("."))


def absent(data: PoolDataset, path: Path, *names: str) -> DatasetError:
    """Return the error for a missing path.

    It names the right root, which has one of the folders `names`, if that is a level below or up to three above.
    """
    if data.root.is_dir():
        root = data.root.absolute()
        near = [*root.parents[:3], *(root / name for name in sorted(names_in(root)))]
        for name in names:
            for folder in near:
                if os.path.isdir(folder / name):  # False where it may not be looked at
                    return DatasetError(
                        f"There is no {data.root / name}, but {folder / name} is there: give --data.root {folder}."
                    )
    return data.missing(path)


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Return number and text of the lines of a list of images, without empty ones and without a byte order mark.

    Raises:
        DatasetError: there are none, or the file is no UTF-8 text.
    """
    content = path.read_bytes()
    other = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "")
    try:
        text = content.decode("utf-8-sig") if not other else ""
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DatasetError(f"The list {path} is not UTF-8 text (line {line}); save it as UTF-8.") from error
    if other or "\0" in text:  # a zero byte: UTF-16 without a mark
        raise DatasetError(f"The list {path} is {other or 'UTF-16'} text, where UTF-8 was expected; save it as UTF-8.")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise DatasetError(f"{path} lists no images.")
    return lines


def paths_of(line: str, counts: Sequence[int], exist: Callable[[Sequence[str]], bool]) -> list[str] | None:
    """Return the paths in a line of a list; None where it has another number of paths.

    A tab separates paths with blanks, or they are in quotes; other paths are separated by blanks, a comma or a
    semicolon. Where a line can be read in several ways, the first one counts whose paths exist.

    Args:
        line: the line.
        counts: numbers of paths that a line may have.
        exist: whether the paths of a reading exist.
    """
    if "\t" in line:
        readings = [[part.strip().strip('"') for part in line.split("\t")]]
    elif '"' in line or line.startswith("'"):
        readings = [["".join(found) for found in _QUOTED.findall(line)]]
    else:
        readings = [line.split(), re.split(r"\s*[,;]\s*", line), [line]]
    fitting = [reading for reading in readings if len(reading) in counts]
    if len(fitting) > 1:
        fitting.sort(key=lambda reading: not exist(reading))
    return fitting[0] if fitting else None


def pool_of_list(entries: Sequence[Entry], images: Sequence[Path], keep: bool, path: Path) -> list[Entry]:
    """Return the entries of the list `path`, without those that repeat one of the `images` unless `keep`."""
    repeated = repeats(images)
    if repeated:
        left = f"left out; {len(entries) - len(repeated):,} images are in the pool"
        log.info(
            "The pool's list %s has %s lines, %s of which repeat an image and are %s.",
            path,
            f"{len(entries):,}",
            f"{len(repeated):,}",
            "kept" if keep else left,
        )
    return [entry for place, entry in enumerate(entries) if keep or place not in repeated]


def check_missing(what: str, folder: Path, missing: set[str], remedy: str) -> None:
    """Raise DatasetError where a folder lacks files; the message names the first one."""
    if missing:
        raise DatasetError(
            f"The {what} {folder / min(missing)} does not exist ({len(missing)} missing in this folder); {remedy}."
        )


def check_counts(root: Path, counts: tuple[int, int], expected: tuple[int, int]) -> None:
    """Raise DatasetError where the numbers of (training, test) images are not the official ones."""
    if counts != expected:
        raise DatasetError(
            f"{root} holds {counts[0]:,} training images and {counts[1]:,} test images, where the whole dataset has "
            f"{expected[0]:,} and {expected[1]:,}; complete it, or accept a part of it with --data.complete false."
        )
