"""Checked reading of files from outside: sizes are bounded before decoding, and each mistake is one sentence."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LARGEST_TABLE, MOST_LINES, MOST_FIELDS = 128 << 20, 2_000_000, 10_000_000
"""Bytes, lines and fields of a table of images: ImageNet's and half as many again, at 60 characters a line."""
SHOWN, LISTED = 100, 8
"""Characters of a value, and entries of a list, that a sentence shows."""

_CLUTTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


class Malformed(Exception):
    """A part of a file is wrong; the message is a clause to be put after the file's name."""


def shown(text: object) -> str:
    """Return a value for a message: text is quoted and shortened, and control characters are escaped."""
    if isinstance(text, dict):  # may have any depth and length
        return "an object"
    if isinstance(text, list):
        return _shown_list(text)
    if text is None or isinstance(text, int | float):
        return str(text)[:SHOWN]
    whole = str(text)
    return repr(whole if len(whole) <= SHOWN else whole[: SHOWN - 3] + "...")


def _shown_list(values: list[Any]) -> str:
    first = values[:LISTED]
    if any(isinstance(value, list | dict) for value in first):
        return "a list"
    line = ", ".join([shown(value) for value in first] + (["..."] if len(values) > LISTED else []))
    return f"[{line}]" if len(line) <= SHOWN else f"a list of {len(values):,}"


def is_clutter(parts: Sequence[str]) -> bool:
    """Whether a relative path, as its parts, is one of the files that systems put into folders and zip files."""
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)


def read_start(path: Path, count: int) -> bytes:
    """Return the first `count` bytes of a regular file; raise Malformed where it cannot be read."""
    try:
        if not path.is_file():
            raise Malformed("it is no file" if path.exists() else "it does not exist")
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error
    except ValueError as error:  # a NUL byte in the path
        raise Malformed("its name is no file's name") from error


def read_bytes(path: Path, most: int) -> bytes:
    """Return the content of a regular file; raise Malformed where it has more than `most` bytes or cannot be read."""
    content = read_start(path, most + 1)
    if len(content) > most:
        raise Malformed(f"it has more than {most:,} bytes; export it in parts")
    return content


def as_text(content: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark; raise Malformed for other content."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8 text (byte {error.start})") from error


def table_rows(path: Path, errors: str = "strict") -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a table, CSV in UTF-8; `errors` says how other bytes are decoded.

    Raises:
        Malformed: the table is too large, or is no CSV.
    """
    content = read_bytes(path, LARGEST_TABLE)
    if max(content.count(b"\n"), content.count(b"\r")) > MOST_LINES:
        raise Malformed(f"it has more than {MOST_LINES:,} lines; export it in parts")
    if content.count(b",") > MOST_FIELDS:
        raise Malformed(f"it has more than {MOST_FIELDS:,} fields; export it in parts")
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors=errors, newline=""))
    try:
        for row in rows:
            yield rows.line_num, row
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8 text (behind line {rows.line_num})") from error
    except csv.Error as error:
        raise Malformed(f"it is no table that can be read ({error})") from error


def _number(value: object, what: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{what} is {shown(value)}, no number")
    return value


def whole(value: object, what: str, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`, else raise Malformed; 3.0 is whole, "3" and true are no numbers."""
    number = _number(value, what)
    if isinstance(number, float) and not number.is_integer():  # nor are infinite numbers
        raise Malformed(f"{what} is {shown(number)}, no whole number")
    if not low <= number <= high:
        raise Malformed(f"{what} is {shown(int(number))}, not {low} to {high}")
    return int(number)


def real(value: object, what: str, low: float, high: float) -> float:
    """Return a finite number from `low` to `high`, else raise Malformed."""
    number = _number(value, what)
    if (isinstance(number, float) and not math.isfinite(number)) or not low <= number <= high:
        raise Malformed(f"{what} is {shown(number)}, not between {low:g} and {high:g}")
    return float(number)


def numbers_of(values: list[Any]) -> npt.NDArray[np.float64] | None:
    """Return a list of numbers as an array; None where a value is no number, or too large for float64."""
    if not set(map(type, values)) <= {int, float}:
        return None
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return None


def wholes(values: list[Any], what: str, low: int, high: int) -> npt.NDArray[np.int64]:
    """Return whole numbers from `low` to `high`, at most 2^53, else raise Malformed as `whole` does."""
    numbers = numbers_of(values)
    if numbers is not None and ((numbers >= low) & (numbers <= high) & (numbers == np.floor(numbers))).all():
        return numbers.astype(np.int64)
    # One by one, so that the message names the wrong value.
    return np.array([whole(value, what, low, high) for value in values], dtype=np.int64)


def listed(value: object, what: str) -> list[Any]:
    """Return the value where it is a list, else raise Malformed."""
    if not isinstance(value, list):
        raise Malformed(f"{what} is no list")
    return value


def mapped(value: object, what: str) -> dict[str, Any]:
    """Return the value where it is a JSON object, else raise Malformed."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value
