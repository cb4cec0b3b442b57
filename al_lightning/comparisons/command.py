"""The command `compare`, from its arguments to the printed answer and the page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_lightning.comparisons.answer import next_steps, sentences, write_page
from al_lightning.comparisons.check import check
from al_lightning.comparisons.comparison import Comparer
from al_lightning.comparisons.plan import STRATEGIES, Limits, Request
from al_lightning.comparisons.screen import as_text, means_table
from al_lightning.comparisons.strategies import Strategies
from al_lightning.config.directory import HASH_LENGTH, MARK_LENGTH, RUNS, mark_of
from al_lightning.config.hints import imported
from al_lightning.config.names import ENCODERS
from al_lightning.errors import UsageError
from al_lightning.labels.content import count_of
from al_lightning.launcher.machine import cores
from al_lightning.progress import Reporter, duration
from al_lightning.recommendations.guide import study_guide
from al_lightning.reports.origin import Origin
from al_lightning.results.series import BASELINE
from al_lightning.runs.identity import fingerprint
from al_lightning.runs.parts import called


@dataclass(frozen=True)
class Asked:
    """The arguments of the command, see `cli.compare`, and when it began, by `time.monotonic`.

    `values` are the settings of the dataset's config.
    """

    dataset: str
    values: Mapping[str, Any]
    strategies: tuple[str, ...]
    options: tuple[str, ...]
    seeds: int
    minutes: float
    encoder: str | None
    processes: int | None
    check: bool
    dry_run: bool
    run_dir: Path | None
    out: Path | None
    title: str
    command: Sequence[str]
    begun: float


def run(asked: Asked) -> str:
    """Compare, write the page, and return what is to be printed."""
    request = _request(asked)
    with Reporter() as reporter:
        comparer = Comparer(request, reporter, asked.begun)
        if asked.dry_run:
            return "\n".join([comparer.plan, *map(str, comparer.strategies.homes)])
        out = asked.out or page_of(request, comparer.strategies)
        comparison = comparer.run()
        origin = Origin(("al-lightning", *asked.command), tuple(each.name for each in comparer.experiments))
        steps = next_steps(comparison, asked.command, asked.check)
        checked = None
        page = write_page(out, comparison, asked.title, origin, None, steps, study_guide())
        if asked.check:
            reporter.say(f"the comparison is there: {page}")
            checked = check(comparison, out.with_suffix(".check"), reporter)
            write_page(out, comparison, asked.title, origin, checked, steps, study_guide())
    width = shutil.get_terminal_size().columns
    title = "Mean over seeds ± half of its 95 % interval (the page has ± one standard deviation)"
    table = as_text(means_table(comparison.methods, title, width), width)
    lines = [*([checked.line] if checked else []), *sentences(comparison), *comparison.notes]
    todo = [line for step in steps for line in (f"{step.why}:", f"  {step.command}")]
    seeds = len({run.record.seed for run in comparison.runs})
    end = f"{len(comparison.runs)} runs, {count_of(seeds, 'seed')} in {duration(comparison.seconds)}: {comparison.why}."
    return "\n".join([table, "", *lines, "", *todo, "", end, f"Page: {page}"])


def page_of(request: Request, strategies: Strategies) -> Path:
    """Return the page of a comparison for which none is named, beside its runs.

    Other folders, encoders, budgets, strategies and options of strategies have another page; more seeds have the same.
    """
    encoder = request.encoder if request.encoder not in ENCODERS.values() else ""
    chosen = ""
    if strategies.own_options or request.strategies != STRATEGIES:
        homes = [str(home.relative_to(request.run_dir or RUNS)) for home in strategies.homes]
        names = ",".join(map(called, request.strategies[1:]))
        chosen = f"{names[:MARK_LENGTH]}-{fingerprint({'runs': homes})[:HASH_LENGTH]}"
    mark = mark_of(strategies.experiments[0].run_dir)
    name = "_".join(filter(None, ["compare", request.dataset, encoder, mark, chosen]))
    return (request.run_dir or RUNS) / f"{name}.html"


def _request(asked: Asked) -> Request:
    """Return the request with what was not given filled in."""
    predicts = imported(asked.values["task"]["class_path"]).predicts
    given = filter(None, map(str.strip, asked.strategies))
    others = [name for name in tuple(given) or STRATEGIES if name != BASELINE]
    if not others:
        raise UsageError(f"--strategies names nothing beside {BASELINE}, which every strategy is compared with.")
    return Request(
        dataset=asked.dataset,
        strategies=(BASELINE, *dict.fromkeys(others)),
        options=asked.options,
        limits=Limits(asked.seeds, asked.minutes),
        run_dir=asked.run_dir,
        encoder=asked.encoder or ENCODERS[predicts],
        processes=asked.processes or cores(),
    )
