"""How methods look: colours, dashes and markers of their lines, in charts and in the tables beside them."""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = ("#6b7079", "#d55e00", "#0072b2", "#009e73", "#b5559a", "#b98500", "#3d2fa8")
"""style.css has them as --c0 to --c6, and lighter ones for dark pages."""
DASHES: tuple[tuple[float, ...], ...] = ((5, 4), (), (9, 3), (2, 4), (10, 3, 2, 3), (7, 2), (1, 3))
MARKERS = {
    "o": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "^": "M0,-5L4.8,3.6L-4.8,3.6z",
    "s": "M-3.8,-3.8h7.6v7.6h-7.6z",
    "D": "M0,-5.4L5.4,0L0,5.4L-5.4,0z",
    "v": "M0,5L4.8,-3.6L-4.8,-3.6z",
    "P": "M-5,-1.6h3.4v-3.4h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4z",
    "p": "M0,-5L4.8,-1.5L3,4.2L-3,4.2L-4.8,-1.5z",
}
"""By matplotlib's name, the path of an SVG."""


@dataclass(frozen=True)
class Look:
    """How a line is drawn.

    Attributes:
        colour: #rrggbb, or a name of matplotlib.
        marker: matplotlib's name.
        dash: lengths of dashes and gaps; () for a solid line.
        fill: of the marker: "full", "bottom" or "none".
    """

    colour: str
    marker: str
    dash: tuple[float, ...] = ()
    fill: str = "full"

    @property
    def path(self) -> str:
        """The marker as the path of an SVG."""
        return MARKERS[self.marker]


def look_of(number: int) -> Look:
    """Return the look of a method's number; the first 49 differ."""
    colour, turn = number % len(COLOURS), (number + number // len(COLOURS)) % len(COLOURS)
    return Look(COLOURS[colour], list(MARKERS)[turn], DASHES[turn])
