"""Why the strategies chose what they chose, as HTML: repetition in a batch, agreement of runs, the choice on a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from statistics import fmean

from al_lightning.inspect.collapse import DRAWS, Collapse
from al_lightning.inspect.embedding_map import DESCRIBED, MOST_POINTS, Map, Scores
from al_lightning.inspect.overlap import Overlap, overlap_of_runs
from al_lightning.reports.chart import COLOURS, swatch
from al_lightning.reports.findings import Findings, first_runs
from al_lightning.reports.numbers import Dataset, Method, mean_text
from al_lightning.runs.journal import Run

SIDE = 240
"""Width and height of a map, in its own units."""
EDGE = 8


def reasons(dataset: Dataset, findings: Findings, styles: Mapping[str, int], number: int) -> str:
    """Return what over all strategies of a dataset tells why they chose what they chose.

    Args:
        dataset: the runs.
        findings: of it.
        styles: number of each method's colour.
        number: of the dataset in the report, which its map is called by.
    """
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in findings.notes)
    parts = [notes, _repetition(dataset, findings, styles), agreement(dataset, styles)]
    return "".join([*parts, _maps(dataset, findings.map, styles, number) if findings.map else ""])


def score_axis(scores: Scores, style: int) -> str:
    """Return a batch's scores on one line: all candidates in grey, where they are known, and the chosen in colour.

    Args:
        scores: of the batch.
        style: number of the method's colour.
    """
    left, right, floor = 4, 396, 30 if scores.among else 2
    span = scores.high - scores.low

    def x(score: float) -> float:
        return left + (right - left) * ((score - scores.low) / span if span else 0.5)

    wide, most = (right - left) / max(1, len(scores.among)), max(scores.among, default=1)
    bars = "".join(
        f"M{left + at * wide:.1f},{floor}v{-max(1.0, 26 * count / most):.1f}h{wide - 1:.1f}V{floor}z"
        for at, count in enumerate(scores.among)
        if count
    )
    ticks = "".join(f"M{x(score):.1f},{floor + 2}v10" for score in scores.chosen if score is not None)
    known = [score for score in scores.chosen if score is not None]
    low, high = digits(scores.low), digits(scores.high)
    said = f"scores of the chosen from {digits(min(known))} to {digits(max(known))}, on a scale from {low} to {high}"
    return (
        f'<svg class="scores" viewBox="0 0 400 {floor + 28}" role="img" aria-label="{said}">'
        f'<path d="{bars}" style="fill:var(--pool)"/><path class="grid" d="M{left},{floor + 1}H{right}"/>'
        f'<path d="{ticks}" style="stroke:var(--c{style % COLOURS})"/>'
        f'<text x="{left}" y="{floor + 25}">{low}</text>'
        f'<text x="{right}" y="{floor + 25}" text-anchor="end">{high}</text></svg>'
    )


def digits(score: float) -> str:
    """Return a score with four significant digits, so that lists of them line up."""
    return f"{score:#.4g}".rstrip(".")


def _repetition(dataset: Dataset, findings: Findings, styles: Mapping[str, int]) -> str:
    """Return the table of mode-collapse indices, a line per strategy."""
    found = {
        method.label: [[batch.collapse for batch in one] for one in findings.batches.get(method.label, {}).values()]
        for method in dataset.methods
    }
    most = max((len(one) for runs in found.values() for one in runs), default=0)
    if not most:
        return ""
    heads = ["strategy"]
    heads += ["scenes, batch 1<br>(at random)"] if findings.scenes else []
    heads += [f"batch {number + 1}<br>(own − random)" for number in range(most)]
    heads += ["random ones as<br>repetitive as batch 1"]
    rows = []
    for method in dataset.methods:
        batches = [[one[place] for one in found[method.label] if len(one) > place] for place in range(most)]
        if not batches[0]:
            continue
        cells = []
        if findings.scenes:
            scenes = [one.scenes for one in batches[0] if one.scenes is not None]
            by_chance = [one.scenes_expected for one in batches[0] if one.scenes_expected is not None]
            cells.append(f"{mean_text(scenes, 1)} <small>({fmean(by_chance):.1f})</small>" if scenes else "–")
        cells += [_index(batch) for batch in batches]
        cells.append(f"{100 * fmean(one.as_repetitive for one in batches[0]):.0f} %")
        rows.append(_row(method, styles, cells))
    judged = {one.judged for runs in found.values() for run in runs for one in run}
    size = f" (of a large batch, {max(judged)} images, drawn at random)" if _thinned(findings) else ""
    return (
        f"<h4>Mode-collapse index: how much more a batch repeats itself than a random one, in points</h4>"
        f'<div class="scroll"><table><thead><tr>{"".join(f"<th>{head}</th>" for head in heads)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="small">Own: share of near-duplicates <em>within</em> the batch'
        f"{size}, whatever was labelled before; random: its mean over {DRAWS} random batches of that size from the "
        "same candidates. 0 is as good as random; above it, the strategy asks for the same again. Last column: random "
        "batches that are at least as repetitive; under about 5 %, chance alone hardly makes such a batch.</p>"
    )


def _thinned(findings: Findings) -> bool:
    return any(
        batch.collapse.judged < len(batch.chosen)
        for by_seed in findings.batches.values()
        for one in by_seed.values()
        for batch in one
    )


def _index(batch: Sequence[Collapse]) -> str:
    if not batch:
        return "–"
    values = [100 * one.index for one in batch]
    text = mean_text(values, 0).replace("-", "−")
    text = text.replace("−0 ", "0 ") if text.startswith("−0 ") else "0" if text == "−0" else text
    sign = "+" if fmean(values) >= 0.5 else ""
    own, chance = (100 * fmean(part) for part in ([one.share for one in batch], [one.expected for one in batch]))
    return f"{sign}{text} <small>({own:.0f} − {chance:.0f})</small>"


def agreement(dataset: Dataset, styles: Mapping[str, int]) -> str:
    """Return the matrices of what strategies, and seeds of one strategy, chose in common.

    Args:
        dataset: the runs; their data are not needed.
        styles: number of each method's colour.
    """
    counts = [max(sum(1 for cycle in run.cycles if cycle.chosen) for run in method.runs) for method in dataset.methods]
    methods = [method for method, count in zip(dataset.methods, counts, strict=True) if count]
    if not methods or (len(methods) == 1 and len(methods[0].runs) == 1):
        return ""
    least = min(count for count in counts if count)
    tables = "".join(_matrix(methods, batches, styles) for batches in dict.fromkeys((1, least)))
    return (
        "<h4>Agreement: images that two runs both chose, in % of a choice</h4>"
        f'<div class="side two">{tables}</div>'
        '<p class="small">Two strategies: runs of one seed, which begin from the same labels, mean over seeds; a '
        "strategy with itself: all pairs of its seeds, which begin from different ones. In brackets, what chance gives "
        "choices of that size. Initial labels are not counted.</p>"
    )


def _matrix(methods: Sequence[Method], batches: int, styles: Mapping[str, int]) -> str:
    pairs = {
        (one.label, other.label): _overlaps(one, other, batches)
        for place, one in enumerate(methods)
        for other in methods[: place + 1]
    }
    bought = next((found[0].first for found in pairs.values() if found), 0)
    rows = []
    for place, one in enumerate(methods):
        cells = [_cell(pairs[one.label, other.label]) for other in methods[: place + 1]]
        head = f'<th scope="row">{swatch(styles[one.label])}{escape(one.label)}</th>'
        rows.append(f"<tr>{head}{''.join(cells)}{'<td></td>' * (len(methods) - place - 1)}</tr>")
    heads = "".join(f"<th>{escape(method.label)}</th>" for method in methods)
    after = "first batch," if batches == 1 else f"all {batches} batches,"
    return (
        f'<div class="scroll"><table class="matrix"><thead><tr><th>{after}<br>{bought} images</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _overlaps(one: Method, other: Method, batches: int) -> list[Overlap]:
    if one is other:
        pairs = [(first, second) for place, second in enumerate(one.runs) for first in one.runs[:place]]
    else:
        theirs = {run.record.seed: run for run in other.runs}
        pairs = [(run, theirs[run.record.seed]) for run in one.runs if run.record.seed in theirs]
    return [found for first, second in pairs if (found := overlap_of_runs(first, second, batches)) is not None]


def _cell(found: Sequence[Overlap]) -> str:
    """Return a cell, the darker the further the agreement is above chance."""
    if not found:
        return '<td class="quiet">–</td>'
    share, chance = fmean(one.share for one in found), fmean(one.expected_share for one in found)
    dark = round(55 * max(0.0, share - chance) / max(1e-9, 1 - chance))
    title = "; ".join(
        f"{one.common} of {one.first}, by chance {one.expected:.1f} ± {one.deviation:.1f}, Jaccard {one.jaccard:.2f}"
        for one in found[:5]
    )
    return (
        f'<td title="{title}" style="background:color-mix(in srgb,var(--link) {dark}%,transparent)">'
        f"{100 * share:.0f} <small>({100 * chance:.0f})</small></td>"
    )


def _maps(dataset: Dataset, drawn: Map, styles: Mapping[str, int], number: int) -> str:
    """Return the pool as points, once for each strategy, with its first batch marked."""
    runs = first_runs(dataset)
    place = {index: f"M{EDGE + (SIDE - 2 * EDGE) * x:.1f},{EDGE + (SIDE - 2 * EDGE) * y:.1f}h0"
             for index, (x, y) in zip(drawn.index.tolist(), drawn.place.tolist(), strict=True)}  # fmt: skip
    cloud = f'<path id="pool{number}" class="cloud" d="{"".join(place.values())}"/>'
    low, high = float(drawn.place[:, 1].min()), float(drawn.place[:, 1].max())
    shape = f"0 {(SIDE - 2 * EDGE) * low:.1f} {SIDE} {(SIDE - 2 * EDGE) * (high - low) + 2 * EDGE:.1f}"
    figures = []
    for label, run in runs.items():
        first = run.cycles[0]
        before = "".join(place.get(index, "") for index in run.labelled_at(0))
        chosen = "".join(place.get(index, "") for index in first.chosen)
        other = "" if drawn.source is None or _one_network(run, drawn.source) else "; its network is another one"
        said = f"{len(first.chosen)} images that {label} chose, among {len(place)} of the pool"
        figures.append(
            f'<figure><svg class="map" viewBox="{shape}" role="img" aria-label="{escape(said)}">'
            f'{cloud}<path class="before" d="{before}"/>'
            f'<path class="halo" d="{chosen}"/><path class="taken" d="{chosen}" '
            f'style="stroke:var(--c{styles[label] % COLOURS})"/></svg>'
            f"<figcaption>{swatch(styles[label])}{escape(label)}: {len(first.chosen)} chosen{other}"
            "</figcaption></figure>"
        )
        cloud = f'<use href="#pool{number}"/>'  # the first one's
    seed = next(iter(runs.values())).record.seed
    return (
        f"<h4>The pool as a map (t-SNE), and each strategy's first batch on it, seed {seed}</h4>"
        f'<div class="maps">{"".join(figures)}</div><p class="small">{_source(drawn, len(place))} Grey: the pool; '
        "squares: labelled before; in colour: chosen. What lies close together is alike to it; the axes, and how far "
        "apart groups lie, mean nothing.</p>"
    )


def _one_network(run: Run, source: Run) -> bool:
    """Return whether two runs' first fits gave one network: they then test alike, to the last digit."""
    return run.cycles[0].metrics == source.cycles[0].metrics


def _source(drawn: Map, count: int) -> str:
    if drawn.source is None:
        cut = f" {count} of its images" if count >= DESCRIBED else ""
        return (
            f"No run kept embeddings (core-set does), so this map{cut} is of the pictures' own thumbnails, not of what "
            "a network sees."
        )
    cut = f" ({count} of its images)" if count >= MOST_POINTS else ""
    return f"Places are from the embeddings{cut} that {escape(drawn.source.record.name)} saw after the first fit."


def _row(method: Method, styles: Mapping[str, int], cells: Sequence[str]) -> str:
    head = f'<th scope="row">{swatch(styles[method.label])}{escape(method.label)}</th>'
    return f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
