"""The page of an audit: one HTML file without scripts and without links to other files."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from al_lightning.audits.result import SIDES, Audit, Group, Leak, Side
from al_lightning.audits.text import both, headline, measure, once, opinions, sizes, sorted_leaks, worth
from al_lightning.data.images import Images
from al_lightning.drawing import jpeg, shrink
from al_lightning.duplicates.relation import ALIKE, LOOK_ALIKE
from al_lightning.pages.render import render

FILES, LEAKS, LEAST, GROUPS, MEMBERS, SPANS = 200, 24, 8, 16, 12, 8
"""Numbers of items on the page; LEAST of the LEAKS are the least similar ones. audit.json has all."""
_HEIGHT, _WIDTH = 112, 224
"""Largest size of a picture, in pixels."""
_TINY = 64
"""Pictures up to this width, in pixels, are enlarged without interpolation, which would hide their content."""


def page(audit: Audit) -> str:
    """Return an audit's page; the same audit gives the same bytes."""
    values = {
        "title": f"Audit of {audit.title}",
        "audit": audit,
        "answer": _answer(audit),
        "worth": worth(audit),
        "findings": once(audit.findings),
        "leaks": _chosen_leaks(audit),
        "groups": _chosen_groups(audit),
        "opinions": opinions(audit.opinion) if audit.opinion else [],
        "measure": measure(audit.opinion) if audit.opinion else "",
        "alone": _leaks_alone(audit),
        "vector_groups": _groups_alone(audit),
        "pictures": {place: _picture(content) for place, content in audit.pictures.items()},
        "most": {"files": FILES, "leaks": LEAKS, "least": LEAST, "members": MEMBERS, "spans": SPANS},
        "look_alike": LOOK_ALIKE,
        "alike": ALIKE,
        "side_names": SIDES,
        "sizes": sizes,
        "both": both,
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


def pictures(audit: Audit, sets: Mapping[Side, Images]) -> dict[tuple[Side, int], bytes]:
    """Return a JPEG of each image on the page; images that cannot be read are left out."""
    files: dict[tuple[Side, int], bytes] = {}
    for side, index in dict.fromkeys(_shown(audit)):
        try:
            image = sets[side].image(index)
        except Exception:  # the audit has already listed it
            continue
        files[side, index] = jpeg(shrink(image, _HEIGHT, _WIDTH))
    return files


def _shown(audit: Audit) -> Iterator[tuple[Side, int]]:
    for leak in _chosen_leaks(audit):
        yield from (("test", leak.test.index), ("pool", leak.pool.index))
    for span in audit.spans[:SPANS]:
        yield from (("pool", span.closest[0]), ("test", span.closest[1]))
    for leak in _leaks_alone(audit):
        yield from (("test", leak.test.index), ("pool", leak.pool.index))
    for group in (*_chosen_groups(audit), *_groups_alone(audit)):
        yield from ((group.side, member.index) for member in group.members[:MEMBERS])


def _chosen_leaks(audit: Audit) -> Sequence[Leak]:
    """Return the leaks to show: the most similar, and if there are many, the least similar, close to the threshold."""
    leaks = sorted_leaks(audit)
    return leaks if len(leaks) <= LEAKS else [*leaks[: LEAKS - LEAST], *leaks[-LEAST:]]


def _chosen_groups(audit: Audit) -> Sequence[Group]:
    """Return the groups to show: first those with several classes, then those across sequences, then the largest."""
    return _telling(audit.groups)


def _leaks_alone(audit: Audit) -> Sequence[Leak]:
    """Return the leaks by vectors alone to show, the most similar first."""
    leaks = audit.opinion.alone if audit.opinion else ()
    return sorted(leaks, key=lambda leak: -(leak.test.cosine or 0))[:LEAKS]


def _groups_alone(audit: Audit) -> Sequence[Group]:
    """Return the groups by vectors to show, in the same order as those by pixels."""
    return _telling(audit.opinion.groups if audit.opinion else ())


def _telling(groups: Sequence[Group]) -> Sequence[Group]:
    return sorted(groups, key=lambda group: (not group.classes, group.one_sequence, -len(group.members)))[:GROUPS]


def _picture(content: bytes) -> Mapping[str, Any]:
    """Return the values of an `img` element: `width`, `height`, `tiny`, and `data`, the JPEG in base64."""
    with Image.open(io.BytesIO(content)) as opened:
        width, height = opened.size
    return {"width": width, "height": height, "tiny": width <= _TINY, "data": base64.b64encode(content).decode()}
