"""The report: its numbers against ones worked out by hand, and a page that loads nothing and breaks on no name."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest

from al_lightning.data.dataset import PoolDataset
from al_lightning.drawing import colour, palette, sheet, shrink
from al_lightning.errors import DatasetError, UsageError
from al_lightning.inspect.counts import class_counts, repeats
from al_lightning.pool import Pool
from al_lightning.reports.advice import advise
from al_lightning.reports.chart import nice_ticks
from al_lightning.reports.findings import Findings, gather
from al_lightning.reports.numbers import datasets, headline, signed
from al_lightning.reports.page import page, write_report
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from tests.support.reported_runs import (
    BATCHES,
    CORESET,
    ENTROPY,
    RANDOM,
    SIZE,
    Balance,
    Data,
    Drawn,
    a_run,
    comparison,
    data,
    text_of,
)

# Ahead of random by 0, 4, 4 points; by 0, 5, 5; by 0, 6, 3 at the three budgets.


# Numbers


def test_the_headline_is_the_paired_difference_of_mean_heights() -> None:
    (dataset,) = datasets(comparison())
    coreset, entropy = (next(p for p in dataset.against_baseline() if p.method == m) for m in ("coreset", "entropy"))
    # Mean height over budgets of equal width: (first + 2 x middle + last) / 4.
    assert coreset.values == pytest.approx([(8 + 4) / 4, (10 + 5) / 4, (12 + 3) / 4])
    assert coreset.mean == pytest.approx(3.5)
    assert signed(coreset) == f"+3.50 ± {stdev([3, 3.75, 3.75]):.2f}"
    # Variances of the differences: 0.1875 and 1.75, and 2.6875 of coreset - entropy; their mean is that of any pair.
    error = ((0.1875 + 1.75 + 2.6875) / 3 / 3) ** 0.5
    half = 3.4954 * error  # Student's t with (3 - 1) x (3 - 1) degrees of freedom at 1 - 0.025 / 2: the first of two
    assert (coreset.low, coreset.high) == pytest.approx((3.5 - half, 3.5 + half), abs=1e-4)
    assert coreset.shows
    assert entropy.values == pytest.approx([1, -1.5, 0.5])
    assert not entropy.shows
    assert headline(dataset) == (
        "On street, coreset is ahead of random by 3.50 points (95 % interval 0.99 to 6.01, 3 seeds); entropy against "
        "random: cannot tell with 3 seeds: 0.00 points (95 % interval -1.99 to 1.99); only a difference of 3.29 points "
        "or more would have shown."
    )
    assert headline(dataset) in text_of(page(comparison(), data, "t"))


def test_the_table_has_means_deviations_area_and_height() -> None:
    text = text_of(page(comparison(), data, "t"))
    heights = [(values[0] + 2 * values[1] + values[2]) / 4 for values in CORESET.values()]
    areas = [0.2 * height for height in heights]
    row = "coreset 40.00 ± 2.00 54.33 ± 0.58 64.00 ± 1.00 {:.3f} ± {:.3f} {:.2f} ± {:.2f} 3"
    assert row.format(fmean(areas), stdev(areas), fmean(heights), stdev(heights)) in text
    assert "mIoU in %, mean ± standard deviation over seeds" in text
    assert "coreset − random ahead +3.50 ± 0.43 0.99 to 6.01 3.29 3" in text
    assert "entropy − random cannot tell +0.00 ± 1.32 −1.99 to 1.99 3.29 3" in text
    # One comparison between strategies: Student's t at 1 - 0.05 / 2 is 2.7764.
    assert "coreset − entropy ahead +3.50 ± 1.64 1.51 to 5.49 2.70 3" in text


def test_semi_supervised_strategies_are_compared_with_random_of_their_training() -> None:
    runs = [
        a_run(f"street_{name}", seed, RANDOM[seed], BATCHES) for name in ("random", "random_uda") for seed in RANDOM
    ]
    runs += [
        a_run(f"street_{name}", seed, CORESET[seed], BATCHES) for name in ("coreset", "coreset_uda") for seed in CORESET
    ]
    (dataset,) = datasets(runs)
    assert [(pair.method, pair.baseline) for pair in dataset.against_baseline()] == [
        ("random_uda", "random"),
        ("coreset", "random"),
        ("coreset_uda", "random_uda"),
    ]
    (alone,) = datasets([run for run in runs if run.record.name.endswith("_uda")])
    assert alone.baseline is not None
    assert alone.baseline.label == "random_uda"
    assert headline(alone).startswith("On street, coreset_uda is ahead of random_uda by ")


def test_label_costs_and_classes_are_folded_away() -> None:
    text = text_of(page(comparison(), data, "t"))
    assert "street: Labels, seed by seed, to be as good as the baseline is in the end" in text
    assert "Class by class: points ahead of the baseline at the last common budget" in text
    assert "Pairwise penalties" not in text  # of a single setting they say nothing new


def test_a_strategy_that_lies_behind_is_said_to() -> None:
    behind = [a_run("street_entropy", seed, [v - 5 for v in RANDOM[seed]], BATCHES) for seed in RANDOM]  # to the digit
    runs = [run for run in comparison() if "entropy" not in run.record.name]
    (dataset,) = datasets([*runs, *behind])
    assert "entropy is behind random by 5.00 points (95 % interval -" in headline(dataset)
    assert any("entropy is not worth it" in one.text for one in advise(dataset, None))


def test_few_seeds_show_nothing_certain() -> None:
    one, two = (datasets(comparison(seeds))[0] for seeds in ((0,), (0, 1)))
    assert headline(one) == (
        "On street, coreset measured 3.00 points above random (one seed); entropy measured 1.00 points above random "
        "(one seed). One seed shows nothing certain."
    )
    assert headline(two).count("cannot tell with 2 seeds") == 2
    assert not any(pair.shows for pair in two.differences())
    assert "coreset − random too few seeds +3.00 – – 1" in text_of(page(comparison([0]), data, "t"))


def test_the_rule_says_how_often_it_errs() -> None:
    text = text_of(page(comparison(), data, "t"))
    assert "at most 5 % of such sets of comparisons claim any" in text
    assert "corrected after Holm" in text
    assert "2 comparisons with random are made here" in text


def test_a_copy_of_the_baseline_is_not_distinguishable_and_a_shift_without_noise_is_no_claim() -> None:
    random = [run for run in comparison() if "random" in run.record.name]
    same = [a_run("street_same", seed, RANDOM[seed], BATCHES) for seed in RANDOM]
    shifted = [a_run("street_shifted", seed, [v + 5 for v in RANDOM[seed]], BATCHES) for seed in RANDOM]
    (dataset,) = datasets([*random, *same, *shifted])
    assert "same is not distinguishable from random: equal at each of 3 seeds" in headline(dataset)
    assert "shifted against random: cannot tell with 3 seeds: 5.00 points at each of them" in headline(dataset)
    texts = " ".join(piece.text for piece in advise(dataset, None))
    assert "same is not distinguishable from random here" in texts
    assert "shifted against random is +5.00 ± 0.00 points over 3 seeds, which gives no measure of chance" in texts


def test_without_random_nothing_is_compared() -> None:
    (dataset,) = datasets([run for run in comparison() if "random" not in run.record.name])
    assert "no run of random" in headline(dataset)
    assert advise(dataset, None)[0].commands == ("al-lightning fit --config street_random --seed 0",)


def test_other_settings_and_other_data_are_no_seeds_of_a_run() -> None:
    runs = comparison([0])
    other = a_run("street_random", 1, (1, 2, 3), BATCHES)
    wide = Run(other.directory, replace(other.record, settings={"of": "wide"}), [0, 12], other.cycles)
    (dataset,) = datasets([*runs, wide, runs[0]])
    short = wide.record.config_sha256[:6]
    assert [method.label for method in dataset.methods] == [
        "random",
        "entropy",
        "coreset",
        f"random ({short})",
    ]
    assert len(dataset.notes) == 2
    elsewhere = Run(other.directory, replace(other.record, data_sha256="9876543210"), [0, 12], other.cycles)
    assert [dataset.name for dataset in datasets([*runs, elsewhere])] == [
        "street (miou)", "street (miou, data 987654)",
    ]  # fmt: skip


def test_a_run_on_all_labels_is_a_line_to_compare_with() -> None:
    full = a_run("street_full", 0, (70,), [[]])
    whole = Run(full.directory, full.record, [0, 12], (CycleRecord(0, 1.0, SIZE, {"miou": 0.7}, []),))
    (dataset,) = datasets([*comparison(), whole])
    assert [method.label for method in dataset.references] == ["full"]
    assert dataset.budgets == pytest.approx((0.1, 0.2, 0.3))
    assert "full 70.00 at 100 %" in text_of(page([*comparison(), whole], data, "t"))


def test_ticks_are_round_and_reach_around() -> None:
    assert nice_ticks(31.2, 38.7) == [30, 32, 34, 36, 38, 40]
    assert nice_ticks(50, 50)[0] <= 50 <= nice_ticks(50, 50)[-1]


# What was chosen


def test_near_duplicates_by_hand() -> None:
    images, pool = Drawn(True, "f"), Data().pool().label([0, 12])
    # 1 is next to 0; 18 is six frames from 12, so new; 20 is two from 18 of this batch; 11 is far from 0, next scene's.
    assert repeats(images, pool, [1, 18, 20, 11]) == [True, False, True, False]
    # 5 is like 0, and 10 like 5, which says nothing new itself.
    assert repeats(images, pool, [5, 10]) == [True, False]
    assert repeats(images, pool, []) == []


def test_equal_pixels_are_near_duplicates_even_where_there_is_nothing_to_see() -> None:
    images, pool = Drawn(True, "f"), Pool(SIZE, (0,))
    images.pixels[:] = np.arange(SIZE, dtype=np.uint8)[:, None, None, None]
    images.pixels[1] = 0
    assert repeats(images, pool, [2, 1, 3]) == [False, True, False]


def test_classes_by_hand() -> None:
    # 15 rows of 24 pixels without the void one; 12 of each are class 1; class 2 is one pixel of what would be class 0.
    assert class_counts(Drawn(True, "f"), [3, 3], 3).tolist() == [2 * 179, 2 * 180, 2]
    assert class_counts(Drawn(False, "f"), [0, 1, 3, 4, 5], 3).tolist() == [2, 2, 1]


def test_findings_by_hand() -> None:
    (dataset,) = datasets(comparison())
    findings = gather(dataset, {"street_random": Data()})
    assert isinstance(findings, Findings)
    first, second = findings.batches["coreset"][0]
    assert (first.chosen, first.repeats, first.scenes, first.labelled) == ((1, 18), (True, False), 2, 2)
    assert (second.chosen, second.repeats) == ((7, 23), (False, True))  # 7 is six from 1; 23 is five from 18
    assert findings.share().tolist() == pytest.approx([179 / 360, 180 / 360, 1 / 360])
    assert findings.rare.tolist() == [False, False, True]
    assert findings.rare_ratio("coreset") == pytest.approx(1)
    text = text_of(page(comparison(), data, "t"))
    assert "coreset 2.0 ± 0.0 50 ± 0 % 50 ± 0 % ×1.00" in text
    assert "First batch of seed 0, in the order of choosing, after a fit on 2 labels: 2 frames from 2 scenes, " in text
    assert "An image counts as a near-duplicate if" in text
    assert "at 16 x 16 pixels in grey" in text


def test_classes_of_whole_images_are_named() -> None:
    text = text_of(page(comparison([0]), lambda run: Data(per_pixel=False), "t"))
    assert "f18 (ground)" in text
    assert "share of images" in text


def test_a_large_batch_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("al_lightning.reports.findings.SHOWN", 1)
    monkeypatch.setattr("al_lightning.reports.page.SHOWN", 1)
    html = page(comparison([0]), data, "t")
    assert html.count("and 1 more.") == 3 * 2
    assert "f18" not in html


def test_pools_without_a_time_order_have_no_scenes() -> None:
    class Loose(Data):
        def pool(self) -> Pool:
            return Pool(SIZE)

    text = text_of(page(comparison([0]), lambda run: Loose(), "t"))
    assert "2 images, 1 of them near-duplicates (50 %)." in text
    assert "scenes behind" not in text


# The page


def test_the_file_is_whole_deterministic_and_loads_nothing(tmp_path: Path) -> None:
    paths = [write_report(tmp_path / name, comparison(), data, "Street") for name in ("a.html", "b.html")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    html = paths[0].read_text()
    assert "http://" not in html
    assert "https://" not in html
    assert "<script" not in html
    assert all(found.startswith("data:image/") for found in re.findall(r"url\(([^)]{12})", html))
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
    def gone(run: Run) -> PoolDataset:
        raise DatasetError("There is no <folder>.")

    html = page(comparison(), gone, "t")
    assert "There is no &lt;folder&gt;." in html
    assert "coreset is ahead of random by 3.50" in html
    assert "data:image" not in html
    assert "No data were given for street_random" in page(comparison(), {}, "t")
    smaller = RunRecord("street_random", 0, {"of": "s"}, SIZE + 1)
    assert "other images" in page([Run(Path("r"), smaller, [0, 12], comparison([0])[0].cycles)], data, "t")


def test_unfinished_runs_are_shown_as_far_as_they_are() -> None:
    runs = comparison()
    runs[3] = a_run("street_entropy", 0, ENTROPY[0][:2], BATCHES, finished=False)
    runs[4] = a_run("street_entropy", 1, (), BATCHES, finished=False)
    text = text_of(page(runs, data, "t"))
    assert "shown up to the last finished cycle: street_entropy, seed 0; street_entropy, seed 1." in text
    assert "entropy measured 0.50 points above random (one seed)" in text  # seed 2 alone is whole
    assert "50.50 ± 2.12 (2 of 3)" in text  # 52 and 49 at the second budget
    assert "al-lightning fit --config street_entropy --seed 1" in text
    nothing = page([a_run("street_random", 0, (), BATCHES, finished=False)], data, "t")
    assert "No batch yet" in nothing
    with pytest.raises(UsageError, match="at least one"):
        write_report(Path("never.html"), [], data)


def test_advice_follows_from_the_numbers() -> None:
    (one,) = datasets(comparison([0]))
    first = advise(one, None)[0]
    assert "One seed cannot tell a difference from luck" in first.text
    assert first.commands[0] == "al-lightning fit --config street_random --seed 1"
    assert len(first.commands) == 2 * 3
    (three,) = datasets(comparison())
    texts = " ".join(piece.text for piece in advise(three, None))
    assert "entropy against random is +0.00 ± 1.32 points over 3 seeds, within chance" in texts
    assert "even 30 seeds would not show it" in texts
    assert "Ahead of random here: coreset." in texts
    assert "brought random 10.7 points" in texts  # 10, 8 and 14 points


def test_a_batch_from_few_scenes_is_pointed_out() -> None:
    runs = [
        a_run("street_random", 0, RANDOM[0], [[1, 18], [7, 23]]),
        a_run("street_entropy", 0, ENTROPY[0], [[1, 2], [3, 4]]),
    ]
    (dataset,) = datasets(runs)
    findings = gather(dataset, data)
    assert isinstance(findings, Findings)
    (piece,) = (one for one in advise(dataset, findings) if "entropy's first batch" in one.text)
    assert piece.text.startswith(
        "100 % of entropy's first batch are near-duplicates; it comes from 1 scene (random's from 2)"
    )
    assert ": +1.00 points against random (too few seeds)" in piece.text
    assert piece.commands == ("al-lightning fit --config street_coreset --seed 0",)


# Pictures


@pytest.mark.parametrize("classes", [1, 10, 21, 254])
def test_classes_have_colours_of_their_own(classes: int) -> None:
    colours = palette(classes)
    assert colours.shape == (classes, 3)
    assert colours.dtype == np.uint8
    assert len(np.unique(colours, axis=0)) == classes
    assert colours.sum(axis=1).min() > 0
    label = np.array([[0, classes - 1, 255]], np.uint8)
    assert np.array_equal(colour(label, colours)[0], [colours[0], colours[-1], [0, 0, 0]])


def test_pictures_shrink_and_come_in_sheets() -> None:
    image = np.full((20, 40, 3), 77, np.uint8)
    assert shrink(image, 10).shape == (10, 20, 3)
    assert (shrink(image, 10) == 77).all()
    assert shrink(image, 30) is image
    plain, named = sheet([image] * 3, 2), sheet([image, shrink(image, 10)], 2, ["one", "a name that is too long"])
    assert plain.shape == (2 * 23 + 3, 2 * 43 + 3, 3)
    assert named.shape == (20 + 14 + 6, 2 * 43 + 3, 3)
    assert (plain[3:23, 3:43] == 77).all()
    with pytest.raises(ValueError, match="captions"):
        sheet([image], 1, [])
