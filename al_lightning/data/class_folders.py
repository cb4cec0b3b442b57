"""Images in a folder per class: which folders are classes and splits, and what is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from al_lightning.data.inventory import Inventory, inventory_of, not_used
from al_lightning.data.splits import ONE_SET, UNLABELLED, Splits, folders_of, role_of, sides_of, splits_of
from al_lightning.errors import DatasetError, nearest
from al_lightning.labels.spelling import canonical

NO_CLASS = -1
Labelled = tuple[Path, int]
"""An image file and its class; `NO_CLASS` without one."""


@dataclass(frozen=True)
class ClassFolders:
    """Images in a folder per class.

    Attributes:
        inventory: what the root holds.
        splits: the folders of training and test set.
        names: names of the classes, in the order of their labels.
        train: the images of the training set: by class, then by path; those without a class last.
        test: the images of the test set, likewise; None without folders of a test set.
        unused: number of files that are left out, by reason.
    """

    inventory: Inventory
    splits: Splits
    names: tuple[str, ...]
    train: Sequence[Labelled]
    test: Sequence[Labelled] | None
    unused: Mapping[str, int]

    def sentences(self) -> list[str]:
        """Return what was taken for what, and what of the root is not used."""
        root = self.inventory.root
        return [*self.splits.sentences(root), *not_used(root, self.unused)]


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
        home: the folder of the training set.
        inner: image files of the training set, by the folder in `home` that may be their class's.
        folders: what lies in each of these.
        test_home: the folder of the test set; None without one.
        tested: image files of the test set, as `inner`.
        loose: image files that are in no class's folder.
    """

    def __init__(self, inventory: Inventory, splits: Splits, named: Sequence[str] | None, people: bool) -> None:
        self.inventory, self.splits, self.named, self.people = inventory, splits, named, people
        self.spelling = {canonical(name): name for name in named or ()}
        self.home = inventory.root.joinpath(*splits.train)
        self.test_home = inventory.root.joinpath(*splits.test) if splits.test is not None else None
        train, test, self.unused = sides_of(inventory, splits)
        self.loose = [path for path in train if inventory.below(path)[0] == UNLABELLED]
        in_home = [path for path in train if inventory.below(path)[0] != UNLABELLED]
        self.inner, beside = self._by_folder(in_home, self.home)
        depth = len(self.home.parts)
        self.folders = folders_of(
            (name, *path.parts[depth + 1 :]) for name, paths in self.inner.items() for path in paths
        )
        self.tested, beside_test = self._by_folder(test, self.test_home or inventory.root)
        self.loose += beside if named is not None else []
        self.unused["images beside the class folders"] += len(beside_test) + (len(beside) if named is None else 0)

    def _by_folder(self, images: Sequence[Path], home: Path) -> tuple[dict[str, list[Path]], list[Path]]:
        """Return image files by the folder in `home` that holds them, and those that lie in `home` itself."""
        inner: dict[str, list[Path]] = defaultdict(list)
        beside: list[Path] = []
        for path in images:
            first, *rest = path.parts[len(home.parts) :]
            (inner[self._class(first)] if rest else beside).append(path)
        return dict(inner), beside

    def _class(self, folder: str) -> str:
        """Return the name of a folder's class: as it was given, else in one Unicode form."""
        return self.spelling.get(name := canonical(folder), name)

    def result(self) -> ClassFolders:
        """Return the reading."""
        self._check_test()
        names = tuple(self.named) if self.named is not None else self._names()
        train = [(path, label) for label, name in enumerate(names) for path in self.inner.pop(name, [])]
        self._others(names)
        train += [(path, NO_CLASS) for path in sorted(self.loose)]
        return ClassFolders(self.inventory, self.splits, names, train, self._test(names), dict(+self.unused))

    def _check_test(self) -> None:
        """Refuse a folder of a test set without images: the images of the pool would be held out in place of them."""
        known = {*self.inner, *(self.named or ())}
        for (name,) in sorted(parts for parts in self.inventory.folders if len(parts) == 1):
            if self.test_home is None and name not in known and role_of(name) == ("test", ()):
                folder = self.inventory.root / name
                raise DatasetError(f"{folder} holds no images; put the test images there, or take the folder out.")

    def _names(self) -> tuple[str, ...]:
        """Return the folders' names, sorted."""
        root, home, empty = self.inventory.root, self.home, self._empty()
        kept = {name for name in empty if self.people or name in self.tested}
        names = sorted({*self.inner, *kept} or self.tested.keys() - {UNLABELLED})
        if left := sorted(empty - kept):
            more = " ..." if len(left) > 3 else ""
            self.unused[f"folders without images ({', '.join(left[:3])}{more})"] += len(left)
        name_them = "name the classes: --data.classes '[cat, dog]'."
        if not names and self.loose:
            raise DatasetError(f"{root / UNLABELLED} is there, but no folder of a class; {name_them}")
        if len(names) == 1 and (only := self.folders.get(names[0])) and len(only.inner) > 1 and not only.direct:
            raise DatasetError(
                f"{home} has the single folder {names[0]!r}, which holds only folders; where these are the classes, or "
                f"the folders train and test, give --data.root {home / names[0]}."
            )
        if len(names) == 1:
            raise DatasetError(
                f"{home} has the single class folder {names[0]!r}; at least two classes are needed. Where images have "
                f"no class yet, {name_them}"
            )
        if self.splits == ONE_SET:
            self._check_words(names)
            self._check_levels(names)
        return tuple(names)

    def _empty(self) -> set[str]:
        """Return the folders that could be a class's and hold no image."""
        train, splits = self.splits.train, (self.splits.test or (), *self.splits.other)
        sets = {parts[: len(train) + 1] for parts in splits}
        there = {
            self._class(parts[-1]) for parts in self.inventory.folders if parts[:-1] == train and parts not in sets
        }
        return there - {UNLABELLED, *self.inner}

    def _check_words(self, names: Sequence[str]) -> None:
        """Refuse folders that may be a split or a class; a folder `train` of images beside others is a class."""
        for name in names:
            known, folder = role_of(name), self.folders.get(name)
            if known is None or known[1] or (name.casefold() == "train" and not (folder and folder.inner)):
                continue
            kind = "training" if known[0] == "train" else known[0]
            raise DatasetError(
                f"{self.home / name} may be a class, or a {kind} set. If it is a class, name all classes: "
                f"--data.classes '[{', '.join(names)}]'. If it is a set, put the images where they belong: "
                "ROOT/train/CLASS and ROOT/test/CLASS."
            )

    def _check_levels(self, names: Sequence[str]) -> None:
        """Refuse folders that hold only folders, of the same names each: these may be the classes."""
        folders = list(self.folders.values())
        inner = folders[0].inner if folders else set()
        if len(folders) > 1 and len(inner) > 1 and all(one.inner == inner and not one.direct for one in folders):
            more = " ..." if len(names) > 3 else ""
            raise DatasetError(
                f"The folders {', '.join(names[:3])}{more} of {self.home} hold only folders, of the same names "
                f"({', '.join(sorted(inner)[:3])}). If these are the classes, put them below ROOT/train and "
                f"ROOT/test; if not, name the classes: --data.classes '[{', '.join(names)}]'."
            )

    def _others(self, names: Sequence[str]) -> None:
        """Count or refuse the images in folders that are no class."""
        for name, paths in sorted(self.inner.items()):
            if name == "images" and self.named is not None:
                self.loose += paths
            elif self.folders[name].direct and self.named is not None:
                raise DatasetError(
                    f"{self.home / name} is none of the classes {', '.join(names)}.{nearest(name, names)} Images "
                    f"without a class belong below {self.inventory.root / UNLABELLED}."
                )
            else:
                self.unused[f"images in {name}"] += len(paths)

    def _test(self, names: Sequence[str]) -> list[Labelled] | None:
        if self.test_home is None:
            return None
        if unknown := sorted(self.tested.keys() - {*names, UNLABELLED}):
            raise DatasetError(f"{self.test_home / unknown[0]} is a class that {self.home} does not have.")
        numbers = [*enumerate(names), (NO_CLASS, UNLABELLED)]
        return [(path, label) for label, name in numbers for path in self.tested.get(name, ())]
