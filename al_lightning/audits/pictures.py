"""Small pictures of the images that the audit's page shows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping

from PIL import Image

from al_lightning.audits.result import Side
from al_lightning.data.images import Images

HEIGHT, WIDTH = 112, 224


def pictures(sets: Mapping[Side, Images], wanted: Iterable[tuple[Side, int]]) -> dict[tuple[Side, int], bytes]:
    """Return a JPEG for each of some images, at most `HEIGHT` x `WIDTH`; an image that cannot be read is left out."""
    found: dict[tuple[Side, int], bytes] = {}
    for side, index in wanted:
        if (side, index) in found:
            continue
        try:
            image = Image.fromarray(sets[side].image(index))
        except Exception:  # it was listed when it was first read
            continue
        image.thumbnail((WIDTH, HEIGHT), Image.Resampling.BOX)
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=85)
        found[side, index] = stream.getvalue()
    return found
