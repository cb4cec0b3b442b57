"""What can go wrong, as one sentence for the user and an exit code for the shell.

Exit codes: 0 done, 1 failed, 2 usage, 75 interrupted (run the same command to go on), 76 labels awaited.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ALError(Exception):
    """The run failed; the message says what, where and how to mend it."""

    exit_code = 1


class UsageError(ALError):
    """A name, a config or an option is wrong; nothing was started."""

    exit_code = 2


class DatasetError(ALError):
    """A dataset, an image or a label is missing or not what it should be; the message names the file."""


class TrainingError(ALError):
    """A fit cannot go on, for example on a non-finite loss."""


class Interrupted(ALError):
    """The run was stopped from outside; the same command goes on."""

    exit_code = 75


class LabelsAwaited(ALError):
    """Chosen images wait for their labels; the same command goes on once they are there."""

    exit_code = 76


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return ` Did you mean 'a' or 'b'?` for the known names close to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=count, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
