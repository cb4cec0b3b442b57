"""Errors: a class for each kind, one sentence for the user, and an exit code for the shell.

No code recognises an error by its text. Each class takes one sentence: processes and data workers send an error as its
class and its text.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import re
import sysconfig
import traceback
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any

__all__ = [
    "ALError",
    "DatasetError",
    "DirectoryInUse",
    "Interrupted",
    "LabelsAwaited",
    "MissingFile",
    "SeveralImages",
    "SharedLabel",
    "SizesDiffer",
    "TooManyPixels",
    "TrainingError",
    "UnknownLabel",
    "UsageError",
    "require",
    "require_folder",
]

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of installed packages; a package that is installed in place, from elsewhere, is the user's own."""
MOST = 2**20
"""Largest number that an option may give: images of a batch or of a drawn pool, passes."""
MOST_PIXELS = 2**15
"""Largest side of an image, a crop or a padding, in pixels."""


class ALError(Exception):
    """The run failed; the message says what, where and how to mend it."""

    exit_code = 1


class UsageError(ALError):
    """A name, a config or an option is wrong; nothing was started."""

    exit_code = 2


class DatasetError(ALError):
    """A dataset, an image or a label is missing or wrong; the message names the file."""

    exit_code = 65


class MissingFile(DatasetError):
    """The file of an image or of a label does not exist."""


class SizesDiffer(DatasetError):
    """A label has another size than its image."""


class UnknownLabel(DatasetError):
    """A label holds an id or a colour that stands for no class."""


class SharedLabel(DatasetError):
    """Two images would have one label file."""


class SeveralImages(DatasetError):
    """A file holds several images: a stack, or an animation."""


class TooManyPixels(DatasetError):
    """An image has more pixels than are read."""


class DirectoryInUse(ALError):
    """Another process works in the directory; the same command continues once that process has ended."""

    exit_code = 73


class TrainingError(ALError):
    """A fit cannot continue, for example after a non-finite loss."""


class Interrupted(ALError):
    """The run was stopped from outside; the same command continues it."""

    exit_code = 75


class LabelsAwaited(ALError):
    """Chosen images wait for labels; the same command continues once the labels are imported."""

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
"""The meaning of each exit code of the command line."""


def printable(text: str) -> str:
    """Return a text with U+FFFD for control characters: names of files may contain commands for the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def nearest(name: str, known: Iterable[str], count: int = 3, least: float = 0.6) -> str:
    """Return ` Did you mean 'a' or 'b'?` for the known names at `least` so similar to `name`, or an empty string."""
    close = difflib.get_close_matches(name, dict.fromkeys(known), n=count, cutoff=least)
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
        value: a number, or a sequence of numbers.
        least: smallest value allowed.
        above: value that must be exceeded.
        most: largest value allowed.
        below: value that must not be reached.
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
    """Raise UsageError where a path cannot be a folder's: it is empty, an option, a file, or a number and no folder.

    Other names that look like options or numbers can be written with `./` before them.
    """
    text = str(path)
    if isinstance(path, (str, os.PathLike)) and text.strip() and "\0" not in text and not text.startswith("-"):
        new = not os.path.exists(text)
        with contextlib.suppress(ValueError):
            float(text)
            new = False
        if new or os.path.isdir(text):
            return
    raise UsageError(f"{name} is {text!r}; {what} was expected.")


def from_home(name: str, path: str | Path) -> Path:
    """Return a path with the home directory for ~.

    Raises:
        UsageError: the home directory is unknown, or the path is no text in UTF-8; the message gives the option's name.
    """
    try:
        str(path).encode()
        return Path(path).expanduser()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{name} is {printable(str(path))!r}, which is not UTF-8 text (its bytes are {os.fsencode(path)!r}); "
            "rename the file or the folder."
        ) from error
    except RuntimeError as error:
        raise UsageError(f"{name} is {str(path)!r}, and no home directory is known for it; write it out.") from error


def raised_in(error: BaseException, *modules: str) -> bool:
    """Whether the code of one of some modules or packages raised an error, rather than code that it called."""
    names = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(names) and f"{names[-1]}.".startswith(tuple(f"{module}." for module in modules))


def own_line(error: BaseException) -> str:
    """Return ` in FILE:LINE`: the innermost line of the user's own code on an error's way; "" where there is none."""
    installed = (str(Path(__file__).parent), sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    # concurrent.futures sends the traceback of another process as the text of the cause.
    there = re.findall(r'^ +File "(.+)", line (\d+)', str(error.__cause__ or ""), re.MULTILINE)
    lines += [(file, int(line)) for file, line in there]
    own = [
        (file, line)
        for file, line in lines
        if os.path.isfile(file)
        and not INSTALLED & set(Path(file).parts)
        and not file.startswith(tuple(f"{folder}{os.sep}" for folder in installed))
    ]
    return f" in {own[-1][0].removeprefix(f'{os.getcwd()}{os.sep}')}:{own[-1][1]}" if own else ""


def reason_of(error: BaseException) -> str:
    """Return another library's error as a part of a sentence: its first line, without links."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return ". ".join(part for part in line.split(". ") if "://" not in part).rstrip(" .,")
