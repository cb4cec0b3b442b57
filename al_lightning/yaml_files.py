"""YAML files, read within bounds on size, depth and aliases. No torch.

What a text stands for is counted, aliases written out, from its events and before anything is made of it.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

MOST_BYTES = 2**20
"""Of a file: 1 MiB."""
MOST_VALUES = 20_000
"""Of a file or text, aliases written out; the largest that comes with the package has some 600."""
DEEPEST = 100
"""Levels of mappings and lists inside each other."""
LONGEST = 2**16
"""Characters of one value, and of a command line's option: 64 KiB."""

# libyaml's parser, where PyYAML was built with it, is ten times as fast.
if TYPE_CHECKING:
    from yaml import SafeLoader as Base
else:
    Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooMuch(yaml.YAMLError):
    """A YAML text goes beyond the bounds; the message says which, to follow the file's name in brackets."""


class Loader(Base):
    """Plain YAML in which a key given twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping."""
        seen = set()
        for key, _ in node.value:
            name = self.key(key)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {name!r} is given twice", node.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)

    def key(self, node: Any) -> Any:
        """Return what must not come twice of a key."""
        found = self.construct_object(node, deep=True)
        try:
            hash(found)
        except TypeError as error:
            raise yaml.constructor.ConstructorError(None, None, "a key is no plain value", node.start_mark) from error
        return found


def read_yaml(path: Path, loader: type[Base] = Loader) -> Any:
    """Return what a file holds; None for an empty one.

    Args:
        path: of a regular file of at most 1 MiB.
        loader: what makes values of it.

    Raises:
        OSError: it cannot be read.
        yaml.YAMLError: it is no YAML, or beyond the bounds.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))  # a pipe would be waited for
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise TooMuch(f"it is larger than {MOST_BYTES:,} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise yaml.YAMLError(f"it is not UTF-8 text: {error}") from error
    return load_yaml(text, loader)


def load_yaml(text: str, loader: type[Base] = Loader) -> Any:
    """Return what a text holds.

    Raises:
        yaml.YAMLError: it is no YAML, or beyond the bounds.
    """
    check(text)
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError:
        raise
    except (ValueError, OverflowError, TypeError, AttributeError, KeyError) as error:  # a month 13, 5,000 digits
        raise yaml.YAMLError(" ".join(str(error).split())) from error


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a file's mapping, such as the config.yaml of a run: as data, whatever it names.

    Raises:
        OSError: it cannot be read.
        yaml.YAMLError: it is no YAML, no mapping, or beyond the bounds.
    """
    found = read_yaml(path)
    if not isinstance(found, dict):
        raise yaml.YAMLError("it is no mapping of names to values")
    return found


def check(text: str) -> None:
    """Hold a YAML text to the bounds, in time linear in its length.

    Raises:
        TooMuch: it is beyond them.
        yaml.YAMLError: it is no YAML.
    """
    _count(text, 0)


def check_text(text: str) -> None:
    """Hold a text that may be YAML to the bounds, such as the value of an option; what is no YAML passes.

    Raises:
        TooMuch: it is beyond them.
    """
    if len(text) > LONGEST:
        raise TooMuch(f"a value has more than {LONGEST:,} characters")
    _check_inner(text, 0)


def _check_inner(text: str, level: int) -> None:
    """Look into a value that is YAML once more: where a number is wanted, a text is read as one."""
    if "*" not in text and len(text) <= DEEPEST:  # it can neither repeat anything nor be deep
        return
    try:
        _count(text, level)
    except TooMuch:
        raise
    except yaml.YAMLError:
        return


def _count(text: str, level: int) -> None:
    """Count a text's values; `level` is how deep a text it is among others."""
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []  # of each collection that is begun, its anchor and what it holds so far
    for event in yaml.parse(text, Loader=Base):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, 1))
            if event.anchor is not None:
                sizes.pop(event.anchor, None)  # an anchor may be given anew
            if len(open_) + level > DEEPEST:
                raise TooMuch(f"it is nested more than {DEEPEST} levels deep")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
            if len(event.value) > LONGEST:
                raise TooMuch(f"a value has more than {LONGEST:,} characters")
            if level < DEEPEST:
                _check_inner(event.value, level + 1)
        elif isinstance(event, yaml.AliasEvent):
            anchor, size = None, sizes.get(str(event.anchor), 0)
            if any(event.anchor == name for name, _ in open_):
                raise TooMuch(f"the alias *{event.anchor} stands inside of what it names")
        else:
            continue
        if anchor is not None:
            sizes[anchor] = size
        if open_:
            name, before = open_[-1]
            open_[-1] = (name, before + size)
            size += before
        if size > MOST_VALUES:
            raise TooMuch(f"it stands for more than {MOST_VALUES:,} values, aliases written out")
