"""What a report finds in batches, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from al_lightning.inspect.collapse import Collapse
from al_lightning.pool import Pool
from al_lightning.reports.findings import Batch, Findings, gather
from al_lightning.reports.numbers import datasets
from tests.support.reported_runs import SIZE, Data, comparison, data, page, text_of


def test_findings_by_hand() -> None:
    (dataset,) = datasets(comparison())
    findings = gather(dataset, data)
    assert isinstance(findings, Findings)
    first, second = findings.batches["coreset"][0]
    assert (first.chosen, first.repeats, first.collapse.scenes, first.labelled) == ((1, 18), (True, False), 2, 2)
    assert (second.chosen, second.repeats) == ((7, 23), (False, True))  # 7 is six from 1; 23 is five from 18
    assert findings.share().tolist() == pytest.approx([179 / 360, 180 / 360, 1 / 360])
    assert findings.rare.tolist() == [False, False, True]
    assert findings.rare_ratio("coreset") == pytest.approx(1)
    text = text_of(page(comparison(), data, "t"))
    assert "coreset 2.0 ± 0.0 50 ± 0 % 50 ± 0 % ×1.00" in text
    assert "First batch of seed 0, in the order of choosing, after a fit on 2 labels: 2 frames from 2 scenes, " in text
    assert "An image counts as a near-duplicate if" in text
    assert "at 16 x 16 pixels in grey" in text


def test_near_duplicates_that_tables_would_show_as_0_percent_are_a_sentence() -> None:
    (dataset,) = datasets(comparison())
    findings = gather(dataset, data)
    assert isinstance(findings, Findings)
    none = Batch(2, (0,) * 100, (False,) * 100, Collapse(100, 0, 0, 1, None, None))
    for few, shown in ((1, False), (2, True)):  # 1 of 100 images of one of three seeds is a third of a percent
        some = replace(none, repeats=(True,) * few + (False,) * (100 - few))
        batches = {"entropy": {0: (some, none), 1: (none,), 2: (none, none)}}
        assert replace(findings, batches=batches).repetitive == shown


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
