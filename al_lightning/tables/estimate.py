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
    counts = labels_of(row, column)
    total = 0
    for cycle, labelled in enumerate(counts):
        members = row.members if cycle < len(counts) - 1 else 1
        total += members * steps_of(values, given, labelled, batch)
    return total * images_a_step(data, given, batch)


def labels_of(row: Row, column: Column) -> list[int]:
    """Return the number of labelled images in each fit of a row's runs."""
    if row.everything:
        return [column.pool]
    count = cycles_of(row, column)
    shares = [min(column.initial + cycle * column.query, column.total) for cycle in range(count)]
    return [int(column.pool * share + 1e-6) for share in (shares if count > 1 else [column.total])]


def steps_of(values: Mapping[str, Any], given: Mapping[str, str], labelled: int, batch: int) -> int:
    """Return the number of steps of a fit, of the merged configuration and the command line's options."""
    if "--steps" in given:
        return int(given["--steps"])
    if "--epochs" in given or values.get("epochs") is not None:
        epochs = int(given.get("--epochs", values.get("epochs", 0)))
        return max(1, epochs * labelled // batch)
    return int(values["steps"])


def images_a_step(data: Mapping[str, Any], given: Mapping[str, str], batch: int) -> int:
    """Return how many images a step passes through the network, unlabelled ones included."""
    unlabelled = data.get("unlabelled")
    if not unlabelled:
        return batch
    extra = int(given.get("--data.unlabelled.batch_size", unlabelled.get("batch_size") or batch))
    return batch + extra * max(1, len(unlabelled.get("views") or ()))


def as_mapping(options: Sequence[str]) -> dict[str, str]:
    """Return options of the command line, `--key value` or `--key=value`, by key."""
    given = {key: value for key, value in pairwise(options) if key.startswith("--")}
    return given | {key: value for key, _, value in (option.partition("=") for option in options) if value}
