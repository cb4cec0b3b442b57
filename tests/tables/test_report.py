"""Reports of runs, of a CSV file and of a table, through the command line."""

import json
from collections.abc import Callable
from pathlib import Path

from al_lightning.errors import UsageError
from al_lightning.results.series_csv import read_csv
from tests.support.errors import refused
from tests.support.runs import Answer
from tests.support.table_runs import CONTENT


def test_runs_side_by_side_from_journals_and_from_csv_say_the_same(al: Callable[..., Answer], runs: Path) -> None:
    answer = al("report", runs, "--format", "text")
    assert answer.code == 0
    assert "entropy is ahead of random by 3.0 points of accuracy (95 % interval 2.4 to 3.6, 3 seeds)" in answer.out
    assert "random   60.00" in answer.out.replace("61.00 ± 1.00", "60.00")
    assert "[!]" in answer.out  # core-set is not finished
    exported = runs / "all.csv"
    assert al("report", runs, "--out", exported).code == 0
    assert {one.label for one in read_csv(exported)} == {"random", "entropy", "coreset", "full"}
    again = al("report", exported, "--format", "text")
    sentence = "entropy is ahead of random by 3.0 points of metric (95 % interval 2.4 to 3.6, 3 seeds)"
    assert sentence in again.out
    assert "[ok]" not in again.out  # a CSV file does not say how it was made


def test_a_csv_file_that_is_not_there(al: Callable[..., Answer], tmp_path: Path) -> None:
    answer = al("report", tmp_path / "numbers.csv", "--format", "text")
    assert refused(answer, UsageError, tmp_path / "numbers.csv")


def test_the_table_from_the_command_line(al: Callable[..., Answer], runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(CONTENT))
    answer = al("report", runs, "--table", path, "--format", "markdown")
    assert answer.code == 0
    assert "| Entropy | 74.50 | 75.00 ± 1.00 |" in answer.out
    answer = al("reproduce", path, "--report-only", "--runs", runs)
    assert answer.code == 0
    assert (runs / "mine.tex").is_file()
    page = (runs / "mine.html").read_text()
    assert "Entropy is ahead of Random by 3.0 points" in page
    assert "<script" not in page
    assert "What the paper leaves open" in page
    assert "mean over pixels; code rescales" in page
    answer = al("report", runs, "--table", "table99")
    assert refused(answer, UsageError, "'table99'")
    answer = al("report", tmp_path / "nothing")
    assert refused(answer, UsageError, tmp_path / "nothing")


def test_label_cost_and_penalties(al: Callable[..., Answer], runs: Path) -> None:
    """Random ends at 81 on average with 300 labels; entropy reaches that at 200 + 100 * 7 / 10 = 270 with seed 0."""
    lines = al("report", runs, "--format", "text").out.splitlines()
    costs = next(line for line in lines if line.startswith("entropy") and "270" in line)
    assert "270; 255; 256" in costs
    assert "random never reached it; 45 images (15 %); 34 images (12 %)" in costs
