"""Small pictures of the images that the audit's page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from al_lightning.audits.result import Side
from al_lightning.data.images import Images
from al_lightning.drawing import jpeg, shrink

HEIGHT, WIDTH = 112, 224


def pictures(sets: Mapping[Side, Images], wanted: Iterable[tuple[Side, int]]) -> dict[tuple[Side, int], bytes]:
    """Return a JPEG for each of some images, at most `HEIGHT` x `WIDTH`; an image that cannot be read is left out."""
    found: dict[tuple[Side, int], bytes] = {}
    for side, index in wanted:
        if (side, index) in found:
            continue
        try:
            image = sets[side].image(index)
        except Exception:  # it was listed when it was first read
            continue
        found[side, index] = jpeg(shrink(image, HEIGHT, WIDTH))
    return found
