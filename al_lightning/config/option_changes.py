"""What options of the command line change in the run that a name stands for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from jsonargparse import get_loader

from al_lightning.config.command_line import pairs
from al_lightning.config.fit_options import DEFAULTS, SECTIONS, result_settings
from al_lightning.config.option_types import TYPES
from al_lightning.config.signatures import imported, parameters
from al_lightning.runs.identity import as_json, differences


def changes(values: Mapping[str, Any], plain: dict[str, Any], options: Sequence[str]) -> list[str]:
    """Return one phrase for each setting that options change and that can change a result.

    Args:
        values: the merged values of the config files.
        plain: the parsed configuration, of files and options together.
        options: as on the command line.
    """
    given = [name.removesuffix("+").split(".") for name, _ in pairs(options)]
    after = {key: value for key, value in result_settings(plain).items() if _is_given(key, given)}
    said = result_settings(values)
    before = {key: said[key] if key in said else _default(plain, key) for key in after}
    for key, value in before.items():
        if isinstance(value, str) and not isinstance(after[key], str):  # 1e-3, a text for PyYAML alone
            before[key] = get_loader("yaml")(value)
    return differences(before, after)


def _is_given(key: str, given: Sequence[Sequence[str]]) -> bool:
    path = [part for part in key.split(".") if part != "init_args"]
    return any(path[: len(name)] == list(name) for name in given)


def _default(plain: dict[str, Any], key: str) -> Any:
    """Return what a parsed configuration has under a dotted key where nothing sets it; None where that is not known."""
    if key in DEFAULTS:
        return DEFAULTS[key]
    *path, last = key.split(".")
    owner: Any = TYPES[path[0]] if len(path) == 1 and SECTIONS[path[0]].one_class else None
    if path[-1:] == ["init_args"]:
        holder: Any = plain
        for part in path[:-1]:
            holder = holder[part]
        owner = imported(holder["class_path"])
    _, default = parameters(owner).get(last, (None, None)) if inspect.isclass(owner) else (None, None)
    return None if default is inspect.Parameter.empty else as_json(default)
