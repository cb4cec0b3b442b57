"""The pictures of an audit's page: leaks, sequences and groups, side by side."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from al_lightning.audits.problems import side_name
from al_lightning.audits.result import Audit, Group, Leak, Member, Side

LEAKS, LEAST, GROUPS, MEMBERS, SPANS = 24, 8, 16, 12, 8
"""How many of each are shown, LEAST being the least similar ones of many leaks; audit.json has all."""
_TINY = 64
"""Pictures of at most so many pixels across are shown as pixels, for a blur would hide what they have."""


def shown(found: Audit) -> list[tuple[Side, int]]:
    """Return the images that the page shows, some perhaps twice."""
    images: list[tuple[Side, int]] = []
    for leak in _chosen_leaks(found):
        images += [("test", leak.test.index), ("pool", leak.pool.index)]
    for span in found.spans[:SPANS]:
        images += [("pool", span.closest[0]), ("test", span.closest[1])]
    for group in _chosen_groups(found):
        images += [(group.side, member.index) for member in group.members[:MEMBERS]]
    return images


def _chosen_leaks(found: Audit) -> Sequence[Leak]:
    """Return the leaks to show, the surest first; of many, also the least sure: they tell what the threshold does."""
    ordered = sorted(found.leaks, key=lambda leak: (not leak.test.exact, -leak.test.similarity, leak.test.index))
    return ordered if len(ordered) <= LEAKS else [*ordered[: LEAKS - LEAST], *ordered[-LEAST:]]


def _chosen_groups(found: Audit) -> Sequence[Group]:
    """Return the groups to show: those that mix classes, then those across sequences, then the largest."""
    return sorted(found.groups, key=lambda group: (not group.classes, group.one_sequence, -len(group.members)))[:GROUPS]


def leaks(found: Audit) -> str:
    """Return the test images that are in the pool, each beside its like."""
    chosen = _chosen_leaks(found)
    if not chosen:
        return ""
    text = "A model that learns from the right one is tested on the left one."
    if len(chosen) < len(found.leaks):
        text += f" Of {len(found.leaks):,} pairs, the {LEAKS - LEAST} most and the {LEAST} least similar are shown."
    items = []
    for leak in chosen:
        near = "equal pixels" if leak.test.exact else f"similarity {leak.test.similarity:.2f}"
        near += ", equal files" if leak.test.same_file else ""
        pair = figure(found, "test", leak.test, "test set") + figure(found, "pool", leak.pool, "pool")
        items.append(f'<li><p class="small">{near}{_mixed(leak.classes)}</p><div class="pair">{pair}</div></li>')
    return f'<p class="quiet">{text}</p><ul class="shots">{"".join(items)}</ul>'


def spans(found: Audit) -> str:
    """Return the sequences on both sides, with the two images of each that are closest in time."""
    items = []
    for span in found.spans[:SPANS]:
        pair = figure(found, "pool", (span.closest[0], span.closest_names[0]), "pool")
        pair += figure(found, "test", (span.closest[1], span.closest_names[1]), "test set")
        items.append(
            f'<li><p class="small"><b>{escape(span.name)}</b>: {span.pool_images:,} images in the pool, '
            f"{span.test_images:,} in the test set; the closest are {span.gap:,} frames apart.</p>"
            f'<div class="pair">{pair}</div></li>'
        )
    more = len(found.spans) - SPANS
    end = f'<p class="small">And {more:,} more in audit.json.</p>' if more > 0 else ""
    return f'<ul class="shots">{"".join(items)}</ul>{end}' if items else ""


def groups(found: Audit) -> str:
    """Return groups of images that repeat their first one: those of two side by side, the larger a row each."""
    chosen = _chosen_groups(found)
    if not chosen:
        return ""
    text = f"{len(found.groups):,} group{'s' if len(found.groups) != 1 else ''} of images that repeat their first one."
    if len(chosen) < len(found.groups):
        text += f" {len(chosen)} are shown: those with different classes first, then the largest."
    parts, pairs = [f'<p class="quiet">{text} = means equal pixels, ≈ a near-duplicate and its similarity.</p>'], []
    for group in chosen:
        figures = "".join(
            figure(found, group.side, member, _mark(member) if place else "first")
            for place, member in enumerate(group.members[:MEMBERS])
        )
        where = f"{side_name(group.side)}{', one sequence' if group.one_sequence else ''}{_mixed(group.classes)}"
        if len(group.members) == 2:
            pairs.append(f'<li><p class="small">{where}</p><div class="pair">{figures}</div></li>')
            continue
        parts.append(f'<h4>{len(group.members):,} images, {where}</h4><div class="many">{figures}</div>')
        if (more := len(group.members) - MEMBERS) > 0:
            parts.append(f'<p class="small">And {more:,} more.</p>')
    return "".join(parts) + (f'<ul class="shots">{"".join(pairs)}</ul>' if pairs else "")


def _mark(member: Member) -> str:
    return ("=" if member.exact else f"≈ {member.similarity:.2f}") + (", equal file" if member.same_file else "")


def _mixed(classes: Sequence[str]) -> str:
    return f'; <span class="absent">classes differ: {escape(", ".join(classes))}</span>' if classes else ""


def figure(found: Audit, side: Side, image: Member | tuple[int, str], mark: str) -> str:
    """Return an image's picture with a mark and its name; where there is no picture, a field that says so."""
    index, name = (image.index, image.name) if isinstance(image, Member) else image
    picture = found.pictures.get((side, index))
    text = escape(name)
    if picture is None:
        shown = '<span class="gone">cannot be read</span>'
    else:
        with Image.open(io.BytesIO(picture)) as opened:
            width, height = opened.size
        tiny = ' class="tiny"' if width <= _TINY else ""
        data = base64.b64encode(picture).decode()
        shown = f'<img{tiny} src="data:image/jpeg;base64,{data}" width="{width}" height="{height}" alt="{text}">'
    breaks = text.replace("/", "/<wbr>").replace("_", "_<wbr>")  # a long name breaks where it has parts
    return f"<figure>{shown}<figcaption><b>{escape(mark)}</b> {breaks}</figcaption></figure>"
