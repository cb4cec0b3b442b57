"""The parts of a run's name, as the journal records them: the setting of the run, and its method.

A part belongs to an axis, the folder of `configs/` with the part's file. Configs outside these folders are the part
`other`. A part that no config gave is absent. Where the command line names another class than the configs do, the part
is the import path of that class. In names, a class of this package stands without its module: `UNet`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from al_lightning.runs.journal import RunRecord

SETTING = ("datasets", "networks", "budgets", "augmentation")
"""Axes of a run's setting."""
AXES = (*SETTING, "acquisition", "training")
OTHER = "other"
PROBE = "al_lightning.training.Probe"
"""The training method that fits a linear head on stored features."""
DRAWN = ("random", "balanced")
"""Ways to draw the first images, which every strategy shares."""
CONSTRAINTS = ("constraints.per_sequence", "constraints.gap", "constraints.per_group", "constraints.per_value")
"""The settings of constraints that are numbers."""
DEFAULT_TRAINING = "supervised"
"""The training method that names leave out."""
SECTION_OF_AXIS = {"datasets": "data", "networks": "network", "acquisition": "acquisition", "training": "training"}
"""Sections of a configuration that name the class of an axis."""
STAND_INS = {"datasets": "DATASET", "acquisition": "random"}
"""Parts that a name needs, for a run whose own part is the path of a class."""


def called(part: str) -> str:
    """Return a part as names show it: a class of this package without its module, all else as it is."""
    return part.rpartition(".")[2] if part.startswith("al_lightning.") else part


def run_name(parts: Mapping[str, str]) -> str:
    """Return the name of some parts."""
    return _joined(parts, (*AXES, OTHER))


def setting_of(record: RunRecord) -> str:
    """Return a run's setting: dataset, network, budget and augmentation.

    Without a dataset part, the dataset's class stands for it; a class of this package as a part: `mask_folder`.
    """
    parts = {"datasets": _class_name(record, "data"), **record.parts}
    return _joined(parts, SETTING)


def method_of(record: RunRecord) -> str:
    """Return a run's strategy, with its training method where that is not the default one, and other configs.

    Without an acquisition part, other configs are left out.
    """
    others = (OTHER,) if "acquisition" in record.parts else ()
    return _joined({**record.parts, "acquisition": strategy_of(record)}, ("acquisition", "training", *others))


def strategy_of(record: RunRecord) -> str:
    """Return a run's strategy, with the cold start that chose its first images, and the constraints of its batches.

    Without an acquisition part, the strategy's class stands for it, as `setting_of` does. `random_from_typiclust` and
    `entropy_per_sequence_1` are strategies of their own, which Random is compared with.
    """
    strategy = record.parts.get("acquisition") or _class_name(record, "acquisition")
    return f"{called(strategy)}{words}" if (words := additions_of(record)) else strategy


def additions_of(record: RunRecord) -> str:
    """Return what cold start and constraints add to a strategy's name: `_per_sequence_1_from_typiclust`; else ""."""
    rules = {key: value for key, value in record.settings.items() if key in CONSTRAINTS}
    words = [f"_{key.rpartition('.')[2]}_{value}" for key, value in rules.items()]
    return "".join([*words, *([f"_from_{first}"] if (first := cold_start_of(record)) else [])])


def cold_start_of(record: RunRecord) -> str:
    """Return what chose a run's first images, where they were not drawn: a short name or a class; else ""."""
    return cold_start_in(record.settings)


def cold_start_in(settings: Mapping[str, Any]) -> str:
    """Return the cold start that settings name; see `cold_start_of`."""
    return "" if (first := first_choice_in(settings)) in DRAWN else first


def first_choice_in(settings: Mapping[str, Any]) -> str:
    """Return what chose the first images of a run: a cold start, `random` or `balanced`."""
    return called(str(settings.get("initial") or settings.get("initial.class_path") or DRAWN[0]).partition("(")[0])


def is_semi_supervised(record: RunRecord) -> bool:
    """Whether a run trains on unlabelled images, too.

    The training method says so itself. A journal without its word has a training part for methods other than the
    default alone.
    """
    if record.trained:
        return record.trained.startswith("semi-supervised")
    return record.parts.get("training", DEFAULT_TRAINING) != DEFAULT_TRAINING


def is_probe(record: RunRecord) -> bool:
    """Whether a run's networks are linear probes on stored features."""
    return record.settings.get("training.class_path") == PROBE


def named_classes(record: RunRecord) -> dict[str, str]:
    """Return the classes among a run's parts: import paths, by section."""
    parts = {section: record.parts.get(axis, "") for axis, section in SECTION_OF_AXIS.items()}
    return {
        section: part
        for section, part in parts.items()
        if "." in part and part == record.settings.get(f"{section}.class_path")
    }


def config_of(record: RunRecord, strategy: str = "") -> tuple[str, dict[str, str]]:
    """Return a name of configs for a run, or for another strategy on its setting, and classes by section beside it.

    Where parts of the run are classes, other parts stand in the name. `DATASET` stands for a dataset's class.
    """
    classes, parts = named_classes(record), dict(record.parts)
    if strategy:
        classes = {section: path for section, path in classes.items() if section in ("data", "network")}
        parts = {axis: parts[axis] for axis in SETTING if axis in parts} | {"acquisition": strategy}
    elif not classes:
        return record.name, {}
    parts |= {axis: STAND_INS.get(axis, "") for axis, section in SECTION_OF_AXIS.items() if section in classes}
    return run_name(parts), classes


def _joined(parts: Mapping[str, str], axes: tuple[str, ...]) -> str:
    shown = [axis for axis in axes if parts.get(axis) and (axis, parts[axis]) != ("training", DEFAULT_TRAINING)]
    return "_".join(called(parts[axis]) for axis in shown)


def _class_name(record: RunRecord, section: str) -> str:
    """Return a class of the settings in the form of a part; the run's name where the settings have no class.

    A class that is not of this package is called by its import path: `my.Random` is not the strategy `random`.
    """
    name = called(str(record.settings.get(f"{section}.class_path", "")))
    return name if "." in name else re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() or record.name
