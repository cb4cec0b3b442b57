"""Settings by dotted key: the fingerprint of a run, and the differences between two of them. No torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any


def flatten(values: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
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


def fingerprint(settings: dict[str, Any]) -> str:
    """Return the SHA-256 of settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return one phrase, `key: old -> new`, for each setting that differs; both by dotted key."""
    return [
        f"{key.replace('init_args.', '')}: {_shown(old.get(key))} -> {_shown(new.get(key))}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def _shown(value: object) -> str:
    return "null" if value is None else str(value)  # as configs spell it


def in_short(changes: list[str]) -> str:
    """Return the first five changes in a row, and how many more there are."""
    rest = len(changes) - 5
    return "; ".join(changes[:5]) + (f"; and {rest} more" if rest > 0 else "")


def as_json(value: Any) -> Any:
    """Return a value that JSON gives back as it is: no tuples, and what it has no form for as text."""
    if isinstance(value, dict):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(part) for part in value]
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
