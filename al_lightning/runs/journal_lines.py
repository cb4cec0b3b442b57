"""The lines of a journal: records, each with a check.

The checks are chained, so that an edited, missing or moved line is noticed. `cost`, `versions`, `oracle` and `command`
are no part of the result, and therefore no part of the checks.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from al_lightning.runs.files import read_small

LARGEST = 16 << 20
"""Most bytes of a journal: a pool of a million images, all chosen, takes 8 MB."""


def whole_lines(journal: Path) -> list[str]:
    """Return the journal's lines without an incomplete last line, which does not count, and without blank last lines.

    Raises:
        OSError: the journal cannot be read.
        ValueError: the journal is too large, or no text.
    """
    lines = read_small(journal, LARGEST).decode().splitlines(keepends=True)
    if len(lines) > 1 and not lines[-1].endswith("\n"):
        try:
            json.loads(lines[-1])
        except (ValueError, RecursionError):
            lines.pop()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def write_line(record: dict[str, Any], before: str = "") -> tuple[str, str]:
    """Return a record as a line with a check, and the check, which depends on that of the line before."""
    left_out = ("cost", "versions", "oracle", "command", "check")
    result = {key: value for key, value in record.items() if key not in left_out}
    text = before + json.dumps(result, sort_keys=True, allow_nan=False)
    check = hashlib.sha256(text.encode()).hexdigest()[:16]
    return json.dumps({**record, "check": check}, allow_nan=False) + "\n", check


def text_of(records: Iterable[dict[str, Any]]) -> str:
    """Return records as the text of a journal."""
    lines, check = [], ""
    for record in records:
        line, check = write_line(record, check)
        lines.append(line)
    return "".join(lines)


def read_line(line: str, before: str) -> tuple[dict[str, Any], str]:
    """Return a line's record and its check.

    Raises:
        ValueError: the line is not as it was written.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:  # a number of more than 4300 digits, too
        raise ValueError("is not JSON that Python reads") from error
    if not isinstance(record, dict):
        raise ValueError("is not a record")
    check = record.pop("check", None)
    with contextlib.suppress(RecursionError, ValueError):  # nested too deeply, or not finite
        if check == write_line(record, before)[1]:
            return record, str(check)
    raise ValueError("is not what was written (its check does not fit)")
