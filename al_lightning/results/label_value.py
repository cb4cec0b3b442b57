"""Stopping advice: what the last labels gained, whether the gain is more than noise, and what the next labels cost.

Nothing is extrapolated: the gain of further labels is for the reader of the curve to judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from al_lightning.errors import ALError, UsageError
from al_lightning.results.comparison import Comparison, Verdict
from al_lightning.results.series import series_of_runs
from al_lightning.results.statistics import compare
from al_lightning.runs.journal import Run, read_run
from al_lightning.runs.weights import with_tested


def advice(
    run: Run,
    siblings: Sequence[Run] = (),
    price: float | None = None,
    next_count: int | None = None,
) -> str:
    """Return one to three sentences about the last step of a run's curve.

    With siblings the step's gain has a t interval of 95 %, over differences paired by seed. From ten seeds on the
    interval also covers the bootstrap's (see `statistics.compare`). With one seed there is no interval.

    Args:
        run: the run.
        siblings: runs of other seeds; those with other settings, data, or numbers of labels at this step are left out.
        price: of a label, in any currency.
        next_count: number of labels of the next batch; by default that of the last batch.

    Raises:
        ValueError: the price or a count is negative, or the price is not finite.
    """
    if price is not None and not 0 <= price < math.inf:
        raise ValueError(f"a price per label of {price}; it is 0 or more")
    if (next_count or 0) < 0:
        raise ValueError(f"{next_count} labels; a count is 0 or more")
    if not run.cycles:
        gain, count = "No cycle has finished yet, so the gain of labels is unknown.", 0
    else:
        count = run.cycles[-1].labelled - (run.cycles[-2].labelled if len(run.cycles) > 1 else 0)
        gain = _gain(run, siblings)
    return f"{gain} {_cost(price, count, next_count, len(run.cycles))}".rstrip()


def advice_of(
    run_dir: Path,
    price: float | None = None,
    query: Callable[[int], int] | None = None,
) -> list[str]:
    """Return the advice on a run directory, in lines; none before there is a network.

    A cycle that waits for its labels counts, of this run and of the other seeds beside it.

    Args:
        run_dir: the run's directory.
        price: of a label; without a price, there is no advice on a single cycle.
        query: returns the number of labels of a batch for a pool's size; by default the last batch's number counts.
    """
    try:
        run = with_tested(read_run(run_dir))
    except UsageError:  # labels of the initial set are awaited; there is no journal
        return []
    if not run.cycles or (len(run.cycles) == 1 and price is None):
        return []
    siblings, notes = siblings_of(run)
    last, size = run.cycles[-1], run.record.pool_size
    following = min(query(size), size - last.labelled - len(last.chosen)) if query is not None else None
    return [*notes, advice(run, siblings, price, following)]


def siblings_of(run: Run) -> tuple[tuple[Run, ...], tuple[str, ...]]:
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
    return tuple(siblings), tuple(notes)


def _gain(run: Run, siblings: Sequence[Run]) -> str:
    last, name = run.cycles[-1], next(iter(run.cycles[0].metrics), "")
    if not name:
        return (
            f"There is no test set, so the gain of the {last.labelled:,} labels is unknown; label some images to test "
            "on."
        )
    metric = run.record.metric(name)
    values = [float(cycle.metrics[name]) for cycle in run.cycles]
    if len(values) < 2:
        return (
            f"{last.labelled:,} labels gave {name} {metric.text(values[0])}; the gain of further labels is known from "
            "the next cycle on."
        )
    sizes = f"From {run.cycles[-2].labelled:,} to {last.labelled:,} labels"
    comparison = _paired(run, siblings)
    if comparison is None:
        change = f"{metric.scale * (values[-1] - values[-2]):+.2f} points"
        step = f"{name} went from {metric.text(values[-2])} to {metric.text(values[-1])}"
        return f"{sizes} {step} ({change}). One seed cannot tell a gain from noise; further seeds can (--seed)."
    seeds = f"{sizes} {name} changed by {comparison.mean:+.2f} points over {comparison.seeds} seeds"
    if not math.isfinite(comparison.low):
        return f"{seeds}. All of them changed by the same, so there is no measure of noise to compare the gain with."
    seeds += f" (95 % interval {comparison.low:+.2f} to {comparison.high:+.2f}, t over seeds)"
    if comparison.verdict is Verdict.AHEAD:
        return f"{seeds}: more than the noise between seeds explains."
    if comparison.verdict is Verdict.BEHIND:
        return f"{seeds}: a loss that the noise between seeds does not explain."
    return f"{seeds}: within the noise between seeds, since the interval covers 0."


def _paired(run: Run, siblings: Sequence[Run]) -> Comparison | None:
    """Return the last step's gain over seeds; None for a single seed."""
    series = next(each for each in series_of_runs([run, *siblings]) if run in each.runs)
    before, after = (series.at_labelled(cycle.labelled) for cycle in run.cycles[-2:])
    seeds = before.keys() & after.keys()
    if len(seeds) < 2:
        return None
    values = {"before": {seed: before[seed] for seed in seeds}, "after": {seed: after[seed] for seed in seeds}}
    return compare(values, [("after", "before")], higher_is_better=series.metric.higher_is_better)[0]


def _cost(price: float | None, last: int, next_count: int | None, cycles: int) -> str:
    if price is None:
        return ""
    parts = [f"the last {last:,} labels cost {price * last:,.2f}"] if cycles > 1 else []
    count = (last if cycles > 1 else 0) if next_count is None else next_count
    if count:
        parts.append(f"{count:,} more would cost {price * count:,.2f}")
    return f"At {price:,.10g} a label {', and '.join(parts)}." if parts else ""
