"""Why a strategy chose what it chose, as the page shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from al_lightning.inspect.embedding_map import Scores
from al_lightning.reports.choices import digits, repetition, score_axis
from al_lightning.reports.findings import Findings, gather
from al_lightning.reports.numbers import datasets
from tests.support.reported_runs import BATCHES, a_run, comparison, data, no_data, page, text_of
from tests.support.seen import seen_by


def test_the_axis_by_hand() -> None:
    axis = score_axis(Scores((4.0, None, 2.0), 0.0, 4.0, (2, 0, 0, 1)))
    assert axis["ticks"] == "M396.0,32v10M200.0,32v10"
    assert axis["bars"].count("V30z") == 2
    assert "M4.0,30v-26.0" in axis["bars"]
    assert "v-13.0" in axis["bars"]
    assert [axis[end] for end in ("least", "most", "low", "high")] == ["2.000", "4.000", "0.000", "4.000"]
    assert score_axis(Scores((1.5,), 1.5, 1.5, ()))["ticks"] == "M200.0,4v10"
    assert [digits(score) for score in (0.535, 12345.0, 1e-7, 100.0)] == ["0.5350", "1.234e+04", "1.000e-07", "100.0"]


def test_the_page_has_index_agreement_and_map() -> None:
    text = text_of(page(comparison(), data, "t"))
    assert "Mode-collapse index" in text
    assert "Agreement: images that two runs both chose" in text
    # All strategies of this comparison chose the same images, and so did all seeds.
    assert "first batch, 2 images 1 2 3 1 random 100 2 entropy 100 100 3 coreset 100 100 100 By chance: 9 %." in text
    assert "all 2 batches, 4 images" in text
    assert "No run kept embeddings (core-set does), so this map shows the images' thumbnails" in text
    html = page(comparison(), data, "t")
    assert html.count('class="map"') == 3
    assert html.count('<path id="pool0"') == 1
    assert html.count('<use href="#pool0"/>') == 2


def test_a_batch_without_repeats_is_in_no_share_of_random_ones() -> None:
    runs = [
        a_run("street_random", 0, (40, 50, 60), [[1, 18], [7, 23]]),
        a_run("street_entropy", 0, (40, 50, 60), [[1, 2], [3, 4]]),
    ]
    (dataset,) = datasets(runs)
    findings = gather(dataset, data)
    assert isinstance(findings, Findings)
    _, random, entropy = repetition(dataset, findings)
    assert random[-1] == "–"
    assert str(entropy[-1]).endswith(" %")


def test_agreement_needs_no_data() -> None:
    text = text_of(page(comparison(), no_data, "t"))
    assert "Agreement" in text
    assert "Mode-collapse" not in text


def test_one_run_has_nothing_to_agree_with() -> None:
    assert "Agreement" not in text_of(page([a_run("street_random", 0, (40, 50, 60), BATCHES)], data, "t"))


def test_scores_stand_under_frames(tmp_path: Path) -> None:
    value = np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 24, 1)
    run = seen_by(tmp_path, value, [0, 12], [23, 18], [1.0, 0.75])
    html = page([a_run("street_random", 0, (40, 50), BATCHES), run], data, "t")
    assert html.count('<span title="score">') == 2
    assert '<span title="score">0.7500</span>f18' in html
    assert html.count('class="scores"') == 1
    explained = "the bold number beneath a frame is its score"
    assert explained in html
    assert explained not in page([a_run("street_random", 0, (40, 50), BATCHES)], data, "t")  # no frame has one
    (dataset,) = datasets([run])
    findings = gather(dataset, data)
    assert isinstance(findings, Findings)
    said = findings.batches["coreset"][0][0].scores
    assert said is not None
    assert sum(said.among) == 22
    assert said.low == pytest.approx(1 / 23)


def test_a_damaged_file_costs_a_line(tmp_path: Path) -> None:
    value = np.random.default_rng(0).normal(size=(1, 24, 6)).astype(np.float32)
    run = seen_by(tmp_path, value, [0, 12], [1, 18], [3.0, 2.0])
    (tmp_path / "cycle_00/rows.npz").write_bytes(b"PK no archive")
    html = page([run], data, "t")
    assert "street_coreset, seed 0, cycle 0: its candidates cannot be read" in html
    assert "The pool is not mapped" in html
    assert "Mode-collapse index" in html
    assert "data:image/jpeg" in html
