"""Whether the folder of the data exists, asked before torch is imported. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from al_lightning.config.command_line import pairs
from al_lightning.data_sources import SOURCES, missing, root_of
from al_lightning.errors import nearest

WHOLE = ("data", "data.class_path", "data.init_args")
"""Options that name another dataset or several of its options at once, which only the typed parser reads."""


def check_data_root(values: Mapping[str, Any], options: Sequence[str]) -> None:
    """Check that the folder of the data exists, for a dataset of this package that needs files.

    What only the typed parser understands is left to it: it meets the dataset's own check later.

    Args:
        values: the merged values of the config files.
        options: the options of the command line.

    Raises:
        DatasetError: there is no such folder.
        UsageError: an option has no value.
    """
    given = dict(pairs(options))
    # `--data.rot DIR` is a wrong option rather than a missing folder.
    misspelled = any(nearest(name, ["data.root"]) for name in given if name != "data.root")
    section = values.get("data")
    if misspelled or not given.keys().isdisjoint(WHOLE) or not isinstance(section, Mapping):
        return
    module, _, name = str(section.get("class_path")).rpartition(".")
    if module != "al_lightning.data" or name not in SOURCES:
        return
    arguments = {**(section.get("init_args") or {}), **{key.removeprefix("data."): text for key, text in given.items()}}
    root = arguments.get("root")
    if str(arguments.get("download")).lower() == "true" or not isinstance(root, str | None):
        return
    folder = root_of(None if root == "null" else root, SOURCES[name].folder)
    if not folder.is_dir():
        raise missing(folder, folder, SOURCES[name])
