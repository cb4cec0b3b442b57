"""Journals of the runs of a small table."""

from pathlib import Path

import pytest

from tests.support.table_runs import write_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Random and entropy with three seeds, core-set begun, all labels once."""
    budgets = (0.1, 0.2, 0.3)
    curves = {
        "random": [(60.0, 70.0, 80.0), (61.0, 71.0, 81.0), (62.0, 72.0, 82.0)],
        "entropy": [(60.0, 74.0, 84.0), (61.0, 75.0, 86.0), (62.0, 76.0, 85.0)],
        "coreset": [(60.0, 72.0)],
    }
    for method, seeds in curves.items():
        for seed, values in enumerate(seeds):
            points = list(zip(budgets, values, strict=False))
            write_run(tmp_path / f"digits_{method}" / f"seed_{seed}", f"digits_{method}", seed, points, len(points) < 3)
    write_run(tmp_path / "digits_full" / "seed_0", "digits_full", 0, [(1.0, 91.0)])
    return tmp_path
