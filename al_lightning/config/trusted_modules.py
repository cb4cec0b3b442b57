"""Modules that a run directory's configuration may name: this package's, and those that the user trusts. No torch."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from al_lightning.errors import UsageError

PACKAGE = "al_lightning"


def import_from_here(name: str) -> None:
    """Import a module that a user names; during the import, the working directory is an import path.

    Raises:
        UsageError: there is no module of that name.
    """
    if name in sys.modules or name == PACKAGE:
        return
    here = str(Path.cwd())
    importlib.invalidate_caches()
    sys.path.insert(0, here)
    try:
        importlib.import_module(name)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"The module {name!r} could not be imported ({error}); --import takes the dotted name of a module "
            "(my_strategy, not my_strategy.Margin or my_strategy.py), installed or in the working directory."
        ) from error
    finally:
        sys.path.remove(here)


def only_from(imports: Sequence[str], source: Path) -> Callable[[str, str], None]:
    """Return a function that refuses class paths outside of this package and of the modules that the user named."""
    trusted = tuple(f"{name}." for name in (PACKAGE, *imports))

    def refuse(option: str, text: str) -> None:
        module = text.rpartition(".")[0]
        if module and not text.startswith(trusted):
            raise UsageError(
                f"{source} names {text} under {option}, which is no class of this package; if you trust it, add "
                f"--import {module}."
            )

    return refuse
