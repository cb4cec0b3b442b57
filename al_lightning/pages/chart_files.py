"""Drawings by matplotlib as SVG or PNG: one function for all of them. matplotlib is imported where it draws."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Form = Literal["svg", "png"]
FORMS: tuple[Form, Form] = ("svg", "png")
TEXT, EDGE, PALE = "#1d2126", "#5d646d", "#e6e3dc"
"""Colours of text, of axes and of the grid; style.css has them as --text, --quiet and --grid."""
_STYLE: Any = {  # matplotlib's type of such a mapping is a list of all keys
    "svg.hashsalt": "al-lightning",
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": EDGE,
    "axes.labelcolor": TEXT,
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "grid.color": PALE,
    "text.color": TEXT,
    "xtick.color": EDGE,
    "ytick.color": EDGE,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "legend.frameon": False,
    "font.size": 9,
}
_DOTS = 150
"""Of a PNG, an inch."""


def drawing(draw: Callable[[Figure], object], width: float, height: float, form: Form) -> bytes:
    """Return a drawing as the content of a file.

    It needs no display and changes no global state (pyplot is not used, and the style is put back). Equal drawings give
    equal bytes.

    Args:
        draw: draws into an empty figure.
        width: in inches.
        height: in inches.
        form: "svg" or "png".
    """
    import matplotlib as mpl
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context("default"), mpl.rc_context(_STYLE):  # not the user's own matplotlibrc
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        file = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(file, format=form, dpi=_DOTS, metadata=metadata)
    return file.getvalue()
