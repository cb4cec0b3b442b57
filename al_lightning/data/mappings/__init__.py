"""Mapping files: small YAML files with the class of each colour or id of label images.

    classes: [road, car]              # in the order of their ids
    colours: {"#6e6e00": road, "#ff0000": car}   # or   ids: {7: road, 26: car}
    ignore: ["#000000"]               # neither trained on nor scored; the id 255 always is one
    unknown: error                    # or ignore: treatment of all other colours or ids

The files in this folder come with the package.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from al_lightning.data.class_names import check_class_names
from al_lightning.data.images import Array
from al_lightning.data.masks import Colours
from al_lightning.errors import UsageError, from_home, nearest
from al_lightning.yaml_files import Loader, TooMuch, quotes_needed, read_yaml

HERE = Path(__file__).resolve().parent
_KEYS = ("classes", "colours", "ids", "ignore", "unknown")


@dataclass(frozen=True)
class Mapping:
    """The content of a mapping file.

    Attributes:
        classes: names, in the order of their ids.
        values: colours as 24-bit numbers, or ids.
        targets: the class of each value; 255 = ignore.
        colours: whether the values are colours.
        unknown: the class of all other values: 255, or 254 where they are an error.
    """

    classes: tuple[str, ...]
    values: tuple[int, ...]
    targets: tuple[int, ...]
    colours: bool
    unknown: int

    @property
    def table(self) -> Array | Colours:
        """The table that `read_mask` takes classes from."""
        if self.colours:
            return Colours(self.values, self.targets, self.unknown)
        table = np.full(256, self.unknown, dtype=np.uint8)
        table[255] = 255
        table[list(self.values)] = self.targets
        return table

    def digest(self) -> str:
        """Return the SHA-256 of classes and values."""
        pairs = sorted(zip(self.values, self.targets, strict=True))
        return hashlib.sha256(repr((self.classes, pairs, self.colours, self.unknown)).encode()).hexdigest()


class _Loader(Loader):
    """Plain YAML in which a repeated key is an error, in upper or lower case, since colours may have both."""

    def key(self, node: Any) -> str:
        """Return the text of a key that must be unique."""
        return str(super().key(node)).lower()


def find_mapping(name: str, family: str = "", root: Path | None = None) -> Path:
    """Return the file of a mapping.

    Args:
        name: a file in the working directory or else below root, or the name of a mapping of the package.
        family: prefix that names may leave out: with `a2d2`, `cityscapes_19` is a2d2_cityscapes_19.yaml.
        root: folder of the data.

    Raises:
        UsageError: there is no such file or mapping; the message has the nearest names.
    """
    given = from_home("data.mapping", name)
    for path in (given, *([root / given] if root is not None else [])):
        if path.is_file():
            return path
    for stem in (f"{family}_{name}", name):
        if (shipped := HERE / f"{stem}.yaml").is_file():
            return shipped
    known = sorted(path.stem for path in HERE.glob("*.yaml"))
    raise UsageError(
        f"data.mapping is {name!r}, which is no file, and no mapping that comes with the package "
        f"({', '.join(known)}).{nearest(name, known)}"
    )


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        UsageError: the file cannot be read, or has a wrong entry; the message names both.
    """
    try:
        content = read_yaml(path, _Loader)
    except OSError as error:
        raise UsageError(f"The mapping {path} cannot be read ({error}).") from error
    except TooMuch as error:
        raise UsageError(f"The mapping {path} is too much to read: {error}.") from error
    except yaml.YAMLError as error:
        raise UsageError(f"The mapping {path} is not valid YAML ({' '.join(str(error).split())}).") from error
    if not isinstance(content, dict):
        raise UsageError(f"The mapping {path} must have the entries `classes` and `colours` (or `ids`).")
    if unknown := [key for key in content if key not in _KEYS]:
        raise UsageError(
            f"The mapping {path} has the entry {unknown[0]!r}; known are {', '.join(_KEYS)}."
            f"{nearest(str(unknown[0]), _KEYS, 1)}"
        )
    classes = _classes(path, content.get("classes"))
    if ("colours" in content) == ("ids" in content):
        raise UsageError(f"The mapping {path} needs one of `colours` and `ids`.")
    kind = "colours" if "colours" in content else "ids"
    given, ignore = content[kind], content.get("ignore") or []
    if not isinstance(given, dict) or not given or not isinstance(ignore, list):
        raise UsageError(
            f"The mapping {path}: `{kind}` must be entries of {'a colour' if kind == 'colours' else 'an id'} and its "
            'class, and `ignore` a list. (In YAML a colour needs quotes, "#ff0000": without, # begins a comment.)'
        )
    if (rest := content.get("unknown", "error")) not in ("error", "ignore"):
        raise UsageError(f"The mapping {path}: `unknown` is {rest!r}; error or ignore was expected.")
    read = _colour if kind == "colours" else _id
    targets: dict[int, int] = {}
    for key, name in given.items():
        if name not in classes:
            hint = nearest(name, classes) if isinstance(name, str) else f" ({quotes_needed(name)}.)"
            raise UsageError(
                f"The mapping {path} gives {key} the class {name!r}, which is not among its classes.{hint}"
            )
    for key, name in [*given.items(), *((key, None) for key in ignore)]:
        if (value := read(path, key)) in targets:
            raise UsageError(f"The mapping {path} has {key} twice; leave one of the entries out.")
        targets[value] = 255 if name is None else classes.index(name)
    return Mapping(classes, tuple(targets), tuple(targets.values()), kind == "colours", 254 if rest == "error" else 255)


def _classes(path: Path, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not names:
        raise UsageError(f"The mapping {path} needs `classes`, a list of names in the order of their ids.")
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise UsageError(
            f"The mapping {path} has {wrong[0]!r} among its classes, where names were expected: "
            f"{quotes_needed(wrong[0])}."
        )
    return check_class_names(names, f"The mapping {path}", per_pixel=True)


def _colour(path: Path, given: Any) -> int:
    if not isinstance(given, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        raise UsageError(f'The mapping {path} has {given!r}, which is no colour; "#ff8000" (red, green, blue) is one.')
    return int(given[1:], 16)


def _id(path: Path, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= 255:
        raise UsageError(f"The mapping {path} has {given!r}, which is no label id; ids are 0 to 255.")
    return given
