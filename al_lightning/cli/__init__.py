"""The command line: arguments, dispatch, help."""

from al_lightning.cli.main import run

__all__ = ["run"]
