"""Whether training worked: what the rules say of the cycles of a run, and of several runs.

`CycleRecord.health` has the measures (see `training.measures`); what is judged here follows from them and from the
curve, by the rules of `health_rules`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from al_lightning.errors import UsageError
from al_lightning.results.curves import Curve
from al_lightning.results.health_rules import ERRORS, RULES, HealthRule, Measured
from al_lightning.runs.journal import Run, read_run
from al_lightning.runs.weights import with_tested

MORE_PIXELS = "--training.pixels draws more of each image"


@dataclass(frozen=True)
class Problem:
    """A rule that fired.

    Attributes:
        rule: the rule.
        cycle: number of the cycle.
        text: what was found, without a full stop.
    """

    rule: HealthRule
    cycle: int
    text: str

    @property
    def line(self) -> str:
        """The finding and what to change, for a terminal."""
        return f"[!] cycle {self.cycle}: {self.text}. {self.rule.change}."


def lacks(run: Run) -> str:
    """Return which classes had no label in a run's first fit, where that was one to convergence; "" for none.

    No rule asks whether such a head predicts all classes: with few labels it cannot, and the next labels mend that.
    """
    said, first = [], len(run.labelled_at(0))
    if numbers := _lacking(run, 0):
        names = Measured(run, 0).classes(numbers)
        said.append(
            f"the first {first:,} labels have none of {names}; the head cannot predict a class before it has a label"
        )
    if numbers := _lacking(run, 0, "train_undrawn"):
        names = Measured(run, 0).classes(numbers)
        said.append(f"the first {first:,} labels have {names}, but in no pixel that was drawn: {MORE_PIXELS}")
    return "; ".join(said)


def lacks_of(runs: Sequence[Run]) -> str:
    """Return a sentence on the classes that had no label in the first fits of some runs; "" for none."""
    said = []
    if found := _often(runs, "train_lacks"):
        first, names, last = found
        said.append(
            f"{first} lack a class (most often {names}), and {last} still do; a head cannot predict a class before it "
            "has a label."
        )
    if found := _often(runs, "train_undrawn"):
        first, names, last = found
        said.append(
            f"{first} have a class of which no pixel was drawn (most often {names}), and {last} still do; "
            f"{MORE_PIXELS}."
        )
    return " ".join(said)


def _often(runs: Sequence[Run], measure: str) -> tuple[str, str, str] | None:
    """Return how many runs lack classes by a measure, which, and how many to the end, in words; None for none."""
    if not (without := [run for run in runs if _lacking(run, 0, measure)]):
        return None
    often = Counter(number for run in without for number in _lacking(run, 0, measure))
    first, last = (len(without[0].labelled_at(cycle)) for cycle in (0, len(without[0].cycles) - 1))
    return (
        f"In {len(without)} of {len(runs)} runs the first {first:,} labels",
        Measured(without[0], 0).classes([number for number, _ in often.most_common()]),
        f"in {sum(bool(_lacking(run, -1, measure)) for run in runs)} the last {last:,}",
    )


def _lacking(run: Run, cycle: int, measure: str = "train_lacks") -> Sequence[int]:
    """Return the classes that a head could not learn in a fit to convergence."""
    health = run.cycles[cycle].health if run.cycles else {}
    return health.get(measure, ()) if health.get("converged") else ()


def falls(curve: Curve) -> bool:
    """Whether a curve ends worse than its best point, beyond noise; where that is not known, than its first point."""
    last = len(curve.values) - 1
    if (best := curve.better_before(last)) is None:
        return False
    if (error := curve.error_between(best, last)) is None:
        return curve.metric.sign * (curve.values[last] - curve.values[0]) < 0
    return abs(curve.values[best] - curve.values[last]) > ERRORS * error


def problems_at(run: Run, cycle: int) -> list[Problem]:
    """Return what is wrong with a cycle of a run."""
    measured = Measured(run, cycle)
    converged = bool(measured.number("converged"))
    rules = [rule for rule in RULES if not (converged and rule.of_steps)]
    found = [(rule, rule.says(measured, rule.threshold)) for rule in rules]
    return [Problem(rule, cycle, text) for rule, text in found if text]


def problems_of(run: Run) -> list[Problem]:
    """Return what is wrong with the cycles of a run, in their order."""
    return [problem for done in run.cycles for problem in problems_at(run, done.cycle)]


def while_awaiting(run_dir: Path) -> list[str]:
    """Return what is wrong with the cycle of a run directory that waits for its labels, a line each."""
    try:
        run = read_run(run_dir)
    except UsageError:  # labels of the initial set are awaited; there is no journal
        return []
    tested = with_tested(run)
    return [problem.line for done in tested.cycles[len(run.cycles) :] for problem in problems_at(tested, done.cycle)]


def summaries(runs: Sequence[Run]) -> list[str]:
    """Return a sentence for each rule that fired in some runs, with these runs and their cycles, and what to change."""
    found: dict[str, list[str]] = {rule.name: [] for rule in RULES}
    for run in runs:
        cycles: dict[str, list[str]] = {}
        for problem in problems_of(run):
            cycles.setdefault(problem.rule.name, []).append(str(problem.cycle))
        for name, numbers in cycles.items():
            found[name].append(f"{run.record.name}, seed {run.record.seed}, cycle {', '.join(numbers)}")
    return [
        f"Training did not work ({rule.name}): {'; '.join(found[rule.name])}. {rule.change}."
        for rule in RULES
        if found[rule.name]
    ]


def caution(runs: Sequence[Run]) -> str:
    """Return the sentence that belongs beside the verdicts on some runs; "" where training worked in all of them."""
    ill = sum(bool(problems_of(run)) for run in runs)
    return f"Training did not work in {ill} of {len(runs)} runs, which may explain these numbers." if ill else ""
