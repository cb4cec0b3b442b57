"""Errors: a class for each kind, one sentence for the user, and an exit code for the shell.

Nothing recognises an error by its words. Each class takes one sentence: processes and data workers send an error as its
class and its text.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any

MOST = 2**20
"""Beyond the number of anything that an option counts: images of a batch, of a drawn pool, passes."""
MOST_PIXELS = 2**15
"""Beyond the side of an image, or of a crop or a padding of one."""


class ALError(Exception):
    """The run failed; the message says what, where and how to mend it."""

    exit_code = 1


class UsageError(ALError):
    """A name, a config or an option is wrong; nothing was started."""

    exit_code = 2


class DatasetError(ALError):
    """A dataset, an image or a label is missing or not what it should be; the message names the file."""

    exit_code = 65


class MissingFile(DatasetError):
    """The file of an image or of a label does not exist."""


class SizesDiffer(DatasetError):
    """A label has another size than its image."""


class UnknownLabel(DatasetError):
    """A label holds an id or a colour that stands for no class."""


class DirectoryInUse(ALError):
    """Another process works in the directory; the same command goes on once that process has ended."""

    exit_code = 73


class TrainingError(ALError):
    """A fit cannot go on, for example on a non-finite loss."""


class Interrupted(ALError):
    """The run was stopped from outside; the same command goes on."""

    exit_code = 75


class LabelsAwaited(ALError):
    """Chosen images wait for their labels; the same command goes on once they are there."""

    exit_code = 76


EXIT_CODES = {
    0: "done",
    ALError.exit_code: "failed",
    UsageError.exit_code: "usage: nothing was started",
    DatasetError.exit_code: "data: a dataset, an image or a label is missing or wrong",
    DirectoryInUse.exit_code: "another process works in the directory",
    Interrupted.exit_code: "interrupted: run the same command to go on",
    LabelsAwaited.exit_code: "labels awaited",
}
"""What each exit code of the command line says."""


def printable(text: str) -> str:
    """Return a text with U+FFFD for all that a terminal may obey and not show: names of files may hold anything."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return ` Did you mean 'a' or 'b'?` for the known names close to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=count, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


def require(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    """Raise UsageError where an option's value is not a finite number within its limits.

    Args:
        name: the option's name, as one would type it.
        value: a number, or a sequence of numbers, each of which is looked at.
        least: the value must not be smaller.
        above: it must be larger.
        most: it must not be larger.
        below: it must be smaller.
    """
    if isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            require(f"{name}[{place}]", part, least=least, above=above, most=most, below=below)
        return
    number: Any = value
    if not isinstance(value, Real) or not -math.inf < number < math.inf:
        limit = "a finite number"
    elif least is not None and number < least:
        limit = f"at least {least}"
    elif above is not None and number <= above:
        limit = f"above {above}"
    elif most is not None and number > most:
        limit = f"at most {most}"
    elif below is not None and number >= below:
        limit = f"below {below}"
    else:
        return
    raise UsageError(f"{name} is {value}; it must be {limit}.")


def require_folder(name: str, path: object, what: str = "a folder") -> None:
    """Raise UsageError where what should name a folder cannot: nothing, an option, a number, a file.

    A folder whose name looks like one of these is named with `./` before it; a number may be one that is there.
    """
    text = str(path)
    if isinstance(path, (str, os.PathLike)) and text.strip() and "\0" not in text and not text.startswith("-"):
        try:
            float(text)
        except ValueError:
            if os.path.isdir(text) or not os.path.exists(text):
                return
        else:
            if os.path.isdir(text):
                return
    raise UsageError(f"{name} is {text!r}; {what} was expected.")


def from_home(name: str, path: str | Path) -> Path:
    """Return a path whose ~ is written out.

    Args:
        name: the option's name, as one would type it.
        path: what it says.

    Raises:
        UsageError: nobody of the name after ~ has a home directory here.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{name} is {str(path)!r}, and no home directory is known for it; write it out.") from error


def reason_of(error: BaseException) -> str:
    """Return another library's reason as a part of a sentence: its first line, without addresses to read on."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return ". ".join(part for part in line.split(". ") if "://" not in part).rstrip(" .,")
