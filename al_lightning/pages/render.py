"""Templates to HTML: values are escaped, and an undefined name in a template is an error."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from al_lightning.pages.looks import look_of
from al_lightning.pages.narrow import LONG, narrow

if TYPE_CHECKING:
    from jinja2 import Environment

ROOT = Path(__file__).parents[1]


@cache
def environment() -> Environment:
    """Return the environment of all templates, whose names are paths below the package."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # takes 0.1 s, and few commands need it

    made = Environment(
        loader=FileSystemLoader(ROOT),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals |= {"look_of": look_of, "narrow": narrow, "LONG": LONG}
    return made


def render(template: str, values: Mapping[str, object]) -> str:
    """Render a template; the same values give the same text.

    Args:
        template: path of the template below the package, for example `audits/templates/audit.html.jinja`.
        values: the template's values by name.

    Raises:
        jinja2.UndefinedError: the template uses a name without a value.
    """
    return environment().get_template(template).render(values)
