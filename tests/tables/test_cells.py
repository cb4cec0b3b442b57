"""From journals to the words and numbers of a table: worked out by hand, letter by letter."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from al_lightning.errors import UsageError
from al_lightning.results.renderers import latex, markdown, text
from al_lightning.results.series_csv import read_csv
from al_lightning.results.summary import summary
from al_lightning.runs.journal import FORMAT, write_line
from al_lightning.tables.cells import blocks, csv_text, sheet
from al_lightning.tables.plan import plan, read_statuses
from al_lightning.tables.published import Table, table_of
from tests.support.errors import refused
from tests.support.runs import Answer, parts_of

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
    directory: Path, name: str, seed: int, points: Sequence[tuple[float, float]], chosen: bool = False
) -> None:
    """Write a journal: (budget, accuracy in percent) of each cycle."""
    run = {"name": name, "seed": seed, "settings": {"of": name}, "pool_size": 1000, "data_sha256": "d"}
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


def test_numbers_by_hand(runs: Path) -> None:
    """Heights of random: 70, 71, 72; of entropy 73, 74.25, 74.75: differences 3, 3.25, 2.75, mean 3, deviation 0.25.

    Residual mean square of two methods and three seeds: half the variance of the differences, 0.03125, two degrees of
    freedom; standard error sqrt(2 * 0.03125 / 3) = 0.1443; t(0.975, 2) = 4.3027; interval 3 +- 0.62.
    """
    (block,) = blocks(TABLE, read_statuses(TABLE, runs))
    random, entropy, coreset, full = block.lines
    assert random.status.scores == {0: 70.0, 1: 71.0, 2: 72.0}
    # (60 + 70) / 2 * 0.1 + (70 + 80) / 2 * 0.1 = 14, twice
    assert random.status.areas == pytest.approx({0: 28.0, 1: 28.4, 2: 28.8})
    assert entropy.comparison is not None
    assert entropy.comparison.mean == pytest.approx(3.0)
    assert entropy.comparison.low == pytest.approx(3 - 0.6211, abs=1e-3)
    assert random.comparison is coreset.comparison is full.comparison is None
    assert full.status.areas == pytest.approx({0: 2 * 91 * 0.2})


def test_the_text_letter_by_letter(runs: Path) -> None:
    found = blocks(TABLE, read_statuses(TABLE, runs))
    assert text(sheet(TABLE, found, ["[ok] fine."])) == (
        "A table\n\n"
        "Digits\n"
        "         accuracy at 200 labels, published           ours  difference  2 x area, published            ours  "
        "difference   seeds\n"
        "Random                               71.00   71.00 ± 1.00       +0.00         28.10 ± 0.20  28.400 ± 0.400  "
        "     +0.30  3 of 3\n"
        "Entropy                              74.50   75.00 ± 1.00       +0.50                29.00  29.600 ± 0.361  "
        "     +0.60  3 of 3\n"
        "Coreset                              73.00  2 of 3 cycles                            28.80                  "
        "            0 of 3\n"
        "100%                                 90.00          91.00       +1.00                36.00          36.400  "
        "     +0.40  1 of 3\n"
        "  Entropy is ahead of Random by 3.0 points of accuracy (95 % interval 2.4 to 3.6, 3 seeds)\n\n"
        "7 of 12 runs are finished.\n"
        "[ok] fine.\n\n"
        "Note: The areas are twice Eq. 2."
    )


def test_the_markdown_letter_by_letter(runs: Path) -> None:
    found = blocks(TABLE, read_statuses(TABLE, runs))
    assert markdown(sheet(TABLE, found)) == (
        "## A table\n\n"
        "### Digits\n\n"
        "|  | accuracy at 200 labels, published | ours | difference "
        "| 2 x area, published | ours | difference | seeds |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| Random | 71.00 | 71.00 ± 1.00 | +0.00 | 28.10 ± 0.20 | 28.400 ± 0.400 | +0.30 | 3 of 3 |\n"
        "| Entropy | 74.50 | 75.00 ± 1.00 | +0.50 | 29.00 | 29.600 ± 0.361 | +0.60 | 3 of 3 |\n"
        "| Coreset | 73.00 | 2 of 3 cycles |  | 28.80 |  |  | 0 of 3 |\n"
        "| 100% | 90.00 | 91.00 | +1.00 | 36.00 | 36.400 | +0.40 | 1 of 3 |\n\n"
        "- Entropy is ahead of Random by 3.0 points of accuracy (95 % interval 2.4 to 3.6, 3 seeds)\n\n"
        "- 7 of 12 runs are finished.\n\n"
        "- Note: The areas are twice Eq. 2.\n"
    )


def test_the_latex_letter_by_letter(runs: Path) -> None:
    found = blocks(TABLE, read_statuses(TABLE, runs))
    assert latex(sheet(TABLE, found)) == (
        "% A table\n\n"
        "\\begin{table}\n\\centering\n"
        "\\caption{A table. Digits.}\n"
        "\\begin{tabular}{lrrrrrrr}\n"
        "\\toprule\n"
        " & accuracy at 200 labels, published & ours & difference "
        "& 2 x area, published & ours & difference & seeds \\\\\n"
        "\\midrule\n"
        "Random & 71.00 & 71.00 $\\pm$ 1.00 & +0.00 & 28.10 $\\pm$ 0.20 & 28.400 $\\pm$ 0.400 & +0.30 & 3 of 3 \\\\\n"
        "Entropy & 74.50 & 75.00 $\\pm$ 1.00 & +0.50 & 29.00 & 29.600 $\\pm$ 0.361 & +0.60 & 3 of 3 \\\\\n"
        "Coreset & 73.00 & 2 of 3 cycles &  & 28.80 &  &  & 0 of 3 \\\\\n"
        "100\\% & 90.00 & 91.00 & +1.00 & 36.00 & 36.400 & +0.40 & 1 of 3 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n\n"
        "% Entropy is ahead of Random by 3.0 points of accuracy (95 % interval 2.4 to 3.6, 3 seeds)\n\n"
        "% 7 of 12 runs are finished.\n\n"
        "% Note: The areas are twice Eq. 2.\n"
    )


def test_a_single_fit_is_compared_where_it_ends(runs: Path) -> None:
    """Uniform has 83, 84, 85 % at 300 labels, random 80, 81, 82: 3 points, whatever random's curve did before."""
    row = {
        "label": "Uniform",
        "acquisition": "uniform",
        "one_fit": True,
        "cells": {"digits": {"run": "digits_uniform"}},
    }
    column = {**CONTENT["columns"]["digits"], "at": 300}
    table = table_of("mine", {**CONTENT, "columns": {"digits": column}, "rows": [row, *CONTENT["rows"]]})
    for seed, value in enumerate((83.5, 83.75, 84.75)):
        write_run(runs / "digits_uniform" / f"seed_{seed}", "digits_uniform", seed, [(0.3, value)])
    (block,) = blocks(table, read_statuses(table, runs))
    compared = {line.status.row.label: line.comparison for line in block.lines}
    assert compared["Uniform"] is not None
    assert compared["Uniform"].mean == pytest.approx(3.0)
    assert compared["Uniform"].tests == 1
    assert compared["Entropy"] is not None
    assert compared["Entropy"].mean == pytest.approx(3.0)  # over the curve, as without Uniform
    shown = text(sheet(table, [block]))
    assert "Uniform is ahead of Random by 3.0 points of accuracy at 300 labels (95 % interval" in shown
    assert block.lines[0].status.areas == {}


def test_the_csv_holds_the_numbers_in_full(runs: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(TABLE, blocks(TABLE, read_statuses(TABLE, runs))))))
    assert [row["row"] for row in rows] == ["Random", "Entropy", "Coreset", "100%"]
    entropy = rows[1]
    assert (entropy["published"], entropy["ours"], entropy["deviation"]) == ("74.5", "75", "1")
    assert (entropy["points"], entropy["verdict"], entropy["baseline"]) == ("3", "ahead", "Random")
    assert float(entropy["low"]) == pytest.approx(3 - 0.6211, abs=1e-3)
    assert rows[2]["ours"] == rows[2]["verdict"] == ""


def test_nothing_run_shows_the_published_numbers_alone(tmp_path: Path) -> None:
    shown = text(sheet(TABLE, blocks(TABLE, read_statuses(TABLE, tmp_path))))
    assert shown.count("not run") == 4
    assert "74.50" in shown
    assert "0 of 12 runs are finished." in shown
    assert "ahead" not in shown


def test_a_damaged_journal_is_a_cell_and_no_end(runs: Path) -> None:
    path = runs / "digits_entropy" / "seed_1" / "cycles.jsonl"
    path.write_text(path.read_text().replace("0.75", "0.99"))
    (block,) = blocks(TABLE, read_statuses(TABLE, runs))
    assert block.lines[1].status.problems.keys() == {1}
    assert sorted(block.lines[1].status.complete) == [0, 2]
    made = plan(TABLE, runs)
    assert [run.state for run in made.runs if run.job.name == "digits_entropy"] == [
        "complete",
        "unreadable",
        "complete",
    ]


def test_what_finished_runs_cost_estimates_the_rest(runs: Path) -> None:
    """Three fits of a minute: 120 steps of 32 images each, so an image costs 180 s / 11,520."""
    made = plan(TABLE, runs)
    assert made.measured
    states = {run.job.name: run.state for run in made.runs if run.job.seed == 0}
    assert states == {
        "digits_random": "complete",
        "digits_entropy": "complete",
        "digits_coreset": "begun",
        "digits_full": "complete",
    }
    coreset = next(run for run in made.runs if run.job.name == "digits_coreset")
    # random and entropy took 180 s for 3 fits, the fit on everything 60 s for one: the same an image
    assert coreset.hours == pytest.approx(180 / 3600)
    assert coreset.hours_left == pytest.approx(60 / 3600)


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


def test_label_cost_and_penalties(runs: Path) -> None:
    """Random ends at 81 on average with 300 labels; entropy reaches that at 200 + 100 * 7 / 10 = 270 with seed 0."""
    lines = al_text(runs)
    costs = next(line for line in lines if line.startswith("entropy") and "270" in line)
    assert "270; 255; 256" in costs
    assert "random never reached it; 45 images (15 %); 34 images (12 %)" in costs


def al_text(runs: Path) -> list[str]:
    from al_lightning.results.series import series_of_runs
    from al_lightning.runs.journal import read_run
    from al_lightning.tables.status import find_runs

    found = [read_run(path) for path in find_runs([runs])]
    return text(summary(series_of_runs(found))).splitlines()


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
