"""Arguments of the command line's commands, and how quiet it is. No torch."""

from __future__ import annotations

import argparse
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
