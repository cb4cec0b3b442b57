"""What people look at in the terminal: tables, the plot in text, what was chosen; and the demo."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.cli.demo import compare
from al_lightning.errors import ALError
from al_lightning.metrics import metric_of
from al_lightning.results.curves import Curve
from al_lightning.results.plot import text_plot
from al_lightning.results.series import Series
from tests.support.runs import Answer

Call = Callable[..., Answer]


def curve(name: str, *values: float, seed: int = 0, metric: str = "miou") -> Curve:
    budgets = tuple(0.1 * (cycle + 1) for cycle in range(len(values)))
    return Curve(name, seed, "0", metric_of(metric), budgets, tuple(10 * (k + 1) for k in range(len(values))), values)


def method(name: str, *curves: Curve) -> Series:
    return Series("street", name, curves[0].metric, curves, name)


def test_marks_stand_where_the_values_are() -> None:
    head, *rows = text_plot(
        [method("a", curve("a", 10, 20, 30)), method("b", curve("b", 30, 30, 10))], width=20, height=5
    ).splitlines()
    assert head == "miou in %"
    body = [row.split("|")[1] for row in rows[:5]]
    assert (body[0][0], body[0][10], body[0][20]) == ("x", "x", "o")  # 30 %
    assert body[2][10] == "o"  # 20 %
    assert (body[4][0], body[4][20]) == ("o", "x")  # 10 %
    assert (rows[0].split(" |")[0], rows[4].split(" |")[0]) == ("30.00", "10.00")
    assert rows[-1].split() == ["o", "a", "x", "b"]
    assert rows[-2].split() == ["10", "%", "30", "%", "of", "the", "pool"]


def test_seeds_are_averaged_and_other_metrics_left_out() -> None:
    first = method("a", curve("a", 10, 20), curve("a", 30, 40, seed=1))
    shown = text_plot([first, method("c", curve("c", 99, 99, metric="accuracy"))])
    assert ("30.00 |" in shown, "20.00 |" in shown, " c" in shown) == (True, True, False)


def test_what_cannot_be_plotted_is_not() -> None:
    assert text_plot([]) == text_plot([method("a", curve("a", 10))]) == text_plot([method("a", curve("a"))]) == ""
    assert "10.50" in text_plot([method("a", curve("a", 10, 10))])


def test_show_lists_what_was_chosen_by_file_name_without_the_data(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", "--data.workers", 0, "--steps", 2]
    options += ["--network.depth", 10, "--network.width", 1, "--budget.cycles", 1, "--run_dir", "r"]
    answer = al("fit", "--config", "image_folder_entropy", *options)
    assert answer.code == 0, answer.err
    class_folders.rename(here / "elsewhere")
    out = al("show", "r", "--chosen").out
    selection = json.loads((here / "r/cycle_00/selection.json").read_text())
    rows = [line.split() for line in out.splitlines() if line.startswith("cycle 0 ")]
    assert [int(row[-2]) for row in rows] == selection["indices"]
    assert all(re.fullmatch(r"train/(red|green|blue)/\d\d\.png", row[-1]) for row in rows)
    assert [f"{score:.4g}" for score in selection["scores"]] == [row[-3] for row in rows]
    assert out.count("\nstart ") == len(json.loads((here / "r/selection.json").read_text())["indices"])
    assert "accuracy in %" in out
    assert "accuracy in %" not in al("show", "r", "--no-plot").out


def test_the_demo_runs_compares_and_reports(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr("al_lightning.cli.demo.STRATEGIES", ("random", "coreset"))
    monkeypatch.setattr("al_lightning.cli.demo.POOLS", ("demo_11f",))
    quick = ("--steps", "2", "--budget.cycles", "1", "--data.pool_size", "24", "--data.test_size", "4")
    compare(Path("d"), 1, (*quick, "--data.size", "[32, 64]"))
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["demo_11f_random", "demo_11f_coreset"]
    page = Path("d/report.html").read_text()
    assert ("demo_11f" in page, "coreset" in page) == (True, True)
    with pytest.raises(ALError, match=r"demo_11f_\w+ failed with exit code 2: .*nonsense"):
        compare(Path("e"), 1, ("--data.nonsense", "1"))
