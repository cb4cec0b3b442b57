"""The numbers of a report, by hand."""

from __future__ import annotations

from dataclasses import replace
from statistics import stdev

import pytest

from al_lightning.reports.advice import advise
from al_lightning.reports.numbers import answer, datasets, signed
from al_lightning.runs.journal import CycleRecord, Run
from tests.support.reported_runs import BATCHES, CORESET, RANDOM, SIZE, a_run, comparison, data, page, text_of


def test_the_answer_is_the_paired_difference_of_mean_heights() -> None:
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
    lines = answer(dataset)
    assert lines == [
        "coreset is ahead of random by 3.5 points (95 % interval 1.0 to 6.0, 3 seeds).",
        "entropy against random: cannot tell with 3 seeds: 0.0 points (95 % interval -2.0 to 2.0).",
    ]
    text = text_of(page(comparison(), data, "t"))
    assert " ".join(lines) in text
    assert "Intervals of fewer than 5 seeds assume equal noise of all methods." in text


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
    assert answer(alone)[0].startswith("coreset_uda is ahead of random_uda by ")


def test_few_seeds_show_nothing_certain() -> None:
    one, two = (datasets(comparison(seeds))[0] for seeds in ((0,), (0, 1)))
    assert answer(one) == ["One seed shows nothing certain: no verdict on coreset and entropy."]
    assert [line.count("cannot tell with 2 seeds") for line in answer(two)] == [1, 1]
    assert not any(pair.shows for pair in two.against_baseline())
    text = text_of(page(comparison([0]), data, "t"))
    assert "strategies difference seeds entropy − random +1.00 1 coreset − random +3.00 1" in text
    assert "±" not in text.partition("What each strategy chose")[0]


def test_without_random_nothing_is_compared() -> None:
    (dataset,) = datasets([run for run in comparison() if "random" not in run.record.name])
    assert "no run of random" in answer(dataset)[0]
    assert advise(dataset, None)[0].commands == tuple(
        f"al-lightning fit --config street_random --seed {seed}" for seed in range(3)
    )


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
    text = text_of(page([*comparison(), whole], data, "t"))
    assert "30 % 6 labels 100 % 24 labels area" in text
    assert "full 70.00 1" in text
