"""Which files a run's images are, and what is in some of them: other images under the same names are another pool.

The list has the name and the size of every image file of the pool and the test set, and the SHA-256 of 32 of them:
those at even distances in the order of names. It costs a look at each file and the reading of 32. Labels are no part.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from al_lightning.errors import DatasetError
from al_lightning.runs.files import read_small
from al_lightning.runs.seals import digest_of

READ = 32
"""Files of which the content is compared."""
LARGEST = 256 << 20
"""Bytes that a list may have: more than two million files with paths of 80 letters."""


@dataclass(frozen=True)
class ImageList:
    """Files by name.

    Attributes:
        sizes: bytes of each file, by its name below the data's folder.
        sha256: hash of the content of some.
    """

    sizes: dict[str, int]
    sha256: dict[str, str]

    @property
    def text(self) -> str:
        """The list as JSON."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the list."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def image_list(files: Iterable[Path], root: Path) -> ImageList:
    """Look at files; what is no file, as where images are drawn, is left out.

    Args:
        files: of images; some may come more than once.
        root: folder that names are relative to, where they lie below it.

    Raises:
        DatasetError: one cannot be read.
    """
    sizes: dict[str, int] = {}
    paths: dict[str, Path] = {}
    for path in files:
        name = str(path).removeprefix(f"{root}{os.sep}")
        if name in sizes:
            continue
        try:
            sizes[name] = os.stat(path).st_size
        except (OSError, ValueError):
            continue  # it is no file, or says so itself when it is read
        paths[name] = path
    names = sorted(sizes)
    count = min(READ, len(names))
    read = [names[place * (len(names) - 1) // max(1, count - 1)] for place in range(count)]
    try:
        return ImageList({name: sizes[name] for name in names}, {name: digest_of(paths[name]) for name in read})
    except OSError as error:
        raise DatasetError(f"The image {error.filename} cannot be read ({error.strerror}).") from error


def read_list(path: Path, digest: str) -> ImageList | None:
    """Return the list that a run kept; None where it is gone or not what was written.

    Args:
        path: its file.
        digest: of the list, as the run's journal tells.
    """
    try:
        kept = ImageList(**json.loads(read_small(path, LARGEST)))
        return kept if kept.digest == digest else None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def difference(kept: ImageList, found: ImageList) -> str:
    """Return the first difference between two lists in words; "" where there is none."""
    for name in kept.sizes:
        if name not in found.sizes:
            return f"{name} is gone"
        if kept.sizes[name] != found.sizes[name]:
            return f"{name} had {kept.sizes[name]:,} bytes, and now has {found.sizes[name]:,}"
    if more := sorted(found.sizes.keys() - kept.sizes.keys()):
        return f"{more[0]} was not there"
    other = next((name for name, digest in kept.sha256.items() if found.sha256.get(name) != digest), None)
    return "" if other is None else f"{other} has another content"
