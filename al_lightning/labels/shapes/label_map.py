"""Colours of classes in masks: CVAT's labelmap.txt, and a distinct colour for each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from al_lightning.labels.pictures import Colours
from al_lightning.labels.untrusted import Malformed, as_text, shown

BACKGROUND = "background"
LABEL_MAP = "labelmap.txt"
LARGEST_LABEL_MAP = 1 << 20
Colour = tuple[int, int, int]
LabelMap = dict[Colour, str]


def parse_label_map(content: bytes) -> LabelMap:
    """Return the label of each colour, in the file's order: lines of `label:red,green,blue:parts:actions`.

    Raises:
        Malformed: the file has other lines, or gives a colour two labels.
    """
    labels: LabelMap = {}
    for number, line in enumerate(as_text(content).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.rsplit(":", 3)
        values = fields[1].split(",") if len(fields) == 4 else []
        # Not int() alone: it takes "+1", "1_0" and other scripts' digits too.
        if len(values) != 3 or not all(v.strip().isascii() and v.strip().isdigit() for v in values):
            raise Malformed(f"line {number} of {LABEL_MAP} is not `label:red,green,blue::`")
        colour = tuple(int(value) for value in values if len(value) < 9)
        if len(colour) != 3 or max(colour) > 255:
            raise Malformed(f"line {number} of {LABEL_MAP} has a colour out of 0 to 255")
        if colour in labels:
            raise Malformed(f"line {number} of {LABEL_MAP} gives the colour of {shown(labels[colour])} a second label")
        labels[colour] = fields[0].strip()
    if not labels:
        raise Malformed(f"{LABEL_MAP} names no label")
    return labels


def mask_colours(classes: Sequence[str], colours: Colours) -> list[Colour]:
    """Return a distinct colour for each class: its own, (classes, 3), or another one; only `background` is black."""
    distinct: dict[Colour, str] = {(0, 0, 0): BACKGROUND}
    chosen: list[Colour] = []
    free = voc_colours()
    for name, (red, green, blue) in zip(classes, colours.tolist(), strict=True):
        colour = (0, 0, 0) if name == BACKGROUND else (red, green, blue)
        while distinct.setdefault(colour, name) != name:
            colour = next(free)
        chosen.append(colour)
    return chosen


def voc_colours() -> Iterator[Colour]:
    """Yield PASCAL VOC's colours: the bits of a number go in turn to red, green and blue, from the highest on."""
    for number in range(1, 256):
        hue = [0, 0, 0]
        for bit in range(8):
            hue[bit % 3] |= (number >> bit & 1) << (7 - bit // 3)
        yield hue[0], hue[1], hue[2]
    yield from ((red, green, blue) for red in range(1, 256) for green in range(1, 256) for blue in (85, 170))


def label_map_text(classes: Sequence[str], colours: Sequence[Colour]) -> str:
    """Return a labelmap.txt."""
    labels = [*([] if BACKGROUND in classes else [(BACKGROUND, (0, 0, 0))]), *zip(classes, colours, strict=True)]
    lines = (f"{name}:{red},{green},{blue}::\n" for name, (red, green, blue) in labels)
    return "# label:color_rgb:parts:actions\n" + "".join(lines)
