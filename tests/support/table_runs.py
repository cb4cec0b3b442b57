"""A small table, and journals of its runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from al_lightning.runs.journal import FORMAT
from al_lightning.runs.journal_lines import write_line
from al_lightning.tables.published import Table, table_of
from tests.support.runs import parts_of

CONTENT: dict[str, Any] = {
    "title": "A table",
    "task": "classification",
    "seeds": 3,
    "columns": {
        "digits": {
            "title": "Digits",
            "dataset": "digits",
            "data": "",
            "pool": 1000,
            "budget": {"initial": 100, "query": 100, "total": 300, "unit": "images"},
            "metric": "accuracy",
            "at": 200,
            "area_scale": 2,
        }
    },
    "rows": [
        {
            "label": label,
            "acquisition": name,
            "one_fit": name == "full",
            "cells": {"digits": {"run": f"digits_{name}", **published}},
        }
        for label, name, published in (
            ("Random", "random", {"score": 71.0, "area": 28.1, "area_std": 0.2}),
            ("Entropy", "entropy", {"score": 74.5, "area": 29.0}),
            ("Coreset", "coreset", {"score": 73.0, "area": 28.8}),
            ("100%", "full", {"score": 90.0, "area": 36.0}),
        )
    ],
    "notes": ["The areas are twice Eq. 2."],
}
TABLE: Table = table_of("mine", CONTENT)


def write_run(
    directory: Path,
    name: str,
    seed: int,
    points: Sequence[tuple[float, float]],
    chosen: bool = False,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write a journal: (budget, accuracy in percent) of each cycle."""
    run = {"name": name, "seed": seed, "settings": {"of": name, **settings}, "pool_size": 1000, "data_sha256": "d"}
    run["parts"] = parts_of(name)
    records = [{"kind": "run", "format": FORMAT, **run}, {"kind": "initial", "initial": [0, 1]}]
    for cycle, (budget, value) in enumerate(points):
        bought = [cycle + 2] if chosen or cycle + 1 < len(points) else []
        done = {
            "cycle": cycle,
            "budget": budget,
            "labelled": round(1000 * budget),
            "metrics": {"accuracy": value / 100},
        }
        records.append({"kind": "cycle", **done, "chosen": bought, "cost": {"fit": 60.0}})
    lines, check = [], ""
    for record in records:
        line, check = write_line(record, check)
        lines.append(line)
    directory.mkdir(parents=True)
    (directory / "cycles.jsonl").write_text("".join(lines))
