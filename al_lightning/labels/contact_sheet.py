"""The contact sheet of a batch: one HTML file without scripts or links, for light and dark displays."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from al_lightning.labels.item import Item
from al_lightning.labels.pictures import THUMBNAIL, Colours, thumbnail
from al_lightning.labels.store import Kind
from al_lightning.pages.render import render


def sheet_page(title: str, items: Sequence[Item], classes: Sequence[str], kind: Kind, colours: Colours) -> str:
    """Return the page of a batch, its images in order of rank.

    Args:
        title: the batch's name.
        items: the batch's images.
        classes: names of the classes.
        kind: whether a label is a class or a mask.
        colours: (classes, 3) uint8, RGB.

    Raises:
        DatasetError: an image cannot be read.
    """
    masks = any(isinstance(item.prediction, np.ndarray) for item in items)
    values = {
        "title": title,
        "items": sorted(items, key=lambda item: item.rank),
        "classes": classes,
        "kind": kind,
        "colours": ["#" + bytes(colour).hex() for colour in colours.tolist()] if masks else [],
        "jpeg": lambda item: base64.b64encode(thumbnail(item, colours)).decode(),
        "tiny": THUMBNAIL[0] // 3,
    }
    return render("labels/templates/sheet.html.jinja", values)
