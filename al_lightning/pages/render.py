"""Templates to HTML: every value is escaped, and a name that a template uses without a value is an error."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

ROOT = Path(__file__).parents[1]


@cache
def environment() -> Environment:
    """Return the environment of all templates; a template is named by its path below the package."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # a tenth of a second, which few commands need

    return Environment(
        loader=FileSystemLoader(ROOT),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, values: Mapping[str, object]) -> str:
    """Return a template's text. The same values give the same text.

    Args:
        template: path of the template below the package, for example `audits/templates/audit.html.jinja`.
        values: what the template may use, by name.

    Raises:
        jinja2.UndefinedError: the template uses a name that has no value.
    """
    return environment().get_template(template).render(values)
