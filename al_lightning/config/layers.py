"""Config files, and how one is merged over another: mappings deeply, lists and plain values replace. No torch."""

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


class _Loader(Loader):
    """Plain YAML, plus `!replace`; a key given twice is an error."""


def _replace(loader: _Loader, node: yaml.Node) -> _Replace:
    return _Replace(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("!replace", _replace)


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


def read_layers(paths: Iterable[Path]) -> dict[str, Any]:
    """Return the values of config files, merged in order.

    Mappings are merged deeply, lists and plain values replace, `key+:` appends to a list.

    Raises:
        UsageError: a file cannot be used.
    """
    values: dict[str, Any] = {}
    for path in paths:
        layer = load(path)
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
