"""Arguments of the command line's commands, and how quiet it is. No torch."""

from __future__ import annotations

import argparse
import logging
import os
import warnings
from typing import NoReturn

from al_lightning.errors import UsageError


class Arguments(argparse.ArgumentParser):
    """Arguments of one command; a mistake is one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake as UsageError."""
        raise UsageError(f"{self.prog}: {message}.")


def quiet(verbose: bool) -> None:
    """Hide what the user cannot act on; what this package logs is shown."""
    ours = logging.getLogger("al_lightning")
    if not ours.handlers:
        ours.addHandler(logging.StreamHandler())
        ours.setLevel(logging.INFO)
        ours.propagate = False
    if verbose:
        return
    import lightning.pytorch  # noqa: F401 - it sets the level of its loggers when it is imported

    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for the processes that load data
