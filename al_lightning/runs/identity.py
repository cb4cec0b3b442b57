"""What in a configuration bears on results: its fingerprint, and the differences between two of them. No torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

# What may differ between two runs of the same result, and on a run directory that goes on.
NO_BEARING = (
    "oracle",
    "keep",
    "share",  # what is taken is what would be trained
    "chunk",
    "budget.cycles",
    "data.init_args.root",
    "data.init_args.cache",
    "data.init_args.download",
    "data.init_args.complete",  # a part of a dataset has another data_sha256
    "data.init_args.workers",
    "data.init_args.timeout",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "trainer.profiler",
)

CHOOSES = ("acquisition", "budget")
"""Sections that say what is chosen and when: no network follows from them, but by the images that it is trained on."""


def flatten(values: dict[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, leaf) of a nested mapping."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping by dotted keys as `flatten` was given it."""
    whole: dict[str, Any] = {}
    for key, value in settings.items():
        *path, last = key.split(".")
        place = whole
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return whole


def bearing(config: dict[str, Any]) -> dict[str, Any]:
    """Return the leaves of a parsed configuration that bear on results, by dotted key, as JSON keeps them.

    Of what this returns it returns the same again.
    """
    return {
        key: _as_json(value)
        for key, value in flatten(config)
        if not any(key == free or key.startswith(free + ".") for free in NO_BEARING)
    }


def training_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what of settings by dotted key a trained network follows from: all but what is chosen, and when."""
    return {key: value for key, value in settings.items() if key.split(".")[0] not in CHOOSES}


def fingerprint(config: dict[str, Any]) -> str:
    """Return the SHA-256 of what in a parsed configuration bears on results."""
    return hashlib.sha256(json.dumps(bearing(config), sort_keys=True).encode()).hexdigest()


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return one phrase, `key: old -> new`, for each leaf that bears on results and differs."""
    before, after = bearing(old), bearing(new)
    return [
        f"{key.replace('init_args.', '')}: {before.get(key)} -> {after.get(key)}"
        for key in _union(before, after)
        if before.get(key) != after.get(key)
    ]


def in_short(changes: list[str], most: int = 5) -> str:
    """Return the first few changes in a row, and how many more there are."""
    rest = len(changes) - most
    return "; ".join(changes[:most]) + (f"; and {rest} more" if rest > 0 else "")


def _union(*mappings: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _as_json(value: Any) -> Any:
    """Return a value that JSON gives back as it is: no tuples, and what it has no form for as text."""
    if isinstance(value, dict):
        return {str(key): _as_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(part) for part in value]
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
