"""From journals to the words and numbers of a table: worked out by hand, letter by letter."""

import csv
import io
import shutil
from pathlib import Path

import pytest

from al_lightning.results.renderers import latex, markdown, text
from al_lightning.results.series import DROPOUT
from al_lightning.tables.cells import blocks, csv_text, sheet
from al_lightning.tables.plan import plan, read_statuses
from al_lightning.tables.published import table_of
from tests.support.table_runs import CONTENT, TABLE, write_run


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
        "         accuracy at 200 labels, published           ours  difference  of 100 %  2 x area, published  "
        "          ours  difference   seeds\n"
        "Random                               71.00   71.00 ± 1.00       +0.00    78.0 %         28.10 ± 0.20  "
        "28.400 ± 0.400       +0.30  3 of 3\n"
        "Entropy                              74.50   75.00 ± 1.00       +0.50    82.4 %                29.00  "
        "29.600 ± 0.361       +0.60  3 of 3\n"
        "Coreset                              73.00  2 of 3 cycles                                      28.80  "
        "                            0 of 3\n"
        "  Entropy is ahead of Random by 3.0 points of accuracy (95 % interval 2.4 to 3.6, 3 seeds)\n\n"
        "Digits, all labels\n"
        "      accuracy at 1,000 labels, published   ours  difference  2 x area, published    ours  difference   seeds"
        "\n"
        "100%                                90.00  91.00       +1.00                36.00  36.400       +0.40  1 of 3"
        "\n\n"
        "7 of 12 runs are finished.\n"
        "[ok] fine.\n\n"
        "Note: The areas are twice Eq. 2."
    )


def test_the_markdown_letter_by_letter(runs: Path) -> None:
    found = blocks(TABLE, read_statuses(TABLE, runs))
    assert markdown(sheet(TABLE, found)) == (
        "## A table\n\n"
        "### Digits\n\n"
        "|  | accuracy at 200 labels, published | ours | difference | of 100 % "
        "| 2 x area, published | ours | difference | seeds |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| Random | 71.00 | 71.00 ± 1.00 | +0.00 | 78.0 % | 28.10 ± 0.20 | 28.400 ± 0.400 | +0.30 | 3 of 3 |\n"
        "| Entropy | 74.50 | 75.00 ± 1.00 | +0.50 | 82.4 % | 29.00 | 29.600 ± 0.361 | +0.60 | 3 of 3 |\n"
        "| Coreset | 73.00 | 2 of 3 cycles |  |  | 28.80 |  |  | 0 of 3 |\n"
        "\n- Entropy is ahead of Random by 3.0 points of accuracy (95 % interval 2.4 to 3.6, 3 seeds)\n\n"
        "### Digits, all labels\n\n"
        "|  | accuracy at 1,000 labels, published | ours | difference | 2 x area, published | ours | difference | "
        "seeds |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| 100% | 90.00 | 91.00 | +1.00 | 36.00 | 36.400 | +0.40 | 1 of 3 |\n\n"
        "- 7 of 12 runs are finished.\n\n"
        "- Note: The areas are twice Eq. 2.\n"
    )


def test_the_latex_letter_by_letter(runs: Path) -> None:
    found = blocks(TABLE, read_statuses(TABLE, runs))
    assert latex(sheet(TABLE, found)) == (
        "% A table\n\n"
        "\\begin{table}\n\\centering\n"
        "\\caption{A table. Digits.}\n"
        "\\begin{tabular}{lrrrrrrrr}\n"
        "\\toprule\n"
        " & accuracy at 200 labels, published & ours & difference & of 100 \\% "
        "& 2 x area, published & ours & difference & seeds \\\\\n"
        "\\midrule\n"
        "Random & 71.00 & 71.00 $\\pm$ 1.00 & +0.00 & 78.0 \\% & 28.10 $\\pm$ 0.20 & 28.400 $\\pm$ 0.400 & +0.30 & "
        "3 of 3 \\\\\n"
        "Entropy & 74.50 & 75.00 $\\pm$ 1.00 & +0.50 & 82.4 \\% & 29.00 & 29.600 $\\pm$ 0.361 & +0.60 & 3 of 3 \\\\\n"
        "Coreset & 73.00 & 2 of 3 cycles &  &  & 28.80 &  &  & 0 of 3 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n\n"
        "% Entropy is ahead of Random by 3.0 points of accuracy (95 % interval 2.4 to 3.6, 3 seeds)\n\n"
        "\\begin{table}\n\\centering\n"
        "\\caption{A table. Digits, all labels.}\n"
        "\\begin{tabular}{lrrrrrrr}\n"
        "\\toprule\n"
        " & accuracy at 1,000 labels, published & ours & difference & 2 x area, published & ours & difference & seeds "
        "\\\\\n"
        "\\midrule\n"
        "100\\% & 90.00 & 91.00 & +1.00 & 36.00 & 36.400 & +0.40 & 1 of 3 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n\n"
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
    assert compared["Uniform"].tests == 2  # corrected together with Entropy
    assert compared["Entropy"] is not None
    assert compared["Entropy"].mean == pytest.approx(3.0)  # over the curve, as without Uniform
    shown = text(sheet(table, [block]))
    assert "Uniform is ahead of Random by 3.0 points of accuracy at 300 labels (95 % interval" in shown
    assert block.lines[0].status.areas == {}


def test_rows_whose_network_has_dropout_are_held_against_such_rows_alone(tmp_path: Path) -> None:
    """BALD 80, 81, 82 against Coreset-MCD 78, 79.25, 79.75; each also as a share of 100%-MCD, which has 90."""
    names = {
        "BALD": ("bald", "bald", (80, 81, 82)),
        "Coreset-MCD": ("coreset", "coreset_mcd", (78, 79.25, 79.75)),
        "Random": ("random", "random", (60,) * 3),
    }
    rows = [
        {
            "label": label,
            "acquisition": name,
            "mc_dropout": label != "Random",
            "cells": {"digits": {"run": f"digits_{run}"}},
        }
        for label, (name, run, _) in names.items()
    ]
    whole = [
        {"label": label, "acquisition": "full", "one_fit": True, "mc_dropout": label != "100%",
         "cells": {"digits": {"run": f"digits_{label}"}}}
        for label in ("100%", "100%-MCD")
    ]  # fmt: skip
    table = table_of("mine", {**CONTENT, "rows": [*rows, *whole]})
    for _, run, values in names.values():
        for seed, value in enumerate(values):
            points = [(0.1, value), (0.2, value), (0.3, value)]
            settings = {DROPOUT: 0.0 if run == "random" else 0.3}
            write_run(tmp_path / f"digits_{run}" / f"seed_{seed}", f"digits_{run}", seed, points, settings=settings)
    write_run(tmp_path / "digits_100%" / "seed_0", "digits_100%", 0, [(1.0, 99)])
    write_run(tmp_path / "digits_100%-MCD" / "seed_0", "digits_100%-MCD", 0, [(1.0, 90)])
    (block,) = blocks(table, read_statuses(table, tmp_path))
    bald, coreset, random, *_ = block.lines
    assert bald.comparison is not None
    assert bald.comparison.baseline == "Coreset-MCD"
    assert bald.comparison.mean == pytest.approx(2.0)
    assert coreset.comparison is random.comparison is None
    assert [line.everything for line in block.lines] == [90, 90, 99, None, None]
    shown = text(sheet(table, [block]))
    assert "BALD is ahead of Coreset-MCD by 2.0 points" in shown
    assert "of Random" not in shown
    assert "90.0 %" in shown  # 81 of 90


def test_a_run_that_goes_on_counts_up_to_the_columns_last_budget(tmp_path: Path) -> None:
    """Random ends at 300 labels in this table; the runs have 400: (60 + 70) / 2 and (70 + 80) / 2 are the area."""
    write_run(tmp_path / "digits_random" / "seed_0", "digits_random", 0, [(0.1, 60), (0.2, 70), (0.3, 80), (0.4, 99)])
    (block,) = blocks(TABLE, read_statuses(TABLE, tmp_path))
    status = block.lines[0].status
    assert status.complete.keys() == {0}
    assert status.areas == pytest.approx({0: 28.0})
    assert status.series.budgets == pytest.approx((0.1, 0.2, 0.3))


def test_a_run_that_went_on_is_compared_as_far_as_the_column_reaches(runs: Path) -> None:
    shutil.rmtree(runs / "digits_entropy")
    points = [(0.1, 60.0), (0.2, 74.0), (0.3, 84.0), (0.4, 10.0)]
    for seed in range(3):
        longer = [(budget, value + seed * (1 + budget)) for budget, value in points]
        write_run(runs / "digits_entropy" / f"seed_{seed}", "digits_entropy", seed, longer)
    (block,) = blocks(TABLE, read_statuses(TABLE, runs))
    comparison = block.lines[1].comparison
    assert comparison is not None
    # Heights up to 300 labels are 73 + 1.2 seed; of random 70, 71, 72.
    assert [value for _, value in comparison.by_seed] == pytest.approx([3.0, 3.2, 3.4])


def test_the_csv_holds_the_numbers_in_full(runs: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(TABLE, blocks(TABLE, read_statuses(TABLE, runs))))))
    assert [row["row"] for row in rows] == ["Random", "Entropy", "Coreset", "100%"]
    entropy = rows[1]
    assert (entropy["published"], entropy["ours"], entropy["deviation"]) == ("74.5", "75", "1")
    assert (entropy["points"], entropy["verdict"], entropy["baseline"]) == ("3", "ahead", "Random")
    assert float(entropy["low"]) == pytest.approx(3 - 0.6211, abs=1e-3)
    assert rows[2]["ours"] == rows[2]["verdict"] == ""
    assert [row["budget"] for row in rows] == ["0.2", "0.2", "0.2", "1"]


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
