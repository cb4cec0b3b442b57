"""The user's own code: the modules of the classes that a configuration names, outside of this and installed packages.

A run records the SHA-256 of each such module's file. What these modules import is not looked at.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from al_lightning.config.hints import imported
from al_lightning.errors import INSTALLED


@dataclass(frozen=True)
class OwnModule:
    """A module of the user's own.

    Attributes:
        name: dotted name of the module.
        file: the file; None where the module has none, as the cells of a notebook.
        digest: SHA-256 of the file when it was imported; empty without a file.
    """

    name: str
    file: Path | None
    digest: str


def own_modules(settings: Mapping[str, Any]) -> list[OwnModule]:
    """Return the user's own modules that define classes of a configuration, each once.

    Args:
        settings: settings by dotted key, as `fit_options.result_settings` returns them; the classes are importable.
    """
    found = (_module_of(imported(path)) for path in class_paths(settings))
    return list({module.name: module for module in found if module is not None}.values())


def digests(modules: Sequence[OwnModule]) -> dict[str, str]:
    """Return the digest of each module that has a file, by the module's name."""
    return {module.name: module.digest for module in modules if module.file is not None}


def changed_files(modules: Sequence[OwnModule], recorded: Mapping[str, str]) -> list[str]:
    """Return the files of modules that are not as recorded, and the names of recorded modules that are not there.

    Args:
        modules: as they are now.
        recorded: digests by module, as a journal has them.
    """
    here, now = Path.cwd(), digests(modules)
    files = {module.name: str(module.file).removeprefix(f"{here}/") for module in modules if module.file is not None}
    return [files.get(name, name) for name in {**recorded, **now} if recorded.get(name) != now.get(name)]


def class_paths(value: Any) -> Iterator[str]:
    """Yield the import paths of classes in settings or in a part of them, parsed or plain."""
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key.rpartition(".")[2] == "class_path" and isinstance(part, str):
                yield part
            else:
                yield from class_paths(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from class_paths(part)


@functools.cache
def _module_of(owner: Any) -> OwnModule | None:
    """Return the module of a class; None for a class of this package, of Python, or of an installed package.

    A class is looked at once: what counts is the file that it was imported from, not what the file became since.
    """
    name = str(owner.__module__)
    top = name.split(".")[0]
    if top == "al_lightning" or top in sys.stdlib_module_names:
        return None
    files = [Path(file) for each in (name, top) if (file := getattr(sys.modules.get(each), "__file__", None))]
    if any(INSTALLED & set(file.parts) for file in files):
        return None
    if getattr(sys.modules.get(name), "__file__", None) is None or not files[0].is_file():
        return OwnModule(name, None, "")  # a cell of a notebook, or an archive
    return OwnModule(name, files[0], hashlib.sha256(files[0].read_bytes()).hexdigest())
