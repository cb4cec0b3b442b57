"""Reading of YAML files within bounds on size, depth and aliases. No torch.

The values of a text, with aliases written out, are counted from parser events, before any object is made.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

MOST_BYTES = 2**20
"""Bytes of a file: 1 MiB."""
MOST_VALUES = 20_000
"""Values of a file or text, with aliases written out; the package's largest file has some 600."""
DEEPEST = 100
"""Levels of nested mappings and lists."""
LONGEST = 2**16
"""Characters of one value, and of a command-line option: 64 KiB."""

# libyaml's parser, where PyYAML was built with it, is ten times as fast.
if TYPE_CHECKING:
    from yaml import SafeLoader as Base
else:
    Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooMuch(yaml.YAMLError):
    """A YAML text exceeds a bound; the message says which, as a clause to be put after the file's name."""


class Loader(Base):
    """Plain YAML in which a repeated key is an error."""

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
        """Return the value of a key that must be unique."""
        key = self.construct_object(node, deep=True)
        try:
            hash(key)
        except TypeError as error:
            raise yaml.constructor.ConstructorError(None, None, "a key is no plain value", node.start_mark) from error
        return key


def read_yaml(path: Path, loader: type[Base] = Loader) -> Any:
    """Return the content of a YAML file; None for an empty file.

    Args:
        path: a regular file of at most 1 MiB.
        loader: class that makes objects of the values.

    Raises:
        OSError: the file cannot be read.
        yaml.YAMLError: the file is no YAML, or exceeds a bound.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))  # reading a pipe would wait
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
    """Return the content of a YAML text.

    Raises:
        yaml.YAMLError: the text is no YAML, or exceeds a bound.
    """
    check(text)
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError:
        raise
    except (ValueError, OverflowError, TypeError, AttributeError, KeyError) as error:  # month 13, or 5,000 digits
        raise yaml.YAMLError(" ".join(str(error).split())) from error


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file that holds a mapping, such as a run's config.yaml, as plain data.

    Raises:
        OSError: the file cannot be read.
        yaml.YAMLError: the file is no YAML, holds no mapping, or exceeds a bound.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise yaml.YAMLError("it is no mapping of names to values")
    return content


def quotes_needed(value: object) -> str:
    """Return why a YAML value is no text, as a clause: `no` is false, `1e3` a number, and `~` nothing."""
    if value is None:
        why = "YAML takes null and ~ for nothing"
    elif isinstance(value, bool):
        why = f"YAML takes {'yes, on and true' if value else 'no, off and false'} for {value}"
    else:
        why = f"YAML takes it for a {'number' if isinstance(value, (int, float)) else 'value of another type'}"
    return f"{why}; put the text in quotes"


def check_text(text: str, level: int = 0) -> None:
    """Check a text that may be YAML, such as an option's value, against the bounds; text that is no YAML passes.

    Values of a YAML text are checked too: where a number is expected, a text is parsed as one.

    Args:
        text: the text.
        level: number of texts that contain it.

    Raises:
        TooMuch: the text exceeds a bound.
    """
    if len(text) > LONGEST:
        raise TooMuch(f"a value has more than {LONGEST:,} characters")
    if level > DEEPEST or ("*" not in text and len(text) <= DEEPEST):  # it can neither repeat anything nor be deep
        return
    try:
        check(text, level)
    except TooMuch:
        raise
    except yaml.YAMLError:
        return


def check(text: str, level: int = 0) -> None:
    """Check a YAML text, within `level` other texts, against the bounds, in time linear in its length.

    Raises:
        TooMuch: the text exceeds a bound.
        yaml.YAMLError: the text is no YAML.
    """
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []  # (anchor, values so far) of each open collection
    for event in yaml.parse(text, Loader=Base):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, 1))
            if event.anchor is not None:
                sizes.pop(event.anchor, None)  # an anchor may be defined again
            if len(open_) + level > DEEPEST:
                raise TooMuch(f"it is nested more than {DEEPEST} levels deep")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
            check_text(event.value, level + 1)
        elif isinstance(event, yaml.AliasEvent):
            anchor, size = None, sizes.get(str(event.anchor), 0)
            if any(event.anchor == name for name, _ in open_):
                raise TooMuch(f"the alias *{event.anchor} is inside of the collection that it names")
        else:
            continue
        if anchor is not None:
            sizes[anchor] = size
        if open_:
            name, before = open_[-1]
            open_[-1] = (name, before + size)
            size += before
        if size > MOST_VALUES:
            raise TooMuch(f"it stands for more than {MOST_VALUES:,} values, with aliases written out")
