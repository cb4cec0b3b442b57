"""The cost of a run before it runs: the number of images that its fits see. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from al_lightning.tables.published import Column, Row
from al_lightning.tables.status import cycles_of


def images_seen(values: Mapping[str, Any], row: Row, column: Column, options: Sequence[str] = ()) -> int:
    """Return how many images the fits of a run pass through the network, forward and backward.

    Of the merged configuration of the run's name and the command line's options, those for lengths and batches count.
    """
    given = as_mapping(options)
    data = values["data"]["init_args"]
    batch = int(given.get("--data.batch_size", data["batch_size"]))
    total = 0
    count = cycles_of(row, column)
    for cycle in range(count):
        labelled = column.pool
        if not row.everything:
            share = column.total if count == 1 else min(column.initial + cycle * column.query, column.total)
            labelled = int(column.pool * share + 1e-6)
        members = row.members if cycle < count - 1 else 1
        total += members * _steps(values, given, labelled, batch)
    return total * _images_a_step(data, given, batch)


def _steps(values: Mapping[str, Any], given: Mapping[str, str], labelled: int, batch: int) -> int:
    if "--steps" in given:
        return int(given["--steps"])
    if "--epochs" in given or values.get("epochs") is not None:
        epochs = int(given.get("--epochs", values.get("epochs", 0)))
        return max(1, epochs * labelled // batch)
    return int(values["steps"])


def _images_a_step(data: Mapping[str, Any], given: Mapping[str, str], batch: int) -> int:
    unlabelled = data.get("unlabelled")
    if not unlabelled:
        return batch
    extra = int(given.get("--data.unlabelled.batch_size", unlabelled.get("batch_size") or batch))
    return batch + extra * max(1, len(unlabelled.get("views") or ()))


def as_mapping(options: Sequence[str]) -> dict[str, str]:
    """Return options of the command line, `--key value` or `--key=value`, by key."""
    given = {key: value for key, value in pairwise(options) if key.startswith("--")}
    return given | {key: value for key, _, value in (option.partition("=") for option in options) if value}
