"""The page of a report: it loads nothing and breaks on no name."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

from al_lightning.errors import UsageError
from al_lightning.reports.page import write_report
from al_lightning.results.series import series_of_runs
from al_lightning.results.text_table import comparison_table
from al_lightning.runs.journal import Run, RunRecord
from tests.support.errors import raises
from tests.support.reported_runs import (
    BATCHES,
    CORESET,
    ENTROPY,
    RANDOM,
    SIZE,
    Balance,
    Data,
    a_run,
    comparison,
    data,
    no_data,
    page,
    text_of,
)


def test_the_table_has_means_deviations_area_and_height() -> None:
    text = text_of(page(comparison(), data, "t"))
    heights = [(values[0] + 2 * values[1] + values[2]) / 4 for values in CORESET.values()]
    areas = [0.2 * height for height in heights]
    row = "coreset 40.00 ± 2.00 54.33 ± 0.58 64.00 ± 1.00 {:.3f} ± {:.3f} {:.2f} ± {:.2f} 3"
    assert row.format(fmean(areas), stdev(areas), fmean(heights), stdev(heights)) in text
    assert "mIoU in %, mean ± standard deviation over seeds" in text
    assert "coreset − random ahead +3.50 ± 0.43 0.99 to 6.01 3.29 3" in text
    assert "entropy − random cannot tell +0.00 ± 1.32 −1.99 to 1.99 3.29 3" in text
    # Differences of 2, 5.25 and 3.25 between two strategies describe: the question is whether choosing helps.
    assert "coreset − entropy not tested +3.50 ± 1.64 – – 3" in text


def test_label_costs_and_classes_are_folded_away() -> None:
    text = text_of(page(comparison(), data, "t"))
    assert "street: Labels, seed by seed, to be as good as the baseline is in the end" in text
    assert "Class by class: iou in % at 30 %, mean ± standard deviation over seeds class random entropy" in text
    assert "ground 50.0 ± 0.0 50.0 ± 0.0 50.0 ± 0.0" in text
    assert "Pairwise penalties" not in text  # of a single setting they say nothing new


def test_the_rule_says_how_often_it_errs() -> None:
    text = text_of(page(comparison(), data, "t"))
    assert "at most 5 % of such sets of comparisons claim any" in text
    assert "corrected after Holm" in text
    assert "2 comparisons were tested here; each is corrected for all of them." in text


def test_the_file_is_whole_deterministic_and_loads_nothing(tmp_path: Path) -> None:
    paths = [write_report(tmp_path / name, comparison(), data, "Street") for name in ("a.html", "b.html")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    html = paths[0].read_text()
    assert "http://" not in html
    assert "https://" not in html
    assert "<script" not in html
    assert all(found.startswith(("data:image/", "#")) for found in re.findall(r"url\(([^)]+)", html))
    assert re.findall(r"url\(", html)
    assert all(found.startswith("#") for found in re.findall(r'href="([^"]*)"', html))
    assert not re.findall(r"\bsrc=|@import", html)
    assert 'name="viewport"' in html
    assert "prefers-color-scheme: dark" in html
    assert "/somewhere" not in html
    parser = Balance()
    parser.feed(html)
    assert parser.open == []


def test_names_are_escaped() -> None:
    runs = [a_run('<i>&"_random', 0, RANDOM[0], BATCHES), a_run('<i>&"_<b>', 0, CORESET[0], BATCHES)]
    html = page(runs, lambda run: Data(names=("<u>", "a&b", "'c'"), name='sub/"<s>'), "<em>")
    for bad in ("<i>&", "<b>:", "<u>", "a&b", "<s>", "<em>0"):
        assert bad not in html
    assert "&lt;u&gt;" in html
    assert "<title>&lt;em&gt;</title>" in html
    parser = Balance()
    parser.feed(html)


def test_missing_data_leave_a_note_and_the_numbers() -> None:
    html = page(comparison(), no_data, "t")
    assert "There is no &lt;folder&gt;." in html
    assert "coreset is ahead of random by 3.5 points" in html
    assert "data:image" not in html
    smaller = RunRecord("street_random", 0, {"of": "s"}, SIZE + 1)
    assert "other images" in page([Run(Path("r"), smaller, [0, 12], comparison([0])[0].cycles)], data, "t")


def test_unfinished_runs_are_shown_as_far_as_they_are() -> None:
    runs = comparison()
    runs[3] = a_run("street_entropy", 0, ENTROPY[0][:2], BATCHES, finished=False)
    runs[4] = a_run("street_entropy", 1, (), BATCHES, finished=False)
    text = text_of(page(runs, data, "t"))
    assert "shown up to the last finished cycle: street_entropy, seed 0; street_entropy, seed 1." in text
    assert "entropy measured 0.5 points above random (one seed)" in text  # seed 2 alone is whole
    assert "50.50 ± 2.12 (2 of 3)" in text  # 52 and 49 at the second budget
    assert "al-lightning fit --config street_entropy --seed 1" in text
    people = replace(runs[4], record=replace(runs[4].record, oracle="al_lightning.oracle.Files"))
    asked = text_of(page([people], data, "t"))
    assert f"al-lightning labels status {people.directory}" in asked
    assert "al-lightning fit --config street_entropy --seed 1" not in asked.split("How it was made")[0]
    nothing = page([a_run("street_random", 0, (), BATCHES, finished=False)], data, "t")
    assert "Nothing has been chosen yet" in nothing
    with raises(UsageError, "at least one run directory"):
        write_report(Path("never.html"), [], data, "t")


def test_the_page_begins_with_its_name_then_answer_curves_tables_and_method() -> None:
    html = page(comparison(), data, "")
    assert "<h1>street</h1>" in html
    assert '<h2 class="of">' not in html  # the only dataset is the page's name
    marks = ("<h1>", "coreset is ahead of random", '<svg class="chart"', "mIoU in %, mean", "What each strategy chose")
    places = [html.index(mark) for mark in (*marks, 'id="next"', 'id="made"')]
    assert places == sorted(places)
    before = html[: html.index("corrected after Holm")]
    assert before.count("<details") == before.count("</details>") + 1
    called = page(comparison(), data, "My streets")
    assert "<h1>My streets</h1>" in called
    assert '<h2 class="of">street</h2>' in called


def test_budgets_given_in_images_are_printed_in_images() -> None:
    runs = comparison()
    settings = [{**run.record.settings, "budget.unit": "images"} for run in runs]
    counted = [replace(r, record=replace(r.record, settings=s)) for r, s in zip(runs, settings, strict=True)]
    assert "labelled 2 labels 4 labels 6 labels area" in text_of(page(counted, data, "t"))
    assert "labelled 10 % 2 labels 20 % 4 labels" in text_of(page(runs, data, "t"))
    assert "6 labels" in comparison_table(series_of_runs(counted))
