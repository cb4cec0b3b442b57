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
MARK_LENGTH = 40
"""Most characters of a mark, without its hash."""
HASH_LENGTH = 6
"""Hexadecimal digits of the hash."""


def directory_of(parts: Mapping[str, str], seed: int, plain: Mapping[str, Any], changes: Mapping[str, Any]) -> Path:
    """Return the directory of a run for which none is named.

    Settings that can change a result stand in the mark, so that other settings are another directory. A folder of one's
    own images, to which no config has given a name, stands in the path.

    Args:
        parts: the parts of the run's name, by axis.
        seed: the run's seed.
        plain: the configuration as plain data, defaults filled in.
        changes: the settings that options change, by dotted key.
    """
    directory, settings = RUNS / run_name(parts), result_settings(plain)
    dataset = called(parts.get("datasets", ""))
    if own := dataset in OWN_IMAGES:
        folder = root_of((plain["data"].get("init_args") or {}).get("root"), OWN_IMAGES[dataset]).resolve()
        directory /= folder_name(folder)
        settings["data.root"] = str(folder)
    if own or changes:
        directory /= "-".join(filter(None, [_mark(changes), fingerprint(settings)[:HASH_LENGTH]]))
    return directory / f"seed_{seed}"


def mark_of(directory: Path) -> str:
    """Return what tells a directory of `directory_of` from those of other folders and settings: [FOLDER-]HASH.

    Empty for a run on data that are not one's own, with no changed setting.
    """
    *folder, mark = directory.parts[2:-1] or ("",)
    return "-".join([*folder, mark.rpartition("-")[2]])


def folder_name(folder: Path) -> str:
    """Return how directories of runs name a folder of one's own images."""
    return _as_name(folder.resolve().name) or "root"


def _mark(changes: Mapping[str, Any]) -> str:
    """Return the last parts of changed settings' keys with their new values: `width=2,steps=300`."""
    settings = []
    for key, value in changes.items():
        text = _text(value)
        if key.endswith(".class_path"):  # `network.class_path: al_lightning.networks.UNet` is `network=UNet`
            key, text = key.removesuffix(".class_path"), text.rpartition(".")[2]
        settings.append(f"{_as_name(key.rpartition('.')[2])}={_as_name(text)}")
    return ",".join(settings)[:MARK_LENGTH].strip("-,.=")


def _text(value: Any) -> str:
    """Return a setting's value as configs spell it, but the parts of a list joined by hyphens."""
    if isinstance(value, (list, tuple)):
        return "-".join(map(_text, value))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _as_name(text: str) -> str:
    """Return a text with hyphens instead of characters that a shell or a file system may interpret."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.")
