"""What an audit's page shows of leaks, sequences and groups, and the pictures of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from al_lightning.audits.result import Audit, Group, Leak, Side

LEAKS, LEAST, GROUPS, MEMBERS, SPANS = 24, 8, 16, 12, 8
"""How many of each are shown, LEAST being the least similar ones of many leaks; audit.json has all."""
_TINY = 64
"""Pictures of at most so many pixels across are shown as pixels, for a blur would hide what they have."""


def shown(found: Audit) -> list[tuple[Side, int]]:
    """Return the images that the page shows, some perhaps twice."""
    images: list[tuple[Side, int]] = []
    for leak in chosen_leaks(found):
        images += [("test", leak.test.index), ("pool", leak.pool.index)]
    for span in found.spans[:SPANS]:
        images += [("pool", span.closest[0]), ("test", span.closest[1])]
    for group in chosen_groups(found):
        images += [(group.side, member.index) for member in group.members[:MEMBERS]]
    return images


def chosen_leaks(found: Audit) -> Sequence[Leak]:
    """Return the leaks to show, the surest first; of many, also the least sure: they tell what the threshold does."""
    ordered = sorted(found.leaks, key=lambda leak: (not leak.test.exact, -leak.test.similarity, leak.test.index))
    return ordered if len(ordered) <= LEAKS else [*ordered[: LEAKS - LEAST], *ordered[-LEAST:]]


def chosen_groups(found: Audit) -> Sequence[Group]:
    """Return the groups to show: those that mix classes, then those across sequences, then the largest."""
    return sorted(found.groups, key=lambda group: (not group.classes, group.one_sequence, -len(group.members)))[:GROUPS]


def picture(jpeg: bytes) -> Mapping[str, Any]:
    """Return what an `img` says of a picture: `width`, `height`, `tiny`, and `data`, the JPEG in base64."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        width, height = opened.size
    return {"width": width, "height": height, "tiny": width <= _TINY, "data": base64.b64encode(jpeg).decode()}
