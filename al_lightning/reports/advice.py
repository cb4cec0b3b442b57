"""What to try next: each piece of advice follows from a number in the report, and says which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from al_lightning.reports.findings import Findings
from al_lightning.reports.numbers import BASELINE, ENOUGH, Dataset, signed, told
from al_lightning.results.comparison import Comparison, Verdict, points
from al_lightning.results.statistics import seeds_needed
from al_lightning.runs.journal import Run
from al_lightning.runs.parts import setting_of

ADVISED = 3
"""Seeds to begin with."""
MOST_SEEDS = 30
"""More seeds than that are no advice."""
REPEATED = 0.3
"""Share of near-duplicates from which a batch is called redundant."""


@dataclass(frozen=True)
class Advice:
    """A thing to try.

    Attributes:
        text: why, and what; plain text.
        commands: lines for a shell.
    """

    text: str
    commands: tuple[str, ...] = ()


def advise(dataset: Dataset, findings: Findings | None) -> list[Advice]:
    """Return what to try next on a dataset.

    Args:
        dataset: its runs.
        findings: what was chosen; None where the data cannot be read.
    """
    found = [*_unfinished(dataset), *_seeds(dataset)]
    if findings is not None:
        found += _redundancy(dataset, findings)
    return [*found, *_verdict(dataset), *_budget(dataset)]


def unfinished(dataset: Dataset) -> list[Run]:
    """Return the runs that have cycles to go."""
    return [run for method in dataset.methods for run in method.runs if not run.cycles or run.cycles[-1].chosen]


def _unfinished(dataset: Dataset) -> list[Advice]:
    """Return how to go on with runs that were stopped."""
    open_runs = unfinished(dataset)
    if not open_runs:
        return []
    commands = tuple(_command(run.record.name, run.record.seed) for run in open_runs)
    return [Advice(f"{_these(len(open_runs), 'run')} not finished; the same command goes on.", commands)]


def _seeds(dataset: Dataset) -> list[Advice]:
    """Return the missing baseline, or the seeds that the comparisons lack."""
    if dataset.baseline is None:
        name = _sibling(dataset, BASELINE)
        if name is None:
            return []
        return [Advice(f"Without {BASELINE} at the same seeds no strategy can be judged.", (_command(name, 0),))]
    if not any(method is not dataset.baseline for method in dataset.methods):
        return [Advice(f"There is {BASELINE} alone; run a strategy beside it (`al-lightning configs` lists them).")]
    pairs = dataset.against_baseline()
    unclear = [pair for pair in pairs if pair.verdict is Verdict.CANNOT_TELL]
    if not unclear:
        return []
    count = min(len(pair.values) for pair in unclear)
    there = sorted({seed for method in dataset.methods for seed in method.seeds})
    if count < ENOUGH:
        fewer = "One seed" if count == 1 else f"{count} seeds"
        text = f"{fewer} cannot tell a difference from luck. Run at least {ADVISED}; 5 are better."
        wanted = [*there, *range(there[-1] + 1, there[-1] + 1 + ADVISED - len(there))]
    else:
        text = " ".join(_needed(pair) for pair in unclear)
        wanted = [*there, there[-1] + 1]
    unsure = {dataset.baseline.label, *(pair.method for pair in unclear)}
    commands = [
        _command(method.name, seed)
        for seed in wanted
        for method in dataset.methods
        if method.label in unsure and seed not in method.seeds
    ]
    return [Advice(text, tuple(commands))]


def _needed(pair: Comparison) -> str:
    """Return how many seeds a difference of this size would take."""
    head = f"{pair.method} against {pair.other} is {signed(pair)} points over {len(pair.values)} seeds"
    if not pair.tests:
        return f"{head}, which leaves nothing to judge chance by: see that they are no copies, and run another seed."
    head += ", within chance."
    needed = seeds_needed(pair, MOST_SEEDS)
    if needed is None:
        return (
            f"{head} If it stays that small, more than {MOST_SEEDS} seeds would be needed to see it: call them equal."
        )
    return f"{head} If mean and deviation stay as they are, about {needed} seeds would show it."


def _redundancy(dataset: Dataset, findings: Findings) -> list[Advice]:
    """Return what the first batches' scenes and near-duplicates suggest."""
    repeated = {m.label: share for m in dataset.methods if (share := findings.first_repeated(m.label)) is not None}
    base = repeated.get(BASELINE)
    found = [
        _spread(dataset, findings, label, repeated)
        for label, share in repeated.items()
        if label != BASELINE and share >= REPEATED and _narrow(findings, label, share, base)
    ]
    if base is not None and base >= REPEATED:
        found.append(
            Advice(
                f"Even of {BASELINE}'s first batch {100 * base:.0f} % are near-duplicates: the pool is redundant. On "
                "data of your own, thin it out before you label (every tenth frame, say), and compare again."
            )
        )
    return found


def _narrow(findings: Findings, label: str, share: float, base: float | None) -> bool:
    """Return whether a first batch is clearly less varied than the baseline's: half the scenes, or more repeats."""
    scenes, usual = findings.first_scenes(label), findings.first_scenes(BASELINE)
    if scenes is not None and usual is not None:
        return scenes <= usual / 2
    return base is None or share >= base + 0.1


def _spread(dataset: Dataset, findings: Findings, label: str, repeated: Mapping[str, float]) -> Advice:
    """Return what to do about a strategy whose batch says the same many times."""
    text = f"{100 * repeated[label]:.0f} % of {label}'s first batch are near-duplicates"
    if (scenes := findings.first_scenes(label)) is not None:
        others = [
            f"{other}'s from {_number(there)}"
            for other in repeated
            if other != label and (there := findings.first_scenes(other)) is not None
        ]
        text += f"; it comes from {_number(scenes)} scene{'s' * (scenes != 1)} ({', '.join(others)})" if others else ""
    text += ". Strategies that score each image by itself tend to that: what is like a high score scores high, too."
    if (pair := next((pair for pair in dataset.against_baseline() if pair.method == label), None)) is not None:
        text += (
            f" Whether it costs anything, the curves say: {signed(pair)} points against {pair.other} ({told(pair)})."
        )
    if "coreset" in repeated:
        return Advice(text)
    name = _sibling(dataset, "coreset")
    commands = (_command(name, dataset.methods[0].seeds[0]),) if name is not None else ()
    return Advice(f"{text} Compare it with one that looks at the batch as a whole, such as coreset.", commands)


def _number(mean: float) -> str:
    """Return a mean over seeds with one digit, where it has one."""
    return f"{mean:.1f}".removesuffix(".0")


def _verdict(dataset: Dataset) -> list[Advice]:
    """Return what follows from differences that show, and from those that would have."""
    shown = [pair for pair in dataset.against_baseline() if pair.shows]
    found = []
    if ahead := [pair for pair in shown if pair.mean > 0]:
        named = [pair.method + (f" (of {pair.other})" if pair.other != BASELINE else "") for pair in ahead]
        names = " and ".join(named)
        found.append(
            Advice(
                f"Ahead of {BASELINE} here: {names}. See whether that holds on your own images before you rely on it; "
                "what wins on one pool may lose on another."
            )
        )
    found += [
        Advice(
            f"{pair.method} is not distinguishable from {pair.other} here: more seeds would hardly show a difference "
            f"that matters ({points(pair.relevant)}); more labels, or other data, may."
        )
        for pair in dataset.against_baseline()
        if pair.verdict is Verdict.NOT_DISTINGUISHABLE
    ]
    found += [
        Advice(
            f"{pair.method} is behind {pair.other} here, which costs less: at this budget, on this pool, "
            f"{pair.method} is not worth it."
        )
        for pair in shown
        if pair.mean < 0
    ]
    return found


def _budget(dataset: Dataset) -> list[Advice]:
    """Return a longer budget, where the baseline's curve has not levelled off."""
    base = dataset.baseline
    if base is None or len(dataset.budgets) < 3:
        return []
    whole = list(base.whole(dataset.budgets).values())
    if not whole:
        return []
    gain = sum(curve.values[-1] - curve.values[-2] for curve in whole) / len(whole)
    if gain < 1:
        return []
    cycles = len(dataset.budgets) + 1
    return [
        Advice(
            f"The last batch still brought {base.label} {gain:.1f} points, so the curves have not levelled off. A "
            f"larger budget goes on where these runs ended, with the same directory: `--budget.cycles {cycles}`."
        )
    ]


def _command(name: str, seed: int) -> str:
    return f"al-lightning fit --config {name} --seed {seed}"


def _sibling(dataset: Dataset, strategy: str) -> str | None:
    """Return the name of a run of another strategy on the same dataset; None where no run names its dataset."""
    records = [run.record for method in dataset.methods for run in method.runs]
    return next((f"{setting_of(one)}_{strategy}" for one in records if "datasets" in one.parts), None)


def _these(count: int, what: str) -> str:
    return f"{count} {what} {'is' if count == 1 else 's are'}".replace(f"{what} s ", f"{what}s ")
