"""Folders of a training set and a test set, in the spellings that downloads have: train, Training, seg_train ..."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from al_lightning.data.inventory import Inventory, Parts
from al_lightning.errors import DatasetError

Role = Literal["train", "test", "validation"]
UNLABELLED = "unlabelled"
"""The folder of images without a class, which belong to the training set."""
WORDS: Mapping[str, Role] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "eval", "evaluation"), "validation"),
}
_WORD = re.compile(rf"({'|'.join(sorted(WORDS, key=len, reverse=True))})(?:set|data|images|imgs)?(\d*)")
_FILLERS = frozenset({"", "set", "data", "dataset", "images", "image", "imgs", "img", "folder", "split"})


def role_of(name: str) -> tuple[Role, Parts] | None:
    """Return what a folder's name says that it holds, and the rest of the name; None for other names.

    Two folders are a pair where the rests are equal: seg_train and seg_test, but not toy_train and slow_test.
    """
    role, rest = None, []
    for token in re.split(r"[^a-z0-9]+", name.casefold()):
        found = _WORD.fullmatch(token)
        if found and role is None:
            role = WORDS[found[1]]
            rest += [found[2]] if found[2] else []
        elif token not in _FILLERS:
            rest.append(token)
    return (role, tuple(rest)) if role is not None else None


@dataclass(frozen=True)
class Splits:
    """Which folders are the training set and the test set.

    Attributes:
        train: path of the training set's folder; empty where it is all that no other folder takes.
        test: path of the test set's folder; None without one.
        other: paths of other folders of splits, which belong to neither set.
    """

    train: Parts
    test: Parts | None
    other: frozenset[Parts] = field(default_factory=frozenset)

    def side(self, parts: Parts) -> Literal["train", "test"] | None:
        """Return the set of an image by its path below the root."""
        if self.test is not None and parts[: len(self.test)] == self.test:
            return "test"
        if any(parts[: len(folder)] == folder for folder in self.other):
            return None
        return "train" if parts[0] == UNLABELLED or parts[: len(self.train)] == self.train else None

    def sentences(self, root: Path) -> Iterator[str]:
        """Yield what was taken for what, where the folders are not simply called train and test."""
        if self.train not in ((), ("train",)) or self.test not in (None, ("test",)):
            train = root.joinpath(*self.train) if self.train else f"the rest of {root}"
            held = f", {root.joinpath(*self.test)} as the test set" if self.test is not None else ""
            yield f"{train} is read as the training set{held}"
        if self.test is not None and (known := role_of(self.test[-1])) and known[0] == "validation":
            yield f"there is no other test set than {self.test[-1]}, a validation set by its name"


ONE_SET = Splits((), None)
"""All images are the training set."""


@dataclass
class Folder:
    """A folder with images: whether some lie directly in it, and the folders in it that have images."""

    direct: bool = False
    inner: set[str] = field(default_factory=set)


def folders_of(files: Iterable[Parts]) -> dict[str, Folder]:
    """Return the folders that hold files, by their names."""
    folders: dict[str, Folder] = defaultdict(Folder)
    for parts in files:
        if len(parts) > 2:
            folders[parts[0]].inner.add(parts[1])
        elif len(parts) == 2:
            folders[parts[0]].direct = True
    return dict(folders)


def sides_of(inventory: Inventory, splits: Splits) -> tuple[list[Path], list[Path], Counter[str]]:
    """Return images of the training set, images of the test set, and the number of all other files by reason."""
    sides: dict[str, list[Path]] = {"train": [], "test": []}
    unused = Counter(inventory.unused)
    for path in inventory.images:
        parts = inventory.below(path)
        if (side := splits.side(parts)) is not None:
            sides[side].append(path)
        else:
            unused[f"images in {parts[0]}" if len(parts) > 1 else "images beside the folders of the sets"] += 1
    return sides["train"], sides["test"], unused


def splits_of(inventory: Inventory, classes: Collection[str] = ()) -> Splits:
    """Return the folders of training and test set in a folder; `ONE_SET` where it is one set.

    There are two sets where a folder is called as a training set and one as its test set (or, without a test set, as
    its validation set); also where a folder is called as a test set and holds folders of the same names as those beside
    it. They may lie one folder deeper, where nothing else is there.

    Args:
        inventory: what the folder holds.
        classes: names of classes, which are no splits.

    Raises:
        DatasetError: two folders may be the training set, or the test set.
    """
    return _splits([inventory.below(path) for path in inventory.images], inventory.root, frozenset(classes))


def _splits(files: Sequence[Parts], root: Path, classes: frozenset[str]) -> Splits:
    folders = folders_of(files)
    names = sorted(folders.keys() - classes)
    roles: dict[Parts, dict[Role, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in names:
        if (known := role_of(name)) is not None:
            roles[known[1]][known[0]].append(name)
    if len(folders) == 1 and not roles and all(len(parts) > 2 for parts in files):
        return _deeper(files, root, names, classes)
    if pairs := [one for one in roles.values() if "train" in one and ("test" in one or "validation" in one)]:
        train = _only(root, "training set", [name for pair in pairs for name in pair["train"]])
        test = _only(root, "test set", pairs[0].get("test") or pairs[0]["validation"])
        other = {(name,) for name in names if name not in (train, test, UNLABELLED)}
        return Splits(_innermost(files, train), _innermost(files, test), frozenset(other))
    plain = roles.get((), {})
    if trains := plain.get("train", []):
        others = set(names) - {*trains, UNLABELLED}
        only = folders[trains[0]]
        alone = len(trains) == 1 and not others and (len(only.inner) > 1 or not only.direct)
        return Splits(_innermost(files, trains[0]), None) if alone else ONE_SET
    tests = plain.get("test") or plain.get("validation", [])
    beside = (folders.keys() | classes) - {name for found in plain.values() for name in found}
    fits = [name for name in tests if UNLABELLED in folders or (folders[name].inner and folders[name].inner <= beside)]
    if not fits:
        return ONE_SET
    test = _only(root, "test set", fits)
    left_out = {(name,) for name in plain.get("validation", []) if name != test}
    return Splits((), _innermost(files, test), frozenset(left_out))


def _deeper(files: Sequence[Parts], root: Path, names: Sequence[str], classes: frozenset[str]) -> Splits:
    """Return the splits in the only folder that there is, where it has a training set."""
    if not names or names[0] == UNLABELLED:
        return ONE_SET
    inside = _splits([parts[1:] for parts in files], root / names[0], classes)
    if not inside.train:
        return ONE_SET
    first = (names[0],)
    test = None if inside.test is None else first + inside.test
    return Splits(first + inside.train, test, frozenset(first + parts for parts in inside.other))


def _innermost(files: Iterable[Parts], name: str) -> Parts:
    """Return the path of a split's folder, which some archives hold twice: seg_train/seg_train."""
    inside = [parts[1:] for parts in files if parts[0] == name and len(parts) > 1]
    folders = folders_of(inside)
    only = next(iter(folders)) if len(folders) == 1 and all(len(parts) > 1 for parts in inside) else ""
    inner, outer = role_of(only), role_of(name)
    return (name, only) if inner is not None and inner == outer else (name,)


def _only(root: Path, what: str, names: Sequence[str]) -> str:
    if len(names) > 1:
        raise DatasetError(
            f"{root} has the folders {' and '.join(names)}, each of which may be the {what}; move all but one of them "
            f"out of {root}."
        )
    return names[0]
