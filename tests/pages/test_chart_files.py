"""Drawings: the same bytes again, both forms, nothing of the user's style, no pyplot."""

import io
import sys

import matplotlib as mpl
import pytest
from PIL import Image

from al_lightning.pages.chart_files import drawing


def line(figure):
    axis = figure.subplots()
    axis.plot([1, 2, 3], [4, 2, 5], label="a < b & c")
    axis.legend()


def test_equal_drawings_give_equal_bytes_whatever_the_users_style():
    first = [drawing(line, 4, 3, form) for form in ("svg", "png")]
    with mpl.rc_context({"axes.facecolor": "red", "lines.linewidth": 9, "savefig.dpi": 10}):
        again = [drawing(line, 4, 3, form) for form in ("svg", "png")]
        assert mpl.rcParams["lines.linewidth"] == 9
    assert first == again


def test_an_svg_keeps_text_as_text_and_no_date():
    text = drawing(line, 4, 3, "svg").decode()
    assert "a &lt; b &amp; c" in text
    assert "<dc:date>" not in text
    assert "<script" not in text


def test_a_png_has_its_size():
    with Image.open(io.BytesIO(drawing(line, 4, 3, "png"))) as picture:
        assert picture.size == (600, 450)


def test_pyplot_is_not_imported_for_it():
    if "matplotlib.pyplot" in sys.modules:
        pytest.skip("another test has imported it")
    drawing(line, 2, 2, "svg")
    assert "matplotlib.pyplot" not in sys.modules
