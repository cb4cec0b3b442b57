"""Whether the folder of the data exists, asked before torch is imported. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from al_lightning.config.command_line import pairs
from al_lightning.data_sources import SOURCES, missing, root_of
from al_lightning.errors import nearest

PACKAGE = "al_lightning.data."
WHOLE = ("data", "data.class_path", "data.init_args")
"""Options that give several options of the dataset at once; what they say, only the typed parser reads."""


def check_data_root(values: Mapping[str, Any], options: Sequence[str]) -> None:
    """Check that the folder of the data exists, for a dataset of this package that needs files.

    Args:
        values: the merged values of the config files.
        options: the options of the command line.

    Raises:
        DatasetError: there is no such folder.
        UsageError: an option has no value.
    """
    given = dict(pairs(options))
    section = values.get("data")
    data = section if isinstance(section, Mapping) else {}
    module, _, name = str(data.get("class_path")).rpartition(".")
    source = SOURCES.get(name) if f"{module}." == PACKAGE else None
    mistyped = any(nearest(option, ["data.root"]) for option in given if option != "data.root")
    if source is None or mistyped or not given.keys().isdisjoint(WHOLE):
        return
    arguments = {**(data.get("init_args") or {}), **{key.removeprefix("data."): text for key, text in given.items()}}
    root = arguments.get("root")
    if str(arguments.get("download")).lower() == "true" or not isinstance(root, str | None):
        return
    folder = root_of(None if root == "null" else root, source.folder)
    if not folder.is_dir():
        raise missing(folder, folder, source)
