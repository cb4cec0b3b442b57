"""Config files, and how one is merged over another: mappings deeply, lists and plain values replace. No torch.

At the top of a file, `network: !by_task {classification: ..., segmentation: ...}` has a value for each kind of task.
That of the task which an earlier file sets is merged; a task's kind is the end of its class's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from al_lightning.errors import UsageError
from al_lightning.yaml_files import Loader, TooMuch, read_yaml


@dataclass(frozen=True)
class _Replace:
    """A mapping that replaces a mapping of an earlier file instead of being merged over it; tagged `!replace`."""

    value: Any


@dataclass(frozen=True)
class _ByTask:
    """A value for each kind of task; tagged `!by_task`."""

    values: dict[str, Any]

    def value(self, task: Any, path: Path) -> Any:
        """Return the value for a task, which is a class path or a mapping with one.

        Raises:
            UsageError: there is no task, or the file at `path` has no value for it.
        """
        name = str(task.get("class_path") if isinstance(task, dict) else task or "").rpartition(".")[2]
        for kind, value in self.values.items():
            if name.lower().endswith(kind):
                return value
        kinds = " and ".join(self.values)
        raise UsageError(
            f"The config {path} is for {kinds}, and the task is {name}."
            if name
            else f"The config {path} is for {kinds}; name a dataset first, whose config says which."
        )


class _Loader(Loader):
    """Plain YAML, plus `!replace` and `!by_task`; a key given twice is an error."""


def _replace(loader: _Loader, node: yaml.Node) -> _Replace:
    return _Replace(loader.construct_mapping(node, deep=True))


def _by_task(loader: _Loader, node: yaml.Node) -> _ByTask:
    return _ByTask(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("!replace", _replace)
_Loader.add_constructor("!by_task", _by_task)


def load(path: Path) -> dict[str, Any]:
    """Read one layer.

    Raises:
        UsageError: the file is missing, not YAML, not a mapping, or sets both `steps` and `epochs`.
    """
    try:
        content = read_yaml(path, _Loader) or {}
    except OSError as error:
        raise UsageError(f"The config {path} cannot be read ({error}).") from error
    except TooMuch as error:
        raise UsageError(f"The config {path} is too much to read: {error}.") from error
    except yaml.YAMLError as error:
        raise UsageError(f"The config {path} is not valid YAML ({' '.join(str(error).split())}).") from error
    if not isinstance(content, dict):
        raise UsageError(f"The config {path} must be a mapping of options to values.")
    if content.get("steps") is not None and content.get("epochs") is not None:
        raise UsageError(f"The config {path} sets both steps and epochs; a fit has one length.")
    return content


def read_layers(paths: Iterable[Path], task: Any = None) -> dict[str, Any]:
    """Return the values of config files, merged in order.

    Mappings are merged deeply, lists and plain values replace, `key+:` appends to a list.

    Args:
        paths: the files.
        task: the task that holds for `!by_task` where no file sets one.

    Raises:
        UsageError: a file cannot be used.
    """
    values: dict[str, Any] = {}
    for path in paths:
        layer = load(path)
        task = layer.get("task") or task
        layer = {key: one.value(task, path) if isinstance(one, _ByTask) else one for key, one in layer.items()}
        for length, replaced in (("steps", "epochs"), ("epochs", "steps")):
            if layer.get(length) is not None:
                values.pop(replaced, None)
        _merge(values, layer)
    return values


def _merge(base: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    for key, value in layer.items():
        old = base.get(key)
        if isinstance(value, _Replace):
            base[key] = _merge({}, value.value)
        elif isinstance(value, dict):
            base[key] = _merge(old if isinstance(old, dict) else {}, value)
        elif isinstance(key, str) and key.endswith("+"):
            base[key[:-1]] = [*(base.get(key[:-1]) or []), *(value if isinstance(value, list) else [value])]
        else:
            base[key] = value
    return base
