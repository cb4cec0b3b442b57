"""What a folder holds: its images, and what of it is not used, counted by reason. All commands list folders so."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from al_lightning.data.headers import ENDINGS
from al_lightning.errors import DatasetError, printable
from al_lightning.runs.journal import JOURNAL

__all__ = ["Inventory", "inventory_of"]

Parts = tuple[str, ...]
"""A path below a folder, as its parts."""
COPIES = frozenset({"thumbnails", "_thumbnails", "thumbs", "_thumbs", "@eadir", "__macosx"})
"""Folders, in lower case, in which programs keep small copies of images, or what belongs to them."""
BINS = frozenset({"lost+found", "$recycle.bin", "#recycle", "system volume information", "__pycache__"})
OURS = frozenset({".al_cache", ".git", ".dvc", ".svn", ".hg"})
"""Hidden folders that are not looked into: nobody takes what they hold for images of the data."""
ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"})
HIDDEN, BROKEN, AGAIN, LOCKED = "hidden images", "broken links", "links to folders listed already", "unreadable folders"
RUNS = "images in run directories"
_MOST = 8
"""Reasons that a sentence names."""


@dataclass(frozen=True)
class Inventory:
    """The image files below a folder, and what else lies there.

    Attributes:
        root: the folder.
        images: its image files, sorted, also those in linked folders; hidden ones are left out.
        folders: its folders at any depth, without hidden ones and those of runs.
        unused: number of files or folders that are left out, by reason.
    """

    root: Path
    images: tuple[Path, ...]
    folders: frozenset[Parts]
    unused: Mapping[str, int]

    def below(self, path: Path) -> Parts:
        """Return the parts of an image's path below the folder."""
        return path.parts[len(self.root.parts) :]


def inventory_of(folder: Path, keep: Collection[str] = ()) -> Inventory:
    """List a folder and all folders below it.

    Links are followed. A folder that is reached in several ways counts once: as it lies there, else by the first link.

    Args:
        folder: an existing folder.
        keep: names of folders that are read although they look like folders of small copies.

    Raises:
        DatasetError: the name of an image is no text in UTF-8.
    """
    return _Walk(folder, keep).inventory()


class _Walk:
    """One walk through a folder.

    Attributes:
        seen: real paths of the folders that were listed.
        links: links to folders, to be followed once all that lies there was listed: (path, parts).
    """

    def __init__(self, root: Path, keep: Collection[str]) -> None:
        self.root = root
        self.keep = frozenset(keep)
        self.top = os.path.realpath(root)
        self.seen: set[str] = set()
        self.links: list[tuple[str, Parts]] = []
        self.images: list[Path] = []
        self.folders: set[Parts] = set()
        self.unused: Counter[str] = Counter()

    def inventory(self) -> Inventory:
        """Walk, and return what was found."""
        self._list(str(self.root), self.top, ())
        while self.links:
            links, self.links = sorted(self.links), []
            for path, parts in links:
                real = os.path.realpath(path)
                # A link to a folder above would bring in what lies beside this one.
                if real in self.seen or f"{self.top}{os.sep}".startswith(f"{real.rstrip(os.sep)}{os.sep}"):
                    self.unused[AGAIN] += 1
                else:
                    self._list(path, real, parts)
        return Inventory(self.root, tuple(sorted(self.images)), frozenset(self.folders), dict(self.unused))

    def _list(self, path: str, real: str, parts: Parts) -> None:
        """List a folder and what lies in it, but for links to folders."""
        waiting = [(path, real, parts)]
        while waiting:
            path, real, parts = waiting.pop()
            if real in self.seen:
                self.unused[AGAIN] += 1
                continue
            self.seen.add(real)
            try:
                entries = list(os.scandir(path))
            except PermissionError:
                self.unused[LOCKED] += 1
                continue
            if parts and any(entry.name == JOURNAL for entry in entries):
                self.unused[RUNS] += _count_images(path)
                self.folders -= {parts[:depth] for depth in range(len(parts))}
                continue
            self.folders.update({parts} - {()})
            for entry in entries:
                if not _is_folder(entry):
                    self._file(entry, parts)
                elif not self._passed_over(entry):
                    inner = (*parts, entry.name)
                    if entry.is_symlink():
                        self.links.append((entry.path, inner))
                    else:
                        waiting.append((entry.path, os.path.join(real, entry.name), inner))

    def _passed_over(self, entry: os.DirEntry[str]) -> bool:
        """Whether a folder is left out; its images are counted."""
        name, low = entry.name, entry.name.casefold()
        if name in OURS:
            return True
        hidden = name.startswith(".")
        if not hidden and (name in self.keep or low not in COPIES | BINS):
            return False
        if count := _count_images(entry.path):
            self.unused[HIDDEN if hidden else f"images in {name}"] += count
        return True

    def _file(self, entry: os.DirEntry[str], parts: Parts) -> None:
        name, ending = entry.name, os.path.splitext(entry.name)[1].lower()
        if name.startswith("."):
            self.unused.update([HIDDEN] if ending in ENDINGS else [])
        elif entry.is_symlink() and not os.path.exists(entry.path):
            self.unused[BROKEN] += 1
        elif ending in ENDINGS and entry.is_file():
            check_name(entry.path)
            self.images.append(self.root.joinpath(*parts, name))
        else:
            self.unused["archives" if ending in ARCHIVES else f"{ending or 'other'} files"] += 1


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; links that lead in a circle are not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _count_images(folder: str) -> int:
    """Return the number of files with an image's ending in a folder, at any depth; links are not followed."""
    return sum(os.path.splitext(name)[1].lower() in ENDINGS for _, _, names in os.walk(folder) for name in names)


def check_name(path: str | Path) -> None:
    """Raise DatasetError where a path is no text in UTF-8: labelling tools, JSON and HTML cannot hold its name."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise DatasetError(
            f"The name of {printable(str(path))} is not UTF-8 text (its bytes are {os.fsencode(path)!r}); rename it, "
            "as `convmv -f latin1 -t utf-8 -r --notest FOLDER` does."
        ) from error


def not_used(where: Path, unused: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence about what of a folder is not used, where there is something."""
    counts = sorted(((reason, count) for reason, count in unused.items() if count), key=lambda one: (-one[1], one[0]))
    if counts:
        shown = ", ".join(f"{reason} {count:,}" for reason, count in counts[:_MOST])
        more = f" and {len(counts) - _MOST} more kinds" if len(counts) > _MOST else ""
        yield f"not used in {where}: {shown}{more}"
