"""One answer to YAML files that have not the form of what they should hold: rules, a table, a figure, a scale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from al_lightning.errors import UsageError


@contextmanager
def form(path: Path, kind: str, example: str) -> Iterator[None]:
    """Turn errors of reading a file's content into one that says what the file is not.

    Args:
        path: the file.
        kind: what it should be, in words.
        example: the file that shows the form.

    Raises:
        UsageError: the file cannot be read, or what reads its content found an entry missing or wrong.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{path} is not {kind} ({text}); {example} shows the form.") from error
