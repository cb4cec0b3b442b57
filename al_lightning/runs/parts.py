"""The parts of a run's name, as the journal records them: the setting of the run, and its method.

A part belongs to an axis, the folder of `configs/` with the part's file. Configs outside these folders are the part
`other`. A part that no config gave is absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from al_lightning.runs.journal import RunRecord

SETTING = ("datasets", "networks", "budgets", "augmentation")
"""Axes of a run's setting."""
AXES = (*SETTING, "acquisition", "training")
OTHER = "other"
DEFAULT_TRAINING = "supervised"
"""The training method that names leave out."""


def run_name(parts: Mapping[str, str]) -> str:
    """Return the name of some parts."""
    return _joined(parts, (*AXES, OTHER))


def setting_of(record: RunRecord) -> str:
    """Return a run's setting: dataset, network, budget and augmentation.

    Without a dataset part, the dataset's class stands for it, in the form of a part: `mask_folder`.
    """
    parts = {"datasets": _class_name(record, "data"), **record.parts}
    return _joined(parts, SETTING)


def method_of(record: RunRecord) -> str:
    """Return a run's strategy, with its training method where that is not the default one, and other configs.

    Without an acquisition part, the strategy's class stands for it, in the form of a part, without other configs.
    """
    if "acquisition" in record.parts:
        return _joined(record.parts, ("acquisition", "training", OTHER))
    return _joined({"acquisition": _class_name(record, "acquisition"), **record.parts}, ("acquisition", "training"))


def _joined(parts: Mapping[str, str], axes: tuple[str, ...]) -> str:
    shown = [axis for axis in axes if axis in parts and (axis, parts[axis]) != ("training", DEFAULT_TRAINING)]
    return "_".join(parts[axis] for axis in shown)


def _class_name(record: RunRecord, section: str) -> str:
    """Return a class of the settings in the form of a part; the run's name where the settings have no class."""
    last = str(record.settings.get(f"{section}.class_path", "")).rpartition(".")[2]
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", last).lower() or record.name
