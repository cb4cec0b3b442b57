"""Config files, and how one is merged over another: mappings deeply, lists and plain values replace. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from al_lightning.errors import UsageError
from al_lightning.runs.identity import flatten
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


def merge(base: dict[str, Any], layer: dict[str, Any], path: Path, origins: dict[str, Path], at: str = "") -> None:
    """Merge a layer into `base`, in place: mappings deeply, lists and scalars replace, `key+:` appends to a list."""
    if not at:
        for length, replaced in (("steps", "epochs"), ("epochs", "steps")):
            if layer.get(length) is not None:
                base.pop(replaced, None)
    for key, value in layer.items():
        if isinstance(value, _Replace):
            base[key] = value.value
        elif isinstance(key, str) and key.endswith("+"):
            key = key[:-1]
            base[key] = [*(base.get(key) or []), *(value if isinstance(value, list) else [value])]
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value, path, origins, f"{at}{key}.")
            continue
        else:
            base[key] = _plain(value)
        for dotted, _ in flatten({key: base[key]}, at):
            origins[dotted] = path


def _plain(value: Any) -> Any:
    """Return a value without the `!replace` tags inside it, which have nothing to replace."""
    if isinstance(value, _Replace):
        return _plain(value.value)
    return {key: _plain(part) for key, part in value.items()} if isinstance(value, dict) else value
