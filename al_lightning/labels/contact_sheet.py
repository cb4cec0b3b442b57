"""A batch as a contact sheet: one HTML file that loads nothing and runs nothing, readable in light and dark."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from al_lightning.labels.item import Item
from al_lightning.labels.pictures import THUMBNAIL, Colours, thumbnail
from al_lightning.labels.store import Kind


def sheet_page(title: str, items: Sequence[Item], classes: Sequence[str], kind: Kind, colours: Colours) -> str:
    """Return the page of a batch, its images in order of rank.

    Args:
        title: the batch's name.
        items: its images.
        classes: names of the classes.
        kind: what a label is.
        colours: (classes, 3) uint8, RGB.

    Raises:
        DatasetError: an image cannot be read.
    """
    css = Path(__file__).with_name("sheet.css").read_text()
    shots = "\n".join(_shot(item, classes, colours) for item in sorted(items, key=lambda item: item.rank))
    what = "a class for each" if kind == "image" else "a class for each pixel"
    said = f"{len(items):,} image{'' if len(items) == 1 else 's'} to label: {what}. The first was chosen first."
    key = ""
    if kind == "pixel" and any(item.prediction is not None for item in items):
        said += " The colours are what the network predicts."
        key = "".join(
            f'<li><span style="background:#{red:02x}{green:02x}{blue:02x}"></span>{escape(name)}</li>'
            for name, (red, green, blue) in zip(classes, colours.tolist(), strict=True)
        )
        key = f'<ul class="key">{key}</ul>\n'
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{escape(title)}</h1>\n<p>{escape(said)}</p></header>\n{key}<ol>\n{shots}\n</ol>\n"
        "</main>\n</body>\n</html>\n"
    )


def _shot(item: Item, classes: Sequence[str], colours: Colours) -> str:
    source = base64.b64encode(thumbnail(item, colours)).decode()
    tiny = ' class="tiny"' if item.width < THUMBNAIL[0] // 3 else ""
    facts = [f"<b>{item.rank}</b>"]
    if item.score is not None:
        facts.append(f"score {item.score:.4g}")
    if item.sequence is not None:
        frame = "" if item.frame is None else f", frame {item.frame}"
        facts.append(f"sequence {escape(item.sequence)}{frame}")
    if item.prediction is not None and not isinstance(item.prediction, np.ndarray):
        facts.append(f"predicted {escape(classes[int(item.prediction)])}")
    if item.confidence is not None:
        facts.append(f"confidence {item.confidence:.2f}")
    name = escape(item.name)
    return (
        f'<li class="shot"><figure><img{tiny} loading="lazy" alt="{name}" src="data:image/jpeg;base64,{source}" '
        f'width="{item.width}" height="{item.height}">'
        f"<figcaption>{' · '.join(facts)}<br>{name}</figcaption></figure></li>"
    )
