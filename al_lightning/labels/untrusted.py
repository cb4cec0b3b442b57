"""Reads files that others wrote: sizes are bounded before anything is decoded, and a mistake is one sentence."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LARGEST_TABLE, MOST_LINES, MOST_FIELDS = 128 << 20, 2_000_000, 10_000_000
"""Bytes, lines and fields of a table of images: those of ImageNet, half as many again, 60 characters a line."""
SHOWN, LISTED = 100, 8


class Malformed(Exception):
    """A part of a file is wrong; the message is a clause that follows the file's name."""


def shown(text: object) -> str:
    """Return a value as a sentence shows it: text is quoted and cut, and control characters are escaped."""
    if isinstance(text, dict):  # of any depth and length
        return "an object"
    if isinstance(text, list):
        return _shown_list(text)
    if text is None or isinstance(text, int | float):
        return str(text)[:SHOWN]
    whole = str(text)
    return repr(whole if len(whole) <= SHOWN else whole[: SHOWN - 3] + "...")


def _shown_list(values: list[Any]) -> str:
    first = values[:LISTED]
    if any(isinstance(one, list | dict) for one in first):
        return "a list"
    line = ", ".join([shown(one) for one in first] + (["..."] if len(values) > LISTED else []))
    return f"[{line}]" if len(line) <= SHOWN else f"a list of {len(values):,}"


def read_bytes(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes.

    Raises:
        Malformed: the file is no regular file, is too large, or cannot be read.
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
        raise Malformed(f"it has more than {most:,} bytes; export it in parts")
    return content


def as_text(content: bytes) -> str:
    """Decode UTF-8, with a byte order mark or without.

    Raises:
        Malformed: the content is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8 text (byte {error.start})") from error


def table_rows(path: Path, errors: str = "strict") -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a table, CSV in UTF-8, with their numbers.

    Args:
        path: the file.
        errors: how bytes that are not UTF-8 are decoded, by Python's name for it.

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


def whole(value: object, what: str, low: int, high: int) -> int:
    """Return a whole number within bounds; 3.0 is one, "3" and true are not.

    Raises:
        Malformed: the value is something else.
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
        Malformed: the value is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{what} is {shown(value)}, no number")
    if (isinstance(value, float) and not math.isfinite(value)) or not low <= value <= high:
        raise Malformed(f"{what} is {shown(value)}, not between {low:g} and {high:g}")
    return float(value)


def numbers_of(values: list[Any]) -> npt.NDArray[np.float64] | None:
    """Return a list of numbers as an array; None where one is something else, or too large for one."""
    if not set(map(type, values)) <= {int, float}:
        return None
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return None


def wholes(values: list[Any], what: str, low: int, high: int) -> npt.NDArray[np.int64]:
    """Return whole numbers within bounds of at most 2^53, as `whole` does.

    Raises:
        Malformed: one is something else.
    """
    numbers = numbers_of(values)
    if numbers is not None and ((numbers >= low) & (numbers <= high) & (numbers == np.floor(numbers))).all():
        return numbers.astype(np.int64)
    # One by one, for a message that names the wrong value.
    return np.array([whole(value, what, low, high) for value in values], dtype=np.int64)


def listed(value: object, what: str) -> list[Any]:
    """Return a list.

    Raises:
        Malformed: the value is something else.
    """
    if not isinstance(value, list):
        raise Malformed(f"{what} is no list")
    return value


def mapped(value: object, what: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        Malformed: the value is something else.
    """
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value
