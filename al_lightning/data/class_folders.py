"""Images in a folder per class: which folders are classes and splits, and what is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from al_lightning.data.inventory import Inventory, Parts, inventory_of, not_used
from al_lightning.data.splits import UNLABELLED, Splits, role_of, splits_of
from al_lightning.errors import DatasetError, nearest
from al_lightning.labels.spelling import canonical

NO_CLASS = -1
Labelled = tuple[Path, int]
"""An image file and its class; `NO_CLASS` without one."""
_BESIDE = "images beside the class folders"


@dataclass(frozen=True)
class ClassFolders:
    """Images in a folder per class.

    Attributes:
        inventory: what the root holds.
        splits: the folders of training and test set; None where there is one set.
        names: names of the classes, in the order of their labels.
        train: the images of the training set: by class, then by path; those without a class last.
        test: the images of the test set, likewise; None without folders of a test set.
        unused: number of files that are left out, by reason.
    """

    inventory: Inventory
    splits: Splits | None
    names: tuple[str, ...]
    train: Sequence[Labelled]
    test: Sequence[Labelled] | None
    unused: Mapping[str, int]

    def sentences(self) -> list[str]:
        """Return what was taken for what, and what of the root is not used."""
        root = self.inventory.root
        return [*(self.splits.sentences(root) if self.splits else ()), *not_used(root, self.unused)]


def class_folders(root: Path, named: Sequence[str] | None, people: bool) -> ClassFolders:
    """Return the images in a folder's class folders.

    Args:
        root: an existing folder.
        named: names of the classes; None where the folders name them.
        people: whether people label: a folder without an image can then be a class.

    Raises:
        DatasetError: the folders may be read in several ways, or an image belongs to no class.
    """
    inventory = inventory_of(root, keep=named or ())
    splits = splits_of(inventory, named or ())
    return _Reading(inventory, splits, named, people).result()


class _Reading:
    """One reading of an inventory.

    Attributes:
        inner: image files of the training set, by the folder that may be their class's.
        direct: those folders of which some images lie directly in them.
        deep: the folders in each of them that hold images.
        tested: image files of the test set, as `inner`.
        loose: image files that are in no class's folder.
    """

    def __init__(self, inventory: Inventory, splits: Splits | None, named: Sequence[str] | None, people: bool) -> None:
        self.inventory, self.splits, self.named, self.people = inventory, splits, named, people
        self.spelling = {canonical(name): name for name in named or ()}
        self.home = splits.train if splits is not None else ()
        self.test_home = splits.test if splits is not None else None
        self.unused: Counter[str] = Counter(inventory.unused)
        self.inner: dict[str, list[Path]] = defaultdict(list)
        self.direct: set[str] = set()
        self.deep: dict[str, set[str]] = defaultdict(set)
        self.tested: dict[str, list[Path]] = defaultdict(list)
        self.loose: list[Path] = []

    def result(self) -> ClassFolders:
        """Return the reading."""
        for path in self.inventory.images:
            self._sort(path, self.inventory.below(path))
        self._check_test()
        names = tuple(self.named) if self.named is not None else self._names()
        train = [(path, label) for label, name in enumerate(names) for path in self.inner.pop(name, [])]
        self._others(names)
        train += [(path, NO_CLASS) for path in sorted(self.loose)]
        return ClassFolders(self.inventory, self.splits, names, train, self._test(names), dict(+self.unused))

    def _sort(self, path: Path, parts: Parts) -> None:
        side = self.splits.side(parts) if self.splits is not None else "train"
        if side is None:
            self.unused[f"images in {parts[0]}" if len(parts) > 1 else _BESIDE] += 1
        elif side == "test":
            rest = parts[len(self.test_home or ()) :]
            if len(rest) == 1:
                self.unused[_BESIDE] += 1
            else:
                self.tested[self._class(rest[0])].append(path)
        elif parts[0] == UNLABELLED:
            self.loose.append(path)
        else:
            rest = parts[len(self.home) :]
            if len(rest) > 1:
                name = self._class(rest[0])
                self.inner[name].append(path)
                self.direct.update([name] if len(rest) == 2 else ())
                self.deep[name].update(rest[1:2] if len(rest) > 2 else ())
            elif self.named is not None:
                self.loose.append(path)
            else:
                self.unused[_BESIDE] += 1

    def _class(self, folder: str) -> str:
        """Return the name of a folder's class: as it was given, else in one Unicode form."""
        return self.spelling.get(name := canonical(folder), name)

    def _check_test(self) -> None:
        """Refuse a folder of a test set without images: the images of the pool would be held out in place of them."""
        known = {*self.inner, *(self.named or ())}
        for (name,) in sorted(parts for parts in self.inventory.folders if len(parts) == 1):
            if self.test_home is None and name not in known and role_of(name) == ("test", ()):
                folder = self.inventory.root / name
                raise DatasetError(f"{folder} holds no images; put the test images there, or take the folder out.")

    def _names(self) -> tuple[str, ...]:
        """Return the folders' names, sorted."""
        root, home = self.inventory.root, self.inventory.root.joinpath(*self.home)
        empty = self._empty()
        kept = {name for name in empty if self.people or name in self.tested}
        names = sorted({*self.inner, *kept} or self.tested.keys() - {UNLABELLED})
        if left := sorted(empty - kept):
            more = " ..." if len(left) > 3 else ""
            self.unused[f"folders without images ({', '.join(left[:3])}{more})"] += len(left)
        name_them = "name the classes: --data.classes '[cat, dog]'."
        if not names and self.loose:
            raise DatasetError(f"{root / UNLABELLED} is there, but no folder of a class; {name_them}")
        if len(names) == 1 and len(self.deep[names[0]]) > 1 and names[0] not in self.direct:
            raise DatasetError(
                f"{home} has the single folder {names[0]!r}, which holds only folders; where these are the classes, or "
                f"the folders train and test, give --data.root {home / names[0]}."
            )
        if len(names) == 1:
            raise DatasetError(
                f"{home} has the single class folder {names[0]!r}; at least two classes are needed. Where images have "
                f"no class yet, {name_them}"
            )
        self._check_words(names, home)
        self._check_levels(names, home)
        return tuple(names)

    def _empty(self) -> set[str]:
        """Return the folders that could be a class's and hold no image."""
        there = {self._class(parts[-1]) for parts in self.inventory.folders if parts[:-1] == self.home}
        splits = {folder[0] for folder in (self.test_home or (), *(self.splits.other if self.splits else ())) if folder}
        return there - {UNLABELLED, *self.inner} - (set() if self.home else splits)

    def _check_words(self, names: Sequence[str], home: Path) -> None:
        """Refuse folders that may be a split or a class; a folder `train` of images beside others is a class."""
        for name in names if self.splits is None else ():
            known = role_of(name)
            if known is None or known[1] or (name.casefold() == "train" and not self.deep[name]):
                continue
            kind = "training" if known[0] == "train" else known[0]
            raise DatasetError(
                f"{home / name} may be a class, or a {kind} set. If it is a class, name all classes: "
                f"--data.classes '[{', '.join(names)}]'. If it is a set, put the images where they belong: "
                "ROOT/train/CLASS and ROOT/test/CLASS."
            )

    def _check_levels(self, names: Sequence[str], home: Path) -> None:
        """Refuse folders that hold only folders, of the same names each: these may be the classes."""
        inner = [self.deep[name] for name in names if name in self.inner and self.splits is None]
        if len(inner) > 1 and len(inner[0]) > 1 and all(one == inner[0] for one in inner) and not self.direct:
            more = " ..." if len(names) > 3 else ""
            raise DatasetError(
                f"The folders {', '.join(names[:3])}{more} of {home} hold only folders, of the same names "
                f"({', '.join(sorted(inner[0])[:3])}). If these are the classes, put them below ROOT/train and "
                f"ROOT/test; if not, name the classes: --data.classes '[{', '.join(names)}]'."
            )

    def _others(self, names: Sequence[str]) -> None:
        """Count or refuse the images in folders that are no class."""
        home = self.inventory.root.joinpath(*self.home)
        for name, paths in sorted(self.inner.items()):
            if name == "images" and self.named is not None:
                self.loose += paths
            elif name in self.direct and self.named is not None:
                raise DatasetError(
                    f"{home / name} is none of the classes {', '.join(names)}.{nearest(name, names)} Images without a "
                    f"class belong below {self.inventory.root / UNLABELLED}."
                )
            else:
                self.unused[f"images in {name}"] += len(paths)

    def _test(self, names: Sequence[str]) -> list[Labelled] | None:
        if self.test_home is None:
            return None
        tested = self.inventory.root.joinpath(*self.test_home)
        home = self.inventory.root.joinpath(*self.home)
        if unknown := sorted(self.tested.keys() - {*names, UNLABELLED}):
            raise DatasetError(f"{tested / unknown[0]} is a class that {home} does not have.")
        labelled = [(path, label) for label, name in enumerate(names) for path in self.tested[name]]
        return labelled + [(path, NO_CLASS) for path in self.tested[UNLABELLED]]
