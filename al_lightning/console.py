"""The terminal: which messages of this package and of other libraries are shown. No torch."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class _ToStandardError(logging.StreamHandler[TextIO]):
    """The handler that `quiet` sets."""


LIGHTNING = ("lightning.pytorch", "lightning.fabric")
"""Loggers that greet, advise and advertise."""


@contextmanager
def lightning_silenced() -> Iterator[None]:
    """Hide messages and warnings of Lightning and torch inside the block; for calls from Python."""
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
