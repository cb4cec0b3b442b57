"""Own runs held against the paper's guide, Table 8: which cell each pool is, and whether the runs agree. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from al_lightning.config.commands import command_of, steps_of
from al_lightning.recommendations.rules import SSL, Rules, study_rules
from al_lightning.reports.findings import MEASURED, Findings
from al_lightning.reports.numbers import Dataset, difference_rows
from al_lightning.reports.origin import Origin
from al_lightning.results.comparison import Comparison, Verdict
from al_lightning.results.regimes import POOLS
from al_lightning.results.renderers import all_of
from al_lightning.results.series import mean_heights
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED
from al_lightning.runs.parts import is_probe

FREE = f"Random{SSL}"
"""What is always worth trying: it costs nothing to choose."""
TASK_OF = {"miou": "segmentation", "accuracy": "classification"}
"""By main metric, the task."""


@dataclass(frozen=True)
class Held:
    """A pool's runs, held against what the paper prints for such a pool.

    Attributes:
        name: of the dataset.
        place: the pool's redundancy and budget, and what the paper prints for them; a sentence.
        answers: for each method that the paper may print, whether the runs agree; sentences.
        rows: the comparisons behind the answers, the heads first; empty without any.
    """

    name: str
    place: str
    answers: tuple[str, ...]
    rows: Sequence[Sequence[str]] = ()


def study_guide() -> Callable[[Sequence[Dataset], Sequence[Findings | str], Origin | None], Mapping[str, Any]]:
    """Return `guide_section` with the rules of `configs/rules.yaml`, for a report's page."""
    return partial(guide_section, study_rules())


def guide_section(
    rules: Rules, datasets: Sequence[Dataset], findings: Sequence[Findings | str], origin: Origin | None = None
) -> Mapping[str, Any]:
    """Return the section of a report's page about Table 8: `printed`, its rows, and `pools`, a `Held` for each.

    `origin` is the command that made all runs; None where each run has its own.
    """
    cells = rules.guide.cells
    names = {"few": "low budget", "many": "high budget"}
    printed = [["pool", *names.values()], *([pool, *(cells[pool, budget] for budget in names)] for pool in POOLS)]
    pools = [held(rules, dataset, found, origin) for dataset, found in zip(datasets, findings, strict=True)]
    return {"printed": printed, "pools": pools}


def held(rules: Rules, dataset: Dataset, findings: Findings | str, origin: Origin | None = None) -> Held:
    """Hold a dataset's runs against the paper's guide; `origin` as for `guide_section`."""
    known = findings if isinstance(findings, Findings) else None
    task = TASK_OF.get(dataset.metric.name, "")
    if not task or not dataset.budgets:
        why = (
            "there is no finished cycle" if task or not dataset.metric.name else f"{dataset.metric.title} tells no task"
        )
        return Held(dataset.name, f"Which cell this is, is not known: {why}.", ())
    kinds, of_pool = _redundancy(rules, dataset, known)
    amounts, of_budget = _budget(rules, dataset, known, task)
    methods = dict.fromkeys(rules.guide.method(task, pool, amount) for pool in kinds for amount in amounts)
    named = [method for method in methods if method]
    if task == "classification":
        text = f"the text has {' or '.join(named)}" if named else "the text names no best method"
        prints = f"Table 8 is about segmentation; for classification {text}"
    else:
        prints = f"Table 8 prints {' or '.join(named)}"
    place = f"{of_pool}, {of_budget}. {prints}."
    answers, compared = [], list[Comparison]()
    for method in named:
        answer, comparisons = _answer(rules, dataset, method, task, origin)
        answers.append(answer)
        compared += comparisons
    return Held(dataset.name, place, tuple(answers), difference_rows(compared))


def _redundancy(rules: Rules, dataset: Dataset, findings: Findings | None) -> tuple[tuple[str, ...], str]:
    """Return the kinds of pool that this may be, and a clause that says why."""
    record = dataset.runs[0].record
    scale = rules.regimes.redundancy
    if (kind := rules.guide.known.get(record.parts.get("datasets", ""))) is not None:
        return (kind,), f"A {kind} pool (one of the paper's)"
    if findings is None or findings.redundancy is None:
        why = "the images cannot be read" if findings is None else f"it has more than {MEASURED:,} images"
        return POOLS, f"A pool of unknown redundancy ({why}; `al-lightning audit` and `recommend` measure it)"
    kinds = scale.read(findings.redundancy)
    score = f"redundancy {100 * findings.redundancy:.1f} %"
    if len(kinds) == 1:
        return kinds, f"A {kinds[0]} pool ({score})"
    limits = f"diverse up to {100 * scale.low:g} %, redundant from {100 * scale.high:g} %"
    return kinds, f"A pool between diverse and redundant ({score}; {limits})"


def _budget(rules: Rules, dataset: Dataset, findings: Findings | None, task: str) -> tuple[tuple[str, ...], str]:
    """Return whether the budget is low or high, or both where it lies between, and a clause that says why."""
    record = dataset.runs[0].record
    labels = max(curve.labelled[-1] for method in dataset.methods for curve in method.curves if curve.labelled)
    classes = len(findings.classes) if findings is not None else len(record.classes)
    by_class = labels / classes if classes else None
    amounts = rules.regimes.budget(task, by_class, labels / record.pool_size)
    words = {"few": "a low budget", "many": "a high budget"}
    word = words[amounts[0]] if len(amounts) == 1 else "a budget between low and high"
    each = f"{by_class:.3g} for each of {classes} classes, " if by_class is not None else ""
    return amounts, f"{word} ({labels:,} labels at the end: {each}{100 * labels / record.pool_size:.3g} % of the pool)"


def _answer(
    rules: Rules, dataset: Dataset, method: str, task: str, origin: Origin | None
) -> tuple[str, list[Comparison]]:
    """Return whether the runs agree that the printed method is best, and the tested comparisons that speak of it.

    Only the comparisons that the page makes anyway are asked: further tests would make each of them weaker. They agree
    where a method of the printed kind is ahead in all of its comparisons and has the highest curve of all, and
    contradict where each method of that kind is behind in one.
    """
    heights = {label: fmean(by_seed.values()) for label, by_seed in mean_heights(dataset.methods).items()}
    dropout = dataset.baseline is not None and dataset.baseline.dropout  # of one network, as all comparisons are
    curves = {each.label for each in dataset.methods if each.label in heights and each.dropout == dropout}
    network = f" of a network with{'out' * (not dropout)} dropout" if len(curves) < len(heights) else ""

    def tried(printed: str) -> list[str]:
        means = rules.guide.means
        return [
            each.label
            for each in dataset.methods
            if means(printed, each.strategy, semi_supervised=each.semi_supervised)
        ]

    meant = [label for label in tried(method) if label in curves]
    if tried(method) and not meant:
        return f"No seed of {method} has run over the whole curve, or its network is another one.", []
    if not meant or not curves.difference(meant):
        missing = "anything else to hold it against" if meant else method
        how = _command(rules, dataset, "" if meant else method, task, origin)
        return f"Not tried here: {missing}. {how}".rstrip(), []
    tested = [
        each
        for each in dataset.against_baseline()
        if (each.method in meant) != (each.baseline in meant) and {each.method, each.baseline} <= curves
    ]
    won = [(c.method, c.baseline) if c.verdict is Verdict.AHEAD else (c.baseline, c.method) for c in tested if c.shows]
    best = max(sorted(curves), key=lambda label: dataset.metric.sign * heights[label])
    beaten = [loser for winner, loser in won if winner == best]
    if best in meant and beaten and len(beaten) == sum(best in (each.method, each.baseline) for each in tested):
        text = f"The runs agree with {method}: {best} is ahead of {all_of(beaten)}, "
        text += f"and its curve is the highest{network}"
    elif {loser for _, loser in won}.issuperset(meant):
        rivals = dict.fromkeys(winner for winner, loser in won if loser in meant)
        verb = "are" if len(rivals) > 1 else "is"
        text = f"The runs contradict {method}: {all_of(rivals)} {verb} ahead of {all_of(meant)}"
    else:
        text = f"The runs cannot tell whether {method} is best; the highest curve{network} is that of {best}"
    if method != FREE and curves.isdisjoint(tried(FREE)):
        text += f". Not tried here: {FREE}. {_command(rules, dataset, FREE, task, origin)}".rstrip(". ")
    return f"{text}.", tested


def _command(rules: Rules, dataset: Dataset, method: str, task: str, origin: Origin | None) -> str:
    """Return the command that runs a printed method, or Random for ""; "" where no run names its dataset."""
    records = [run.record for each in dataset.methods for run in each.runs]
    probes = all(map(is_probe, records))
    if probes and method.endswith(SSL):
        return "It trains the whole network, and such runs do not compare with the linear probes here."
    strategy = rules.guide.kinds[method.removesuffix(SSL)][0] if method else "random"
    training = rules.semi_supervised[task] if method.endswith(SSL) else "probe" if probes else SUPERVISED
    name = f"{strategy}_{training}" if training != SUPERVISED else strategy
    commands = (command_of(record, record.seed, strategy, training) for record in records)
    line = (origin.running(name) if origin is not None else "") or next(filter(None, commands), "")
    steps = steps_of(line) if line and not probes else None
    return f"`{line}` runs it{f', each fit {steps:,} steps' if steps else ''}." if line else ""
