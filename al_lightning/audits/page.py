"""The page of an audit: one HTML file without scripts and without links to other files."""

from __future__ import annotations

from al_lightning.audits.figures import LEAKS, LEAST, MEMBERS, SPANS, chosen_groups, chosen_leaks, picture
from al_lightning.audits.result import SIDES, Audit
from al_lightning.audits.text import headline, sizes, worth
from al_lightning.duplicates.relation import ALIKE, LOOK_ALIKE
from al_lightning.pages.render import render

FILES = 200
"""Number of findings on the page; audit.json has all."""


def page(audit: Audit) -> str:
    """Return an audit's page; the same audit gives the same bytes."""
    values = {
        "title": f"Audit of {audit.title}",
        "audit": audit,
        "answer": _answer(audit),
        "worth": worth(audit),
        "leaks": chosen_leaks(audit),
        "groups": chosen_groups(audit),
        "pictures": {place: picture(jpeg) for place, jpeg in audit.pictures.items()},
        "most": {"files": FILES, "leaks": LEAKS, "least": LEAST, "members": MEMBERS, "spans": SPANS},
        "look_alike": LOOK_ALIKE,
        "alike": ALIKE,
        "side_names": SIDES,
        "sizes": sizes,
    }
    return render("audits/templates/audit.html.jinja", values)


def _answer(audit: Audit) -> list[str]:
    """Return the outcome in at most four sentences, the worst first."""
    strict = [problem.text for problem in audit.problems if problem.strict]
    outcome = headline(audit)
    texts = strict[:2] or [outcome[0].upper() + outcome[1:]]
    if len(strict) > 2:
        texts.append(f"And {len(strict) - 2} more problem{'s' if len(strict) > 3 else ''}.")
    return [*texts, worth(audit)] if audit.pool.readable else texts
