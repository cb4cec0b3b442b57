"""What labels are worth: how many a method needs and saves, what the last ones gained, and what the next ones cost.

Nothing is extrapolated: the gain of further labels is for the reader of the curve to judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from al_lightning.errors import ALError, UsageError
from al_lightning.results.comparison import FEWEST, RELEVANT, Comparison, Verdict
from al_lightning.results.curves import Curve, curve_of
from al_lightning.results.health import falls, problems_at
from al_lightning.results.health_rules import FALLS
from al_lightning.results.series import Series, series_of_runs
from al_lightning.results.statistics import PairedValues, compare_together
from al_lightning.runs.journal import Run, read_run
from al_lightning.runs.weights import with_tested

__all__ = ["LabelCost", "label_cost", "label_costs", "savings"]


@dataclass(frozen=True)
class LabelCost:
    """How many labelled images a curve needs to reach a target.

    Attributes:
        labels: the number, by linear interpolation between two budgets; None where the curve never reaches the target.
        at_most: whether the curve's first point reaches the target already, so that fewer labels may do.
    """

    labels: float | None
    at_most: bool = False

    def __str__(self) -> str:
        if self.labels is None:
            return "never"
        return f"{'at most ' * self.at_most}{self.labels:.0f}"


def label_cost(curve: Curve, target: float) -> LabelCost:
    """Return with how many labelled images a curve first reaches a target, by linear interpolation.

    Args:
        curve: one that gets worse again after the target has reached it nevertheless.
        target: in the metric's unit.
    """
    sign = curve.metric.sign
    reached = [sign * value >= sign * target for value in curve.values]
    if reached[:1] == [True]:
        return LabelCost(float(curve.labelled[0]), at_most=True)
    for (n0, v0, _), (n1, v1, reached_next) in pairwise(zip(curve.labelled, curve.values, reached, strict=True)):
        if reached_next:
            return LabelCost(n0 + (n1 - n0) * (target - v0) / (v1 - v0))
    return LabelCost(None)


def label_costs(series: Series, target: float) -> dict[int, LabelCost]:
    """Return how many labels each seed of a method needs to reach a target in the metric's unit."""
    return {curve.seed: label_cost(curve, target) for curve in series.curves if curve.values}


def savings(series: Series, baseline: Series, target: float) -> dict[int, str]:
    """Return how many labels a method saves against a baseline until both reach a target, by seed, in words.

    `15 images (60 %)` are 60 % of what the baseline needs; a negative number says that the method needs more. Where the
    first point of one of the two reaches the target already, the number is a bound. A baseline that gets worse with
    more labels sets no target, and a method that does so after its first point needs no more labels: nothing is saved.
    """
    falling = [{curve.seed for curve in each.curves if falls(curve)} for each in (series, baseline)]
    costs, baseline_costs = label_costs(series, target), label_costs(baseline, target)
    saved = {}
    for seed in sorted(costs.keys() & baseline_costs.keys()):
        cost, base = costs[seed], baseline_costs[seed]
        both = cost.at_most and base.at_most
        if seed in falling[1] or (both and seed in falling[0]):
            fell = [each.label for each, seeds in zip((series, baseline), falling, strict=True) if seed in seeds]
            saved[seed] = f"not known: {' and '.join(fell)} fell with more labels"
        elif cost.labels is None or base.labels is None:
            did = [each.label for each, needed in ((series, cost), (baseline, base)) if needed.labels is not None]
            saved[seed] = f"only {did[0]} reached it" if did else "neither reached it"
        elif both:
            saved[seed] = "both reached it with their first labels"
        else:
            bound = "at least " if cost.at_most else "at most " if base.at_most else ""
            images = base.labels - cost.labels
            saved[seed] = f"{bound}{round(images)} images ({round(100 * images / base.labels)} %)"
    return saved


def advice_of(
    run_dir: Path,
    price: float | None = None,
    query: Callable[[int], int] | None = None,
    gain: Comparison | None = None,
) -> list[str]:
    """Return the advice on a run directory, in lines; none before there is a network.

    A cycle that waits for its labels counts, of this run and of the other seeds beside it.

    Args:
        run_dir: the run's directory.
        price: of a label; without a price, there is no advice on a single cycle.
        query: returns the number of labels of a batch for a pool's size; by default the last batch's number counts.
        gain: as for `advice`.
    """
    if (run := _read(run_dir)) is None:
        return []
    if not run.cycles or (len(run.cycles) == 1 and price is None):
        return []
    siblings, notes = siblings_of(run)
    last, size = run.cycles[-1], run.record.pool_size
    following = min(query(size), size - last.labelled - len(last.chosen)) if query is not None else None
    return [*notes, advice(run, siblings, price, following, gain)]


def step_of(run_dir: Path) -> PairedValues | None:
    """Return the last step of a run directory, over the seeds beside it; None where `advice_of` tells of no step."""
    run = _read(run_dir)
    return last_step(run, siblings_of(run)[0]) if run is not None and run.cycles else None


def _read(run_dir: Path) -> Run | None:
    """Return a run; None where labels of the initial set are awaited, so that there is no journal."""
    try:
        return with_tested(read_run(run_dir))
    except UsageError:
        return None


def siblings_of(run: Run) -> tuple[list[Run], list[str]]:
    """Return the runs of other seeds beside a run, `../seed_*`, and a note for each that cannot be read.

    A cycle that waits for its labels counts: seeds that share a store wait together.
    """
    siblings, notes = [], []
    directory = run.directory.resolve()
    for path in sorted(directory.parent.glob("seed_*")):
        if path.resolve() == directory:
            continue
        try:
            siblings.append(with_tested(read_run(path)))
        except UsageError:
            continue  # not begun, or no run
        except ALError as error:
            notes.append(f"left out of the comparison over seeds: {error}")
    return siblings, notes


def last_step(run: Run, siblings: Sequence[Run]) -> PairedValues | None:
    """Return the metric after and before the last labels of a run; None before there are two points, and without any.

    Args:
        run: with one finished cycle or more.
        siblings: as for `advice`.
    """
    if len(run.cycles) < 2 or not run.cycles[0].metrics:
        return None
    series = next(each for each in series_of_runs([run, *siblings]) if run in each.runs)
    before, after = (series.at_labelled(cycle.labelled) for cycle in run.cycles[-2:])
    seeds = sorted(before.keys() & after.keys())
    values = {"after": {seed: after[seed] for seed in seeds}, "before": {seed: before[seed] for seed in seeds}}
    images = dict.fromkeys(values, series.test_images or 0)
    return PairedValues(values, [("after", "before")], series.metric.higher_is_better, images)


def advice(
    run: Run,
    siblings: Sequence[Run] = (),
    price: float | None = None,
    next_count: int | None = None,
    gain: Comparison | None = None,
) -> str:
    """Return one to three sentences about the last step of a run's curve.

    With siblings the step's gain has a t interval of 95 %, over differences paired by seed. With one seed, or without
    variation, an accuracy has the interval of its test images, where their number is known.

    Args:
        run: with one finished cycle or more.
        siblings: runs of other seeds; those with other settings, data, or numbers of labels at this step are left out.
        price: of a label, in any currency.
        next_count: number of labels of the next batch; by default that of the last batch.
        gain: the comparison of `last_step`, made together with others (`claims_of`); by default it is made alone.
    """
    last = run.cycles[-1].labelled - run.cycles[-2].labelled if len(run.cycles) > 1 else 0
    if gain is None and (step := last_step(run, siblings)) is not None:
        (gain,) = compare_together({"": step})[""]
    return f"{_gain(run, gain)} {_cost(price, last, last if next_count is None else next_count)}".rstrip()


def _gain(run: Run, comparison: Comparison | None) -> str:
    last, name = run.cycles[-1], next(iter(run.cycles[0].metrics), "")
    if not name:
        return (
            f"There is no test set, so the gain of the {last.labelled:,} labels is unknown; label some images to test "
            "on."
        )
    metric = run.record.metric(name)
    values = [float(cycle.metrics[name]) for cycle in run.cycles]
    if comparison is None:
        return (
            f"{last.labelled:,} labels gave {name} {metric.text(values[0])}; the gain of further labels is known from "
            "the next cycle on."
        )
    sizes = f"From {run.cycles[-2].labelled:,} to {last.labelled:,} labels"
    images = f" T{comparison.of_images[1:]}." if comparison.of_images else ""
    if comparison.seeds < FEWEST:
        change = f"{metric.scale * (values[-1] - values[-2]):+.2f} points"
        step = f"{name} went from {metric.text(values[-2])} to {metric.text(values[-1])}"
        if any(problem.rule.name == FALLS for problem in problems_at(run, last.cycle)):
            return f"{sizes} {step} ({change}). {_fall(run)}"
        return f"{sizes} {step} ({change}).{images} One seed cannot tell a gain from noise; further seeds can (--seed)."
    seeds = f"{sizes} {name} changed by {comparison.mean:+.2f} points over {comparison.seeds} seeds"
    if not math.isfinite(comparison.low):
        same = "All of them changed by the same, so there is no measure of noise to compare the gain with."
        return f"{seeds}. {same}{images}"
    seeds += f" (95 % interval {comparison.low:+.2f} to {comparison.high:+.2f}, t over seeds)"
    small = f", though less than {RELEVANT:g} point" if comparison.small else ""
    if comparison.verdict is Verdict.AHEAD:
        return f"{seeds}: more than the noise between seeds explains{small}."
    if comparison.verdict is Verdict.BEHIND:
        return f"{seeds}: a loss that the noise between seeds does not explain{small}."
    return f"{seeds}: within the noise between seeds, since the interval covers 0."


def _fall(run: Run) -> str:
    """Return from which point a curve has fallen: that may lie before the last step, which can be a rise."""
    curve = curve_of(run)
    best = curve.better_before(len(curve.values) - 1)
    since = (
        "" if best is None else f" from {curve.metric.shown(curve.values[best])} with {curve.labelled[best]:,} labels"
    )
    return f"The curve falls{since} by more than the choice of the test images explains."


def _cost(price: float | None, last: int, following: int) -> str:
    if price is None:
        return ""
    parts = [f"the last {last:,} labels cost {price * last:,.2f}"] if last else []
    parts += [f"{following:,} more would cost {price * following:,.2f}"] if following else []
    return f"At {price:,.10g} a label {', and '.join(parts)}." if parts else ""
