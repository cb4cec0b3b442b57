"""Colours of classes in masks: CVAT's labelmap.txt, and colours that no two classes share."""

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
        Malformed: it is no such file, or names a colour twice.
    """
    found: LabelMap = {}
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
        if colour in found:
            raise Malformed(f"line {number} of {LABEL_MAP} gives the colour of {shown(found[colour])} a second label")
        found[colour] = fields[0].strip()
    if not found:
        raise Malformed(f"{LABEL_MAP} names no label")
    return found


def mask_colours(classes: Sequence[str], colours: Colours) -> list[tuple[int, int, int]]:
    """Return a colour for each class, none of them twice; `background` alone is black.

    Args:
        classes: names of the classes.
        colours: (classes, 3) uint8, RGB; a colour that is taken is replaced.
    """
    taken = {(0, 0, 0)}
    found = []
    free = voc_colours()
    for name, colour in zip(classes, colours.tolist(), strict=True):
        hue = (colour[0], colour[1], colour[2])
        if name == BACKGROUND:
            found.append((0, 0, 0))
            continue
        while hue in taken:
            hue = next(free)
        taken.add(hue)
        found.append(hue)
    return found


def voc_colours() -> Iterator[tuple[int, int, int]]:
    """Yield the colours of PASCAL VOC: the bits of a number, dealt out to red, green and blue from the highest on."""
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
