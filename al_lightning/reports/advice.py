"""What to try next: each piece of advice names the number in the report that it follows from."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from al_lightning.config.commands import command_of, compare_instead
from al_lightning.progress import duration
from al_lightning.reports.findings import Findings
from al_lightning.reports.numbers import Dataset, signed, verdict
from al_lightning.reports.origin import Origin
from al_lightning.reports.seeds import PLANNED, further_seeds
from al_lightning.results.baselines import chance_of
from al_lightning.results.comparison import FEWEST, RELEVANT, SHOWN, Comparison, Verdict
from al_lightning.results.durations import HOUR, seconds_of
from al_lightning.results.series import BASELINE
from al_lightning.runs.journal import Run
from al_lightning.runs.parts import called

ADVISED = 3
"""Seeds to begin with."""
OTHER_STRATEGY = "coreset"
"""The strategy to try beside those that were run: it selects a batch as a whole, and fits every task."""
OWN_IMAGES = ("ImageFolder", "MaskFolder")
"""Datasets of the package that read one's own images."""
REPEATED = 0.3
"""Share of near-duplicates from which a batch is called redundant."""


@dataclass(frozen=True)
class Advice:
    """A thing to try.

    Attributes:
        text: the reason and the advice, plain text.
        commands: lines for a shell.
    """

    text: str
    commands: tuple[str, ...] = ()


def advise(dataset: Dataset, findings: Findings | None, origin: Origin | None = None) -> list[Advice]:
    """Return what to try next on a dataset.

    Args:
        dataset: the runs.
        findings: on its pool; None where the data cannot be read.
        origin: the command that made all runs; None where each run has its own.
    """
    made = origin if origin is not None and origin.continues else None
    redundancy = [] if findings is None else _redundancy(dataset, findings, made)
    runs = [*_seeds(dataset, made), *redundancy]
    return [*_unfinished(dataset, made), *_sooner(dataset, runs), *runs, *_verdicts(dataset)]


def _sooner(dataset: Dataset, advice: Sequence[Advice]) -> list[Advice]:
    """Return what takes minutes, where the advised runs would take over an hour: as long as those that are there."""
    seconds = [found for run in dataset.runs if (found := seconds_of(run)) is not None]
    count = sum(command.startswith("al-lightning fit ") for each in advice for command in each.commands)
    if not seconds or (total := count * fmean(seconds)) < HOUR:
        return []
    line = next(filter(None, (compare_instead(run.record) for run in dataset.runs)), "")
    text = (
        f"The {count} runs that are advised below would take about {duration(total)}, as long as the runs here took; "
        "this one takes minutes, on features of a frozen encoder."
    )
    return [Advice(text, (line,))] if line else []


def on_own_images(dataset: Dataset) -> bool:
    """Whether a dataset is the user's own: a folder of images, or a dataset of another module."""
    paths = [str(run.record.settings.get("data.class_path", "")) for run in dataset.runs]
    return any(path and (called(path) == path or called(path) in OWN_IMAGES) for path in paths)


def unfinished(dataset: Dataset) -> list[Run]:
    """Return the runs that have not finished their last cycle."""
    return [run for method in dataset.methods for run in method.runs if not run.cycles or run.cycles[-1].chosen]


def _unfinished(dataset: Dataset, origin: Origin | None) -> list[Advice]:
    runs = unfinished(dataset)
    if not runs:
        return []
    people = [run for run in runs if run.record.oracle.endswith(".Files")]
    alone = [run for run in runs if run not in people]
    advice = []
    if people:
        text = f"{_not_finished(people)}; people label. This counts the labels, and prints the command that goes on:"
        status = [shlex.join(["al-lightning", "labels", "status", str(run.directory)]) for run in people]
        advice.append(Advice(text, tuple(status)))
    if alone:
        text = f"{_not_finished(alone)}; the same command goes on."
        commands = [command_of(run.record, run.record.seed) for run in alone]
        advice.append(Advice(text, (origin.line,) if origin else tuple(commands)))
    return advice


def _not_finished(runs: Sequence[Run]) -> str:
    return f"{len(runs)} run{'s are' if len(runs) > 1 else ' is'} not finished"


def _seeds(dataset: Dataset, origin: Origin | None) -> list[Advice]:
    """Return the missing baseline, or the seeds that the comparisons lack."""
    if dataset.baseline is None:
        missing = _sibling(dataset, BASELINE, origin)
        if not missing:
            return []
        return [Advice(f"Without {BASELINE} at the same seeds no strategy can be judged.", missing)]
    if not any(method is not dataset.baseline for method in dataset.methods):
        text = f"There is {BASELINE} alone; run a strategy beside it (`al-lightning configs` lists them)"
        other = _sibling(dataset, OTHER_STRATEGY, origin)
        return [Advice(f"{text}{f', such as {OTHER_STRATEGY}:' if other else '.'}", other)]
    unclear = [each for each in dataset.against_baseline() if each.verdict is Verdict.CANNOT_TELL]
    if not unclear:
        return []
    present = sorted({seed for method in dataset.methods for seed in method.seeds})
    usual = 0 if origin is None else origin.usual_seeds
    if any(each.seeds < FEWEST for each in unclear):
        enough = f"the command makes {usual} by itself, in minutes" if usual else "5 are better"
        text = f"One seed cannot tell a difference from luck. Run at least {ADVISED}; {enough}."
        count, more = usual, ADVISED - len(present)
    else:
        text, count = further_seeds(unclear, usual or PLANNED)
        more = 1  # runs that take long, one after the other
        if not count:
            return [Advice(text)]
    wanted = [*present, *range(present[-1] + 1, present[-1] + 1 + more)]
    if origin is not None:
        return [Advice(text, (origin.with_seeds(max(count * bool(usual), wanted[-1] + 1)),))]
    unsure = {dataset.baseline.label, *(label for each in unclear for label in (each.method, each.baseline))}
    commands = [
        command_of(method.runs[0].record, seed)
        for seed in wanted
        for method in dataset.methods
        if method.label in unsure and seed not in method.seeds
    ]
    return [Advice(text, tuple(commands))]


def _redundancy(dataset: Dataset, findings: Findings, origin: Origin | None) -> list[Advice]:
    repeated = {m.label: share for m in dataset.methods if (share := findings.first_repeated(m.label)) is not None}
    usual = dataset.baseline.label if dataset.baseline is not None else ""
    base = repeated.get(usual)
    # Neither chance nor a strategy that selects the batch as a whole scores each image by itself.
    alone = [m.label for m in dataset.methods if not m.draws and not m.strategy.startswith(OTHER_STRATEGY)]
    advice = [
        _spread(dataset, findings, label, repeated, origin)
        for label in alone
        if (share := repeated.get(label, 0)) >= REPEATED and _narrow(findings, label, share, base, usual)
    ]
    if base is not None and base >= REPEATED:
        text = (
            f"Even of {usual}'s first batch {100 * base:.0f} % are near-duplicates: the pool is redundant. Thin "
            "your own data out before you label (to every tenth frame, say), and compare again."
        )
        advice.append(Advice(text))
    return advice


def _narrow(findings: Findings, label: str, share: float, base: float | None, baseline: str) -> bool:
    """Whether a first batch is clearly less varied than the baseline's: half the scenes, or more repeats."""
    scenes, usual = findings.first_scenes(label), findings.first_scenes(baseline)
    if scenes is not None and usual is not None:
        return scenes <= usual / 2
    return base is None or share >= base + 0.1


def _spread(
    dataset: Dataset, findings: Findings, label: str, repeated: Mapping[str, float], origin: Origin | None
) -> Advice:
    """Return the advice on a strategy whose batch repeats itself."""
    text = f"{100 * repeated[label]:.0f} % of {label}'s first batch are near-duplicates"
    if (scenes := findings.first_scenes(label)) is not None:
        others = [
            f"{other}'s from {_number(count)}"
            for other in repeated
            if other != label and (count := findings.first_scenes(other)) is not None
        ]
        text += f"; it comes from {_number(scenes)} scene{'s' * (scenes != 1)} ({', '.join(others)})" if others else ""
    text += ". Strategies that score each image alone tend to do so: images similar to a high-scoring one score high."
    for each in dataset.against_baseline():
        if each.method == label:
            text += f" The curves show its cost: {signed(each)} points against {each.baseline} ({verdict(each)})."
    if any(method.strategy.startswith(OTHER_STRATEGY) for method in dataset.methods):
        return Advice(text)
    return Advice(
        f"{text} Compare {label} with a strategy that selects the batch as a whole, such as {OTHER_STRATEGY}.",
        _sibling(dataset, OTHER_STRATEGY, origin),
    )


def _number(mean: float) -> str:
    """Return a mean over seeds with one digit, where it has one."""
    return f"{mean:.1f}".removesuffix(".0")


def _verdicts(dataset: Dataset) -> list[Advice]:
    """Return the advice that follows from the verdicts."""
    by_verdict: dict[Verdict, list[Comparison]] = {verdict: [] for verdict in Verdict}
    for each in dataset.against_baseline():
        by_verdict[each.verdict].append(each)
    texts = []
    base = dataset.baseline.label if dataset.baseline is not None else BASELINE
    chance = {method.label for method in chance_of(dataset.methods)}
    if ahead := [each for each in by_verdict[Verdict.AHEAD] if each.baseline in chance]:
        names = [f"{each.method}{_details(each, base)}" for each in ahead]
        check = "" if on_own_images(dataset) else " Check this on your own images before you rely on it."
        texts.append(
            f"Ahead of {base} here: {' and '.join(names)}. A strategy that wins on one pool may lose on another.{check}"
        )
    texts += [
        f"{each.method} is {each.verdict.value} {'of ' * (each.verdict is Verdict.AHEAD)}{each.baseline} here; whether "
        f"either is ahead of {base} with that network is not known."
        for each in dataset.against_baseline()
        if each.shows and each.baseline not in chance
    ]
    texts += [
        f"{each.method} is not distinguishable from {each.baseline} here: {_further(each)}"
        for each in by_verdict[Verdict.NOT_DISTINGUISHABLE]
    ]
    texts += [
        f"{each.method} is behind {each.baseline} here{f', {small}' if (small := _small(each)) else ''}. "
        f"{each.baseline} costs less: at this budget, on this pool, {each.method} is not worth it."
        for each in by_verdict[Verdict.BEHIND]
        if each.baseline in chance
    ]
    return [Advice(text) for text in texts]


def _further(comparison: Comparison) -> str:
    """Return what may still show a difference, where none showed."""
    if comparison.within:
        matters = f"a difference that matters ({RELEVANT:g} point)"
        return f"more seeds would hardly show {matters}; more labels, or other data, may."
    return f"differences of {RELEVANT:g} point {SHOWN}, but the interval goes beyond; further seeds narrow it."


def _details(comparison: Comparison, base: str) -> str:
    """Return in brackets what a method is ahead of, unless that is the baseline, and whether that is by little."""
    of = f"of {comparison.baseline}" * (comparison.baseline != base)
    return f" ({', '.join(parts)})" if (parts := [part for part in (of, _small(comparison)) if part]) else ""


def _small(comparison: Comparison) -> str:
    return f"by less than {RELEVANT:g} point" * comparison.small


def _sibling(dataset: Dataset, strategy: str, origin: Origin | None) -> tuple[str, ...]:
    """Return the commands of another strategy at the seeds of a dataset's runs; none where no run names its dataset."""
    if origin is not None and (line := origin.running(strategy)):
        return (line,)
    records = [run.record for method in dataset.methods for run in method.runs]
    record = next((each for each in records if command_of(each, each.seed, strategy)), None)
    seeds = sorted({each.seed for each in records})
    return () if record is None else tuple(command_of(record, seed, strategy) for seed in seeds)
