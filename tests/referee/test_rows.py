"""The rows of the referee: each has its test, and holds for the version that is installed."""

import ast
from importlib.metadata import version

import pytest

from al_lightning.config.names import shipped
from tests.referee.rows import ALONE, ROOT, read_rows

ROWS = read_rows()


def functions_of(file):
    return {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{', '.join(row.strategies)}, {row.peer}")
def test_each_row_names_the_test_that_shows_it(row):
    assert row.verdict in ("agrees", "differs")
    assert bool(row.test) != row.why.endswith("Read, not run.")
    file, _, name = row.test.partition("::")
    assert not file or name in functions_of(file)


def test_each_comparison_has_a_row():
    said = {row.test for row in ROWS}
    for file in ("tests/referee/test_scores.py", "tests/referee/test_coverage.py"):
        assert {f"{file}::{name}" for name in functions_of(file) if name.startswith("test_")} <= said


@pytest.mark.parametrize("package", sorted({row.peer for row in ROWS if row.version and "/" not in row.peer}))
def test_the_rows_are_of_the_installed_version(package):
    said = {row.version for row in ROWS if row.peer == package}
    assert said == {version(package)}, f"see what {package} does now, and set the version in tests/referee/rows.yaml"


def test_each_strategy_has_a_row_or_computes_nothing():
    named = {name for row in ROWS for name in row.strategies} | set(ALONE)
    shown = {path.stem for path in (shipped() / "acquisition").glob("*.yaml")}
    assert named == {name for name in shown if not name.endswith("_mcd") and name != "uniform5_entropy"}
