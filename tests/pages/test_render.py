"""Pages escape what they show, and name what they lack."""

import re

from jinja2 import UndefinedError

from al_lightning.pages.render import ROOT, environment, render
from tests.support.errors import raises

EMPTY = {"title": "<i>&\"'", "items": [], "classes": [], "kind": "image", "colours": [], "tiny": 0, "jpegs": None}


def test_values_are_escaped() -> None:
    html = render("labels/templates/sheet.html.jinja", EMPTY)
    assert "<title>&lt;i&gt;&amp;&#34;&#39;</title>" in html
    assert "<i>" not in html


def test_a_value_that_is_missing_is_an_error() -> None:
    with raises(UndefinedError, "'colours'"):
        render("labels/templates/sheet.html.jinja", {name: value for name, value in EMPTY.items() if name != "colours"})


def test_every_template_compiles_and_nothing_but_charts_and_our_own_document_goes_in_unescaped() -> None:
    trusted = set()
    for path in ROOT.rglob("*.jinja"):
        environment().get_template(str(path.relative_to(ROOT)))
        trusted |= set(re.findall(r"\{\{ ([^{}]+) \| safe }}", path.read_text()))
    assert trusted == {"chart", "choices"}
