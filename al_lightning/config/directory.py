"""The directory that a run gets by itself: runs/NAME[/FOLDER][/MARK]/seed_S, a function of the command alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from al_lightning.config.fit_options import result_settings
from al_lightning.data_sources import root_of
from al_lightning.runs.identity import fingerprint
from al_lightning.runs.parts import called, run_name

RUNS = Path("runs")
OWN_IMAGES = {
    "image_folder": "image_folder",
    "small_image_folder": "image_folder",
    "ImageFolder": "image_folder",
    "mask_folder": "mask_folder",
    "MaskFolder": "mask_folder",
}
"""Datasets, as runs' names show them, of which each folder is data of its own; the folder where none is named."""
LONGEST = 40
"""Most characters of a mark before its hash."""
DIGITS = 6


def directory_of(parts: Mapping[str, str], seed: int, plain: Mapping[str, Any], changes: Mapping[str, Any]) -> Path:
    """Return the directory of a run for which none is named.

    Other settings that can change a result are another directory. So is another folder of one's own images, where no
    config has given these images a name.

    Args:
        parts: the parts of the run's name, by axis.
        seed: the run's seed.
        plain: the configuration as plain data, defaults filled in.
        changes: the settings that options change, by dotted key.
    """
    home, settings = RUNS / run_name(parts), result_settings(plain)
    dataset = called(parts.get("datasets", ""))
    if own := dataset in OWN_IMAGES:
        arguments = plain["data"].get("init_args") or {}
        folder = root_of(arguments.get("root"), OWN_IMAGES[dataset]).resolve()
        home /= folder_name(folder)
        settings["data.root"] = str(folder)
    if own or changes:
        home /= "-".join(filter(None, [_mark(changes), fingerprint(settings)[:DIGITS]]))
    return home / f"seed_{seed}"


def folder_name(folder: Path) -> str:
    """Return how directories of runs name a folder of one's own images."""
    return _as_name(folder.resolve().name) or "root"


def _mark(changes: Mapping[str, Any]) -> str:
    """Return the last parts of changed settings' keys with their new values: `width=2,steps=300`."""
    settings = []
    for key, value in changes.items():
        owner = key.removesuffix(".class_path")  # of a class, its own name and that of the object
        text = _text(value) if owner == key else _text(value).rpartition(".")[2]
        settings.append(f"{_as_name(owner.rpartition('.')[2])}={_as_name(text)}")
    return ",".join(settings)[:LONGEST].strip("-,.=")


def _text(value: Any) -> str:
    """Return a setting's value as configs spell it, but the parts of a list joined by hyphens."""
    if isinstance(value, (list, tuple)):
        return "-".join(map(_text, value))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _as_name(text: str) -> str:
    """Return a text with hyphens for what a shell, or a file system, may read in its own way."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.")
