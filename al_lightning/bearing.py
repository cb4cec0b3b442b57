"""What in a configuration bears on results: its fingerprint, and the differences between two of them. No torch."""

from __future__ import annotations

import hashlib
import json
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

# The value with which an option that came later changes nothing: a run from before goes on.
AS_BEFORE = {"compile": "none"}


def flatten(values: dict[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, leaf) of a nested mapping."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def bearing(config: dict[str, Any]) -> dict[str, Any]:
    """Return the leaves of a parsed configuration that bear on results, by dotted key."""
    return {
        key: value
        for key, value in flatten(config)
        if not any(key == free or key.startswith(free + ".") for free in NO_BEARING)
        and not (key in AS_BEFORE and value == AS_BEFORE[key])
    }


def fingerprint(config: dict[str, Any]) -> str:
    """Return the SHA-256 of what in a parsed configuration bears on results."""
    return hashlib.sha256(json.dumps(bearing(config), sort_keys=True, default=str).encode()).hexdigest()


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
