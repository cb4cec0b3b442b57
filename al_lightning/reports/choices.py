"""What the strategies chose, as HTML: a table over all of them, then for each its frames and its classes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from al_lightning.drawing import palette
from al_lightning.reports.chart import COLOURS, swatch
from al_lightning.reports.findings import COLUMNS, SHOWN, Batch, Findings, short_name
from al_lightning.reports.numbers import Dataset, Method, mean_text
from al_lightning.reports.reasons import digits, score_axis


def sprite_style(findings: Findings, number: int) -> str:
    """Return the CSS that lays a dataset's sprite behind its frames; the pictures stand in the page once."""
    sprite = findings.sprite
    if sprite is None:
        return ""
    height, width = sprite.shape
    tile = max(84, min(112, width))
    rules = (
        f".of{number}{{--shape:{width}/{height};--wide:{100 * COLUMNS}%;--tile:{tile}px}}\n"
        f".of{number} .im{{background-image:url({sprite.images})}}\n"
    )
    if sprite.labels:
        rules += f".of{number} .la{{background-image:url({sprite.labels})}}\n"
    return rules + (f".of{number} i{{image-rendering:pixelated}}\n" if sprite.coarse else "")


def overview(dataset: Dataset, findings: Findings, styles: Mapping[str, int]) -> str:
    """Return a table with a line per strategy: scenes, near-duplicates, rare classes."""
    most = max((len(found) for by_seed in findings.batches.values() for found in by_seed.values()), default=0)
    if not most:
        return '<p class="note">Nothing has been chosen yet.</p>'
    heads = ["strategy"]
    heads += [f"scenes behind batch 1<br>(of {findings.scenes})"] if findings.scenes else []
    heads += [f"near-duplicates<br>in batch {number + 1}" for number in range(most)]
    heads += ["rare classes,<br>chosen / pool"] if findings.rare.any() else []
    rows = []
    for method in dataset.methods:
        firsts = findings.firsts(method.label)
        if not firsts:
            continue
        cells = [mean_text([batch.scenes for batch in firsts if batch.scenes is not None], 1)]
        cells = cells if findings.scenes else []
        for number in range(most):
            shares = [
                100 * found[number].repeated for found in findings.batches[method.label].values() if len(found) > number
            ]
            cells.append(f"{mean_text(shares, 0)} %" if shares else "–")
        ratio = findings.rare_ratio(method.label)
        cells += [f"×{ratio:.2f}" if ratio is not None else "–"] if findings.rare.any() else []
        head = f'<th scope="row">{swatch(styles[method.label])}{escape(method.label)}</th>'
        rows.append(f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    rare = ""
    if findings.rare.any():
        names = ", ".join(name for name, rare in zip(findings.classes, findings.rare, strict=True) if rare)
        rare = (
            f" Rare are classes with less than {50 / len(findings.classes):.3g} % of the pool's {_unit(findings)} "
            f"({escape(names)}); ×2 means that the chosen frames hold twice the pool's share of them."
        )
    return (
        f'<div class="scroll"><table><thead><tr>{"".join(f"<th>{head}</th>" for head in heads)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        f'<p class="small">Mean ± standard deviation over seeds. {escape(findings.definition)}{rare}</p>'
    )


def choices(method: Method, findings: Findings, styles: Mapping[str, int], number: int) -> str:
    """Return what a strategy chose: frames in order, later batches folded away, classes against the pool.

    Args:
        method: the strategy.
        findings: of its dataset.
        styles: number of each method's colour.
        number: of the dataset in the report, which its sprite is called by.
    """
    by_seed = findings.batches.get(method.label, {})
    batches = next(iter(by_seed.values()), ())
    head = f"<h3>{swatch(styles[method.label])}{escape(method.label)}</h3>"
    if not batches:
        return f'{head}<p class="quiet">It has not chosen anything{" yet" if not method.curves[0].values else ""}.</p>'
    seed = next(iter(by_seed))
    parts = [
        head,
        f"<p>First batch of seed {seed}, in the order of choosing, after a fit on {batches[0].labelled} labels: "
        f"{_summary(batches[0], findings)}</p>",
        _strip(batches[0], findings, number, styles[method.label]),
    ]
    for place, batch in enumerate(batches[1:], start=2):
        parts.append(
            f"<details><summary>Batch {place}, after a fit on {batch.labelled} labels: "
            f"{_summary(batch, findings)}</summary>{_strip(batch, findings, number, styles[method.label])}</details>"
        )
    return "".join(parts) + _bars(method.label, findings, styles[method.label] % COLOURS, len(by_seed))


def class_keys(findings: Findings) -> str:
    """Return which colour is which class."""
    keys = [f"<li>{_key(_rgb(findings, number))}{escape(name)}</li>" for number, name in enumerate(findings.classes)]
    return f'<ul class="keys">{"".join(keys)}<li>{_key("#000")}ignored</li></ul>'


def _summary(batch: Batch, findings: Findings) -> str:
    scenes = ""
    if findings.scenes and batch.scenes is not None:
        scenes = f" from {batch.scenes} scene{'s' * (batch.scenes != 1)}"
    count = sum(batch.repeats)
    what = "image" if findings.scenes is None else "frame"
    again = f"{count} of them near-duplicates ({100 * batch.repeated:.0f} %)" if count else "no near-duplicates"
    return f"{len(batch.chosen)} {what}{'s' * (len(batch.chosen) != 1)}{scenes}, {again}."


def _strip(batch: Batch, findings: Findings, number: int, style: int) -> str:
    """Return the scores' axis and the frames as a list; what lies behind them is the dataset's sprite."""
    sprite = findings.sprite
    if sprite is None:
        return ""
    items = []
    scores = batch.scores.chosen if batch.scores is not None else (None,) * len(batch.chosen)
    label = '<i class="la"></i>' if sprite.labels else ""
    for place, (index, again) in enumerate(zip(batch.chosen[:SHOWN], batch.repeats, strict=False), start=1):
        name, kind = findings.names[index], findings.kinds.get(index)
        short = escape(short_name(name)) + (f" ({escape(kind)})" if kind is not None else "")
        title = "" if short_name(name) == name else f' title="{escape(name)}"'
        mark = '<em title="near-duplicate">≈</em>' if again else ""
        score = scores[place - 1]
        said = "" if score is None else f'<span title="score">{digits(score)}</span>'
        items.append(
            f'<li style="--p:{sprite.at(index)}"{title}><i class="im"></i>{label}<b>{place}</b>{mark}{said}{short}</li>'
        )
    more = len(batch.chosen) - len(items)
    rest = f'<p class="small">and {more} more.</p>' if more > 0 else ""
    axis = score_axis(batch.scores, style) if batch.scores is not None else ""
    return f'{axis}<ol class="strip of{number}">{"".join(items)}</ol>{rest}'


def _bars(label: str, findings: Findings, style: int, seeds: int) -> str:
    """Return the classes' shares of what was chosen, against the pool's, the most frequent first."""
    pool, chosen, rare = findings.share(), findings.share(label), findings.rare
    largest = max(float(pool.max()), float(chosen.max()), 1e-9)
    rows = []
    for at in np.argsort(-pool, kind="stable").tolist():
        here, there = float(chosen[at]), float(pool[at])
        ratio = f"×{here / there:.2f}" if there else "–"
        rows.append(
            f"<div>{_key(_rgb(findings, at))}{escape(findings.classes[at])}</div>"
            f'<div class="bar"><span style="width:{100 * there / largest:.1f}%;background:var(--pool)"></span>'
            f'<span style="width:{100 * here / largest:.1f}%;background:var(--c{style})"></span></div>'
            f'<div class="right">{100 * there:.1f} → {100 * here:.1f} %</div>'
            f'<div class="right{" rare" if rare[at] else ""}">{ratio}</div>'
        )
    sample = "" if findings.counted == findings.size else f" (of the pool, {findings.counted} images were counted)"
    note = ", rare classes in bold" if rare.any() else ""
    return (
        f"<h4>Classes: share of {_unit(findings)}, the pool (grey) against what {escape(label)} chose</h4>"
        f'<p class="small">All batches of {seeds} seed{"s" * (seeds != 1)} together{sample}; pool → chosen, and '
        f"chosen / pool{note}.</p>"
        f'<div class="bars">{"".join(rows)}</div>'
    )


def _unit(findings: Findings) -> str:
    return "pixels" if findings.per_pixel else "images"


def _key(colour: str) -> str:
    return f'<span class="key" style="background:{colour}"></span>'


def _rgb(findings: Findings, at: int) -> str:
    return "#" + bytes(palette(len(findings.classes))[at].tolist()).hex()
