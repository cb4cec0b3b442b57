"""The list of a run's image files, which tells other images under the same names from the run's own.

The list has the name and the size of every image file of the pool and the test set, and the SHA-256 of 32 of them, at
even distances in the order of names. It takes the size of each file and reads 32. Label files are not in the list.
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
"""Number of files whose content is compared."""
LARGEST = 256 << 20
"""Most bytes of a list: more than two million files with paths of 80 letters."""


@dataclass(frozen=True)
class ImageList:
    """Files by their name below the data's folder.

    Attributes:
        sizes: bytes of each file.
        sha256: hash of the content of some files.
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
    """List image files, each once, by names relative to `root`. Paths without a file (generated images) are left out.

    Raises:
        DatasetError: a file cannot be read.
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
            continue  # no file; a missing image raises its own error when it is read
        paths[name] = path
    names = sorted(sizes)
    count = min(READ, len(names))
    read = [names[place * (len(names) - 1) // max(1, count - 1)] for place in range(count)]
    try:
        return ImageList({name: sizes[name] for name in names}, {name: digest_of(paths[name]) for name in read})
    except OSError as error:
        raise DatasetError(f"The image {error.filename} cannot be read ({error.strerror}).") from error


def read_list(path: Path, digest: str) -> ImageList | None:
    """Return the list that a run kept; None where the file is gone, or has another digest than the journal says."""
    try:
        kept = ImageList(**json.loads(read_small(path, LARGEST)))
        return kept if kept.digest == digest else None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def difference(kept: ImageList, current: ImageList) -> str:
    """Return the first difference between two lists in words; "" where there is none."""
    for name in kept.sizes:
        if name not in current.sizes:
            return f"{name} is no longer in the pool or the test set"
        if kept.sizes[name] != current.sizes[name]:
            return f"{name} had {kept.sizes[name]:,} bytes, and now has {current.sizes[name]:,}"
    if more := sorted(current.sizes.keys() - kept.sizes.keys()):
        return f"{more[0]} is new"
    other = next((name for name, digest in kept.sha256.items() if current.sha256.get(name) != digest), None)
    return "" if other is None else f"{other} has another content"
