"""An audit as a page: one HTML file that loads nothing, reads without scripts, on a phone, in light and dark."""

from __future__ import annotations

from al_lightning.audits.figures import LEAKS, LEAST, MEMBERS, SPANS, chosen_groups, chosen_leaks, picture
from al_lightning.audits.problems import side_name
from al_lightning.audits.result import Audit
from al_lightning.audits.text import headline, sizes, worth
from al_lightning.duplicates.relation import ALIKE, LOOK_ALIKE
from al_lightning.pages.render import render

FILES = 200
"""How many findings are shown; audit.json has all."""


def page(found: Audit) -> str:
    """Return an audit's page; the same audit gives the same bytes."""
    values = {
        "title": f"Audit of {found.title}",
        "audit": found,
        "answer": _answer(found),
        "worth": worth(found),
        "leaks": chosen_leaks(found),
        "groups": chosen_groups(found),
        "pictures": {place: picture(jpeg) for place, jpeg in found.pictures.items()},
        "most": {"files": FILES, "leaks": LEAKS, "least": LEAST, "members": MEMBERS, "spans": SPANS},
        "look_alike": LOOK_ALIKE,
        "alike": ALIKE,
        "side_name": side_name,
        "sizes": sizes,
    }
    return render("audits/templates/audit.html.jinja", values)


def _answer(found: Audit) -> list[str]:
    """Return the outcome, the worst first, in at most four sentences."""
    strict = [problem.text for problem in found.problems if problem.strict]
    said = headline(found)
    texts = strict[:2] if strict else [said[0].upper() + said[1:]]
    if len(strict) > 2:
        texts.append(f"And {len(strict) - 2} more problem{'s' if len(strict) > 3 else ''}.")
    return [*texts, worth(found)] if found.pool.readable else texts
