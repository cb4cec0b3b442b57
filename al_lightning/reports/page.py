"""The report: one page about a set of runs, for who asks whether active learning helps on some data, and which method.

One HTML file that loads nothing, reads without scripts, on a phone, in light and dark, and prints. It is a function of
the runs and their data: the same ones give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from html import escape
from pathlib import Path

from al_lightning.errors import UsageError
from al_lightning.reports.advice import Advice, advise
from al_lightning.reports.chart import curve_chart
from al_lightning.reports.choices import choices, class_keys, overview, sprite_style
from al_lightning.reports.findings import Findings, Lookup, gather
from al_lightning.reports.numbers import BASELINE, Dataset, datasets, headline
from al_lightning.reports.reasons import agreement, reasons
from al_lightning.reports.tables import capital, code, cost, curves, differences, more
from al_lightning.results.comparison import rule
from al_lightning.runs.files import write_text
from al_lightning.runs.journal import Run

OWN = (
    Advice(
        "Your own images, a class per image: folders by class (README, “Your own images”). Compare with random at the "
        "same seeds.",
        (
            "al-lightning fit --config image_folder_random --data.root ROOT",
            "al-lightning fit --config image_folder_coreset --data.root ROOT",
        ),
    ),
    Advice(
        "Your own images, a class per pixel: images and masks of label ids (README, “Your own images”). For video, "
        "`--data.sequence_pattern` tells sequence and frame apart, and this report then counts scenes.",
        (
            "al-lightning fit --config mask_folder_random --data.root ROOT --data.classes '[road, car, tree]' "
            "--run_dir runs/mine_random",
            "al-lightning fit --config mask_folder_coreset --data.root ROOT --data.classes '[road, car, tree]' "
            "--run_dir runs/mine_coreset",
        ),
    ),
    Advice("A strategy of your own takes about twenty lines (README, “Your own strategy”)."),
)


def write_report(
    path: Path,
    runs: Sequence[Run],
    data: Lookup,
    title: str = "Does active learning help here, and which method?",
    *,
    strategies: Collection[str] | None = None,
    command: str = "",
) -> Path:
    """Write the report about some runs.

    Args:
        path: the HTML file.
        runs: read from their directories, finished or not, in the order in which strategies shall be shown.
        data: gives a run's dataset, or holds it under the run's name (`run.record.name`); where that fails, the
            report says so and goes without pictures.
        title: above the page; plain text.
        strategies: names of strategies, to find where in a run's name the dataset ends; without them, the last part of
            a name is the strategy.
        command: that made the runs, to be shown; by default each run's own is.

    Returns:
        The path.

    Raises:
        UsageError: there are no runs.
        ALError: the file cannot be written.
    """
    if not runs:
        raise UsageError("A report needs at least one run directory.")
    write_text(path, page(runs, data, title, strategies=strategies, command=command))
    return path


def page(
    runs: Sequence[Run],
    data: Lookup,
    title: str,
    *,
    strategies: Collection[str] | None = None,
    command: str = "",
    before: str = "",
) -> str:
    """Return the report as text; see `write_report`.

    Args:
        runs: as there, or none where there is something before.
        data: as there.
        title: as there.
        strategies: as there.
        command: as there.
        before: HTML of sections that the page begins with, for example a table of the study (`id="table"`); they say
            what the numbers mean, so the page's own first words on that are left out.
    """
    found = datasets(runs, strategies)
    seen = [gather(dataset, data) for dataset in found]
    labels = dict.fromkeys(method.label for dataset in found for method in (*dataset.methods, *dataset.references))
    others = [label for label in labels if label != BASELINE]
    styles = {BASELINE: 0} | {label: number for number, label in enumerate(others, start=1)}
    css = Path(__file__).with_name("report.css").read_text()
    css += "".join(sprite_style(one, number) for number, one in enumerate(seen) if isinstance(one, Findings))
    sections = [
        _dataset(dataset, one, styles, number) for number, (dataset, one) in enumerate(zip(found, seen, strict=True))
    ]
    names = [list(one.classes) if isinstance(one, Findings) else [] for one in seen]
    sections.append(more(found, names, strategies))
    links = "".join(
        f'<a href="#{anchor}">{escape(text)}</a>'
        for anchor, text in [
            *([("table", "The table")] if before else []),
            *((f"data{number}", dataset.name) for number, dataset in enumerate(found)),
            ("next", "What to try next"),
            ("made", "How it was made"),
        ]
    )
    answers = "".join(f"<li>{escape(headline(dataset))}</li>" for dataset in found)
    words = f'<ul class="answer">{answers}</ul>\n<p class="small">{_rule(found)}</p>\n' if not before else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{escape(title)}</h1>\n{words}<nav>{links}</nav></header>\n"
        + "\n".join([before, *sections] if before else sections)
        + f"\n{_next(found, seen)}\n{cost(found, command)}\n</main>\n</body>\n</html>\n"
    )


def _rule(found: Sequence[Dataset]) -> str:
    """Return how differences were judged, and how often that errs."""
    count = sum(len(dataset.against_baseline()) for dataset in found)
    metrics = " and ".join(dict.fromkeys(dataset.metric_name for dataset in found if dataset.metric))
    text = (
        f"Points are percentage points of {metrics or 'the metric'}, averaged over the whole curve. Runs of one seed "
        f"start from the same labelled images. {rule()}"
    )
    if count:
        text += (
            f" {count} comparison{'s' * (count != 1)} with {BASELINE} {'are' if count != 1 else 'is'} made here, and "
            "corrected for dataset by dataset; those between other strategies are corrected apart."
        )
    return escape(text)


def _dataset(dataset: Dataset, seen: Findings | str, styles: Mapping[str, int], number: int) -> str:
    """Return a dataset's section: curves, table, differences, choices."""
    facts = []
    if isinstance(seen, Findings):
        scenes = f" from {seen.scenes} scenes" if seen.scenes else ""
        facts.append(f"{seen.size} images in the pool{scenes}, {seen.test} for test, {len(seen.classes)} classes")
    parts = [f'<section id="data{number}"><h2>{escape(dataset.name)}</h2>']
    parts += [f'<p class="quiet">{escape(fact)}.</p>' for fact in facts]
    parts += [f'<p class="note">{escape(note)}</p>' for note in dataset.notes]
    waiting = [
        f"{run.record.name}, seed {run.record.seed}"
        for method in dataset.methods
        for run in method.runs
        if not run.cycles or run.cycles[-1].chosen
    ]
    if waiting:
        parts.append(
            f'<p class="note">Not finished, shown as far as {"they are" if len(waiting) > 1 else "it is"}: '
            f"{escape('; '.join(waiting))}.</p>"
        )
    if dataset.budgets:
        parts.append(
            f'<div class="side two"><div><h4>{escape(capital(dataset.metric_name))} in %, against labels</h4>'
            f'{curve_chart(dataset, styles)}<p class="small">Lines: mean over seeds; bands: ± one standard deviation. '
            "All strategies of a seed start from the same images.</p></div>"
            f"<div>{differences(dataset)}</div></div>{curves(dataset, styles)}"
        )
    if isinstance(seen, str):
        parts.append(
            f'<p class="note">What was chosen is not shown, for there are no data to show it from. {escape(seen)}</p>'
        )
        parts.append(agreement(dataset, styles))
    else:
        parts.append(f"<h3>What each strategy chose</h3>{overview(dataset, seen, styles)}")
        parts.append(reasons(dataset, seen, styles, number))
        if seen.per_pixel and seen.sprite is not None:
            parts.append(class_keys(seen))
        if seen.sprite is not None:
            parts.append(
                '<p class="small">In the strips below, ≈ marks a near-duplicate; numbers on frames are the order, bold '
                "ones beneath the strategy's score, on its own scale. The line above a strip is that scale: coloured "
                "the chosen, grey all candidates, where the strategy scored each.</p>"
            )
        parts += [choices(method, seen, styles, number) for method in dataset.methods]
    return "\n".join(parts) + "</section>"


def _next(found: Sequence[Dataset], seen: Sequence[Findings | str]) -> str:
    """Return what to try next, dataset by dataset, then on data of one's own."""
    parts = ['<section id="next"><h2>What to try next</h2>']
    for dataset, one in zip(found, seen, strict=True):
        if advice := advise(dataset, one if isinstance(one, Findings) else None):
            parts.append(f"<h3>On {escape(dataset.name)}</h3>{_list(advice)}")
    if any("--run_dir" not in line for dataset in found for one in advise(dataset, None) for line in one.commands):
        parts.append(
            '<p class="small">Where these runs were made with further options (--steps, --run_dir …), give the same '
            "ones again: each run's config.yaml has them.</p>"
        )
    return "".join(parts) + f"<h3>On your own images</h3>{_list(OWN)}</section>"


def _list(advice: Sequence[Advice]) -> str:
    items = []
    for one in advice:
        items.append(f"<li>{_prose(one.text)}{code(one.commands) if one.commands else ''}</li>")
    return f'<ul class="next">{"".join(items)}</ul>'


def _prose(text: str) -> str:
    """Return plain text as HTML; what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
