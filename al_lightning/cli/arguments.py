"""Arguments of the command line's commands, and how quiet it is. No torch."""

from __future__ import annotations

import argparse
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from al_lightning.errors import UsageError


class Arguments(argparse.ArgumentParser):
    """Arguments of one command; a mistake is one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as UsageError."""
        raise UsageError(f"{self.prog}: {message}.")


def add_imports(parser: argparse.ArgumentParser) -> None:
    """Take the option that lets a run directory name classes of other modules."""
    parser.add_argument(
        "--import",
        action="append",
        default=[],
        dest="imports",
        metavar="MODULE",
        help="a module of yours that the run's config.yaml names, by its dotted name; may be repeated",
    )


class _ToStandardError(logging.StreamHandler):  # type: ignore[type-arg]  # not at run time in Python 3.10
    """The handler that `quiet` sets."""


LIGHTNING = ("lightning.pytorch", "lightning.fabric")
"""Loggers that greet, advise and advertise."""


@contextmanager
def hushed() -> Iterator[None]:
    """Keep Lightning's words and warnings back inside, for a call from Python, whose process is not ours to change."""
    import lightning.pytorch  # noqa: F401 - it sets the level of its loggers when it is imported

    loggers = [logging.getLogger(name) for name in LIGHTNING]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(lightning|torch)(\.|$)")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def quiet(verbose: bool) -> None:
    """Hide what the user cannot act on; what this package logs is shown."""
    ours = logging.getLogger("al_lightning")
    for handler in ours.handlers:
        if isinstance(handler, _ToStandardError):
            ours.removeHandler(handler)  # of an earlier call: its standard error may be closed by now
            break
    if not ours.handlers:
        ours.addHandler(_ToStandardError())
        ours.setLevel(logging.INFO)
        ours.propagate = False
    if verbose:
        return
    import lightning.pytorch  # noqa: F401 - it sets the level of its loggers when it is imported

    for name in LIGHTNING:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for the processes that load data
