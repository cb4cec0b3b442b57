"""Charts of a metric against a budget: curves with bands, lines of single fits, published markers, panel by panel."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from al_lightning.pages.chart_files import EDGE, PALE, TEXT, Form, drawing
from al_lightning.pages.looks import COLOURS, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, LEGEND = 4.0, 3.0, 0.2
"""Of a panel, and of a line of the legend, in inches."""
_VARIABLES = {colour: f"var(--c{number})" for number, colour in enumerate(COLOURS)} | {
    TEXT: "var(--text)",
    EDGE: "var(--quiet)",
    PALE: "var(--grid)",
    "#ffffff": "var(--card)",
}
_LONGEST = 52
"""Letters of all names in a row of a legend, for each panel beside another."""
_NEAR = 0.11
"""Least distance of two budgets that are both written, as a share of the axis."""


@dataclass(frozen=True)
class Line:
    """A method.

    Attributes:
        label: in the legend; "" to be left out there.
        look: of line and markers.
        points: (place, mean, standard deviation) of each budget; of a single one a marker.
        flat: the metric of a single fit with more labels than the axis shows: a level line; None for a curve.
    """

    label: str
    look: Look
    points: tuple[tuple[float, float, float], ...] = ()
    flat: float | None = None


@dataclass(frozen=True)
class Panel:
    """One chart.

    Attributes:
        title: above the chart; may be empty.
        metric: what the vertical axis shows, with its unit: `mIoU in %`.
        budget: what the horizontal axis counts: `labelled images`.
        lines: in the legend's order; the first is drawn on top.
        budgets: (place, text) of the budgets to be named; () for ticks at round numbers.
    """

    title: str
    metric: str
    budget: str
    lines: tuple[Line, ...]
    budgets: tuple[tuple[float, str], ...] = ()


def chart(panels: Sequence[Panel], form: Form) -> bytes:
    """Return panels, up to two beside each other, with one legend below them, as the content of a file."""
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    names = list(dict.fromkeys(line.label for panel in panels for line in panel.lines if line.label))
    columns = max(1, min(len(names), across * _LONGEST // (max(map(len, names)) + 6)))

    def draw(figure: Figure) -> None:
        axes = figure.subplots(down, across, squeeze=False).flatten().tolist()
        for panel, axis in zip(panels, axes, strict=False):
            _panel(axis, panel)
        for axis in axes[len(panels) :]:
            axis.remove()
        shown = [axis.get_legend_handles_labels() for axis in axes[: len(panels)]]
        named = {
            text: handle for handles, texts in reversed(shown) for handle, text in zip(handles, texts, strict=True)
        }
        figure.legend([named[name] for name in names], names, loc="outside lower center", ncols=columns)

    return drawing(draw, across * WIDTH, down * HEIGHT + LEGEND * -(-len(names) // columns), form)


def inline(panels: Sequence[Panel], label: str) -> str:
    """Return panels as an SVG element of a page, in the page's colours.

    Args:
        panels: as for `chart`.
        label: what the chart shows, for those who do not see it.
    """
    text = chart(panels, "svg").decode()
    svg = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL
    )
    box = re.search(r'viewBox="([^"]*)"', svg)
    assert box is not None
    head = f'<svg class="chart" viewBox="{box[1]}" role="img" aria-label="{escape(label)}">'
    body = svg[svg.index(">") + 1 :]
    cited = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    mark = hashlib.sha256(body.encode()).hexdigest()[:8]  # ids must differ between the charts of a page
    body = re.sub(r' id="([^"]+)"', lambda found: f' id="{mark}{found[1]}"' if found[1] in cited else "", body)
    body = re.sub(r'(xlink:)?(href="#|url\(#)', rf"\g<2>{mark}", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    return head + re.sub(r"\n\s*", "\n", body).rstrip()


def _panel(axis: Axes, panel: Panel) -> None:
    for place, line in enumerate(panel.lines):
        _line(axis, line, 3 - place / len(panel.lines))
    if panel.budgets:
        places = [place for place, _ in panel.budgets]
        axis.set_xticks(places, _apart(panel.budgets), minor=False)
        margin = 0.05 * (places[-1] - places[0]) or 0.5
        axis.set_xlim(places[0] - margin, places[-1] + margin)
    axis.set_title(panel.title)
    axis.set_xlabel(panel.budget)
    axis.set_ylabel(panel.metric)


def _apart(budgets: Sequence[tuple[float, str]]) -> list[str]:
    """Return the budgets' texts, "" instead of those that would overlap; the last budget always has its text."""
    least = _NEAR * (budgets[-1][0] - budgets[0][0])
    texts, right = [], float("inf")
    for place, text in reversed(budgets):
        texts.append(text if right - place >= least else "")
        right = place if texts[-1] else right
    return texts[::-1]


def _line(axis: Axes, line: Line, order: float) -> None:
    look = line.look
    style = (0, look.dash) if look.dash else "-"
    if line.flat is not None:
        axis.axhline(line.flat, color=look.colour, linestyle=style, linewidth=1.2, label=line.label, zorder=order)
        return
    places, means, deviations = zip(*line.points, strict=True)
    axis.plot(
        places,
        means,
        color=look.colour,
        linestyle=style,
        linewidth=1.6,
        marker=look.marker,
        markersize=5,
        markeredgecolor="#ffffff" if look.fill == "full" else look.colour,
        markeredgewidth=0.6 if look.fill == "full" else 1,
        fillstyle=look.fill,
        markerfacecoloralt="none",
        label=line.label or None,
        zorder=order,
    )
    if len(places) > 1 and any(deviations):
        low, high = ([m + sign * d for m, d in zip(means, deviations, strict=True)] for sign in (-1, 1))
        axis.fill_between(places, low, high, color=look.colour, alpha=0.15, linewidth=0, zorder=order - 1)
