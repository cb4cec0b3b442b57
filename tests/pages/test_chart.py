"""Charts: axes that are true, names, no clash of two charts on a page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from al_lightning.pages.chart import Line, Panel, chart, inline
from al_lightning.pages.looks import COLOURS, look_of
from al_lightning.pages.render import ROOT

BUDGETS = ((10.0, "10 %"), (20.0, "20 %"), (30.0, "30 %"))


def a_panel(low: float, high: float, budgets: tuple[tuple[float, str], ...] = BUDGETS) -> Panel:
    rising = Line(
        "a < b", look_of(1), tuple((place, low + (high - low) * k / 2, 1.0) for k, (place, _) in enumerate(BUDGETS))
    )
    return Panel("left", "mIoU in %", "labelled images", (rising, Line("all", look_of(2), flat=high)), budgets)


def texts(svg: str) -> list[tuple[str, float, float]]:
    """Return each text of a drawing with its place."""
    found = []
    for each in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if "x" in each.attrib:
            found.append(("".join(each.itertext()), float(each.attrib["x"]), float(each.attrib["y"])))
    return found


@pytest.mark.parametrize(("low", "high"), [(31.2, 41.3), (50.02, 50.04), (0, 100), (63, 63)])
def test_what_stands_at_a_tick_is_the_tick(low: float, high: float) -> None:
    """A step of 2.5 must not be printed as 30, 32, 35, 38: distances of texts follow their numbers."""
    upright = [
        (float(text), y)
        for text, x, y in texts(chart([a_panel(low, high)], "svg").decode())
        if re.fullmatch(r"[\d.]+", text)
    ]
    assert len(upright) > 3
    (first, y0), (last, y1) = upright[0], upright[-1]
    for value, y in upright:
        assert y == pytest.approx(y0 + (value - first) / (last - first) * (y1 - y0), abs=0.1)


def test_axes_and_lines_have_names_and_budgets_that_would_overlap_have_none() -> None:
    written = [text for text, _, _ in texts(chart([a_panel(30, 40)], "svg").decode())]
    assert {"a < b", "all", "left", "labelled images", "10 %", "20 %", "30 %"} <= set(written)
    assert "mIoU in %" in ElementTree.tostring(ElementTree.fromstring(chart([a_panel(30, 40)], "svg")), "unicode")
    many = tuple((float(k), f"{k} labels") for k in range(10, 31))
    shown = [text for text, _, _ in texts(chart([a_panel(30, 40, many)], "svg").decode()) if "labels" in text]
    assert "30 labels" in shown
    assert len(shown) < 10


def test_charts_of_one_page_share_no_id_and_take_its_colours() -> None:
    charts = [inline([a_panel(30, 40)], "mIoU on <streets>"), inline([a_panel(30, 41)], "b")]
    ids = [set(re.findall(r' id="([^"]+)"', each)) for each in charts]
    assert not ids[0] & ids[1]
    for each, own in zip(charts, ids, strict=True):
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', each)) <= {(i, "") for i in own} | {
            ("", i) for i in own
        }
        ElementTree.fromstring(each)
        assert "<style" not in each
        assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r'[#"][^";]{40,}', "", each.replace("url(#", "")))
        assert "var(--c1)" in each
    assert 'aria-label="mIoU on &lt;streets&gt;"' in charts[0]


def test_style_sheet_and_charts_have_the_same_colours() -> None:
    style = (ROOT / "pages/templates/style.css").read_text()
    assert re.findall(r"--c\d: (#\w+);", style)[: len(COLOURS)] == list(COLOURS)
