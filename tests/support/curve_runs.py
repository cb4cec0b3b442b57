"""Runs with made-up curves, for tests of series and label costs."""

from pathlib import Path

from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from tests.support.runs import parts_of


def a_run(name, seed, values, *, sha="s", classes=None, data="", start=1):
    cycles = [
        CycleRecord(
            at,
            0.1 * (at + start),
            10 * (at + start),
            {"miou": value, "class_iou": classes[at] if classes else [value, None]},
            [at] if at + 1 < len(values) else [],
        )
        for at, value in enumerate(values)
    ]
    record = RunRecord(name, seed, {"of": sha}, 100, data, parts=parts_of(name))
    return Run(Path(name) / f"seed_{seed}", record, [0], tuple(cycles))


def curves(**by_method):
    return [
        a_run(f"street_{method}", seed, values)
        for method, by_seed in by_method.items()
        for seed, values in enumerate(by_seed)
    ]
