"""The leaks and groups that an audit's page shows, and their pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from al_lightning.audits.result import Audit, Group, Leak, Side
from al_lightning.data.images import Images
from al_lightning.drawing import jpeg, shrink

LEAKS, LEAST, GROUPS, MEMBERS, SPANS = 24, 8, 16, 12, 8
"""Numbers of items on the page; LEAST of the LEAKS are the least similar ones. audit.json has all."""
_HEIGHT, _WIDTH = 112, 224
"""Largest size of a picture, in pixels."""
_TINY = 64
"""Pictures up to this width, in pixels, are enlarged without interpolation, which would hide their content."""


def pictures(audit: Audit, sets: Mapping[Side, Images]) -> dict[tuple[Side, int], bytes]:
    """Return a JPEG of each image on the page; images that cannot be read are left out."""
    found: dict[tuple[Side, int], bytes] = {}
    for side, index in dict.fromkeys(_shown(audit)):
        try:
            image = sets[side].image(index)
        except Exception:  # the audit has already listed it
            continue
        found[side, index] = jpeg(shrink(image, _HEIGHT, _WIDTH))
    return found


def _shown(audit: Audit) -> Iterator[tuple[Side, int]]:
    for leak in chosen_leaks(audit):
        yield from (("test", leak.test.index), ("pool", leak.pool.index))
    for span in audit.spans[:SPANS]:
        yield from (("pool", span.closest[0]), ("test", span.closest[1]))
    for group in chosen_groups(audit):
        yield from ((group.side, member.index) for member in group.members[:MEMBERS])


def sorted_leaks(audit: Audit) -> list[Leak]:
    """Return all leaks: equal pixels first, then by falling similarity."""
    return sorted(audit.leaks, key=lambda leak: (not leak.test.exact, -leak.test.similarity))


def chosen_leaks(audit: Audit) -> Sequence[Leak]:
    """Return the leaks to show: the most similar, and if there are many, the least similar, close to the threshold."""
    leaks = sorted_leaks(audit)
    return leaks if len(leaks) <= LEAKS else [*leaks[: LEAKS - LEAST], *leaks[-LEAST:]]


def chosen_groups(audit: Audit) -> Sequence[Group]:
    """Return the groups to show: first those with several classes, then those across sequences, then the largest."""
    return sorted(audit.groups, key=lambda group: (not group.classes, group.one_sequence, -len(group.members)))[:GROUPS]


def picture(jpeg: bytes) -> Mapping[str, Any]:
    """Return the values of an `img` element: `width`, `height`, `tiny`, and `data`, the JPEG in base64."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        width, height = opened.size
    return {"width": width, "height": height, "tiny": width <= _TINY, "data": base64.b64encode(jpeg).decode()}
