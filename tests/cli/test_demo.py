"""The demo: runs, a comparison and a page."""

from pathlib import Path

import pytest

from al_lightning.cli.demo import compare
from al_lightning.errors import ALError
from tests.support.errors import raises
from tests.support.launched import run_here


def test_the_demo_runs_compares_and_reports(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr("al_lightning.cli.demo.STRATEGIES", ("random", "coreset"))
    monkeypatch.setattr("al_lightning.cli.demo.POOLS", ("demo_11f",))
    quick = ("--steps", "2", "--budget.cycles", "1", "--data.pool_size", "24", "--data.test_size", "4")
    with monkeypatch.context() as patch:
        patch.setattr("al_lightning.cli.demo.LocalLauncher.run", run_here)
        compare(Path("d"), 1, (*quick, "--data.size", "[32, 64]"), ["al-lightning", "demo"])
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["demo_11f_random", "demo_11f_coreset"]
    page = Path("d/report.html").read_text()
    assert ("demo_11f" in page, "coreset" in page) == (True, True)
    monkeypatch.setattr("al_lightning.cli.demo.STRATEGIES", ("random",))
    with raises(ALError, "demo_11f_random", "exit code 2", "nonsense"):
        compare(Path("e"), 1, ("--data.nonsense", "1"), ["al-lightning", "demo"])
