"""Reading files that others wrote: sizes are bounded before anything is decoded, and what is wrong is one sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

LARGEST_JSON = 512 << 20
LARGEST_TEXT = 64 << 20
SHOWN = 100


class Malformed(Exception):
    """A part of a file is not what it should be; the message is a clause that goes on after the file's name."""


def shown(text: object) -> str:
    """Return a value of a file for a sentence: text quoted, cut, without characters that a terminal would obey."""
    if isinstance(text, list | dict):  # of any depth and length
        return "a list" if isinstance(text, list) else "an object"
    if text is None or isinstance(text, int | float):
        return str(text)[:SHOWN]
    whole = str(text)
    return repr(whole if len(whole) <= SHOWN else whole[: SHOWN - 3] + "...")


def read_bytes(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes.

    Raises:
        Malformed: it is no regular file, too large, or cannot be read.
    """
    try:
        if not path.is_file():
            raise Malformed("it is no file" if path.exists() else "it does not exist")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error
    except ValueError as error:  # a NUL byte in the path
        raise Malformed("its name is no file's name") from error
    if len(content) > most:
        raise Malformed(f"it is larger than {most >> 20} MiB; export it in parts")
    return content


def as_text(content: bytes) -> str:
    """Decode UTF-8, with a byte order mark or without.

    Raises:
        Malformed: it is something else.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8 text (byte {error.start})") from error


def read_json(path: Path) -> Any:
    """Read a JSON file as plain data; numbers are finite.

    Raises:
        Malformed: it is none, too large or too deep.
    """
    return parse_json(read_bytes(path, LARGEST_JSON))


def parse_json(content: bytes) -> Any:
    """Return JSON as plain data; numbers are finite.

    Raises:
        Malformed: it is none, or too deep.
    """
    try:
        return json.loads(as_text(content), parse_constant=_no_constant)
    except RecursionError as error:
        raise Malformed("its JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"it is no JSON ({error.msg}, line {error.lineno})") from error
    except ValueError as error:  # a number of thousands of digits
        raise Malformed("it holds a number that is out of all bounds") from error


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"it holds {name}, which is no JSON")


def whole(value: object, what: str, low: int, high: int) -> int:
    """Return a whole number within bounds; 3.0 is one, "3" and true are not.

    Raises:
        Malformed: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{what} is {shown(value)}, no number")
    if isinstance(value, float) and not value.is_integer():  # infinite ones are not integers either
        raise Malformed(f"{what} is {shown(value)}, no whole number")
    if not low <= value <= high:
        raise Malformed(f"{what} is {shown(int(value))}, not {low} to {high}")
    return int(value)


def real(value: object, what: str, low: float, high: float) -> float:
    """Return a number within bounds.

    Raises:
        Malformed: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{what} is {shown(value)}, no number")
    if (isinstance(value, float) and not math.isfinite(value)) or not low <= value <= high:
        raise Malformed(f"{what} is {shown(value)}, not between {low:g} and {high:g}")
    return float(value)


def listed(value: object, what: str) -> list[Any]:
    """Return a list.

    Raises:
        Malformed: it is something else.
    """
    if not isinstance(value, list):
        raise Malformed(f"{what} is no list")
    return value


def mapped(value: object, what: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        Malformed: it is something else.
    """
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value
