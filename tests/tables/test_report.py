"""Reports of runs, of a CSV file and of a table, through the command line."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from al_lightning.errors import UsageError
from al_lightning.results.series_csv import read_csv
from tests.support.errors import refused
from tests.support.reported_runs import text_of
from tests.support.runs import Answer
from tests.support.table_runs import CONTENT, write_run


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
    assert "only entropy reached it; 45 images (15 %); 34 images (12 %)" in costs


def intervals(text: str) -> dict[tuple[str, str], set[str]]:
    """Return, for each pair of methods in a text, what its sentences state: verdict, points, interval, and the rest."""
    found: dict[tuple[str, str], set[str]] = {}
    for match in re.finditer(
        r"(\w+) (is ahead of|is behind|against|is not distinguishable from) (\w+)[: ]([^;]*?\(95 % interval[^)]*\))",
        text,
    ):
        method, how, baseline, rest = match.groups()
        rest = rest.replace(" of accuracy", "")
        found.setdefault((method.lower(), baseline.lower()), set()).add(f"{how} {rest}")
    return found


def test_table_page_report_and_show_say_the_same_of_the_same_runs(al: Callable[..., Answer], tmp_path: Path) -> None:
    """Two columns, five seeds, one method much noisier than the others, and a single fit."""
    gains = {
        "random": (0.0, 0.0, 0.0, 0.0, 0.0),
        "entropy": (1.0, 1.4, 0.6, 1.2, 0.9),
        "coreset": (-9.0, 12.0, -3.0, 5.0, 8.0),
        "equal": (0.3, 0.5, 0.1, 0.4, 0.3),
    }
    columns, runs = {}, []
    for number, dataset in enumerate(("digits", "cifar10")):
        columns[dataset] = {**CONTENT["columns"]["digits"], "title": dataset, "dataset": dataset}
        for method, by_seed in gains.items():
            name = f"{dataset}_{method}"
            for seed, gain in enumerate(by_seed):
                points = [(0.1, 60.0 + seed), (0.2, 70 + seed + gain), (0.3, 80 + seed + gain / (number + 1))]
                runs.append(tmp_path / "runs" / name / f"seed_{seed}")
                write_run(runs[-1], name, seed, points)
        for seed in range(5):
            runs.append(tmp_path / "runs" / f"{dataset}_uniform" / f"seed_{seed}")
            write_run(runs[-1], f"{dataset}_uniform", seed, [(0.3, 82.0 + number + 1.5 * seed)])
    names = {
        "Random": "random",
        "Entropy": "entropy",
        "Coreset": "coreset",
        "EquAL": "equal",
        "Uniform": "uniform",
    }
    rows = [
        {
            "label": label,
            "acquisition": name,
            "one_fit": name == "uniform",
            "cells": {dataset: {"run": f"{dataset}_{name}"} for dataset in columns},
        }
        for label, name in names.items()
    ]
    table = tmp_path / "mine.yaml"
    table.write_text(json.dumps({**CONTENT, "seeds": 5, "columns": columns, "rows": rows}))

    assert al("reproduce", table, "--report-only", "--runs", tmp_path / "runs").code == 0
    page = text_of((tmp_path / "runs/mine.html").read_text())
    assert al("report", *runs, "--out", tmp_path / "r.html").code == 0
    report = text_of((tmp_path / "r.html").read_text())
    summary = al("report", *runs, "--format", "text").out
    shown = al("show", *runs, "--no-plot").out
    asked = [intervals(text) for text in (page, report, summary, shown)]
    # Four methods against random in each of two datasets: eight comparisons, with two sentences for a pair at most.
    assert set(asked[0]) == {(method, "random") for method in ("entropy", "coreset", "equal", "uniform")}
    assert all(len(said) == 2 for said in asked[0].values())
    assert asked[0] == asked[1] == asked[2] == asked[3]
    counted = "8 comparisons were tested here; each is corrected for all of them."
    assert all(counted in " ".join(text.split()) for text in (page, report, summary, shown))
    # The table of differences of page and report has the same numbers with one digit more.
    rows_of = [
        set(re.findall(r"\w+ − random(?:, at 300 labels)? [a-z ]+ [+−][\d.]+ ± [\d.]+ [−\d.]+ to [−\d.]+", text))
        for text in (page, report)
    ]
    assert rows_of[0] == rows_of[1]
    assert len(rows_of[0]) == 8


def test_the_title_of_a_page(al: Callable[..., Answer], runs: Path, tmp_path: Path) -> None:
    assert al("report", runs, "--out", tmp_path / "r.html", "--title", "Mine & yours").code == 0
    assert "<h1>Mine &amp; yours</h1>" in (tmp_path / "r.html").read_text()
    assert refused(al("report", runs, "--format", "text", "--title", "Mine"), UsageError, "--title")


def test_what_all_seeds_say_is_said_once(al: Callable[..., Answer], tmp_path: Path) -> None:
    for seed in range(3):
        for name, values in (("random", (60, 50, 45)), ("entropy", (60, 61, 62))):
            points = list(zip((0.1, 0.2, 0.3), values, strict=True))
            write_run(tmp_path / f"digits_{name}/seed_{seed}", f"digits_{name}", seed, points)
    text = al("report", tmp_path, "--format", "text").out
    assert text.count("random fell with more labels") == 1
    assert "not known: random fell with more labels (3 seeds)" in text
