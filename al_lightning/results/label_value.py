"""Stopping advice: what the last labels bought, whether that is more than noise, and what the next ones cost.

Nothing is extrapolated: what further labels would buy is for whoever reads the curve to judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from al_lightning.errors import ALError, UsageError
from al_lightning.metrics import PERCENT, metric_of, percent
from al_lightning.results.comparison import Comparison
from al_lightning.results.series import series_of_runs
from al_lightning.results.statistics import compare
from al_lightning.runs.journal import CycleRecord, Run, read_run
from al_lightning.runs.weights import with_tested

NORMAL = 1.959964
"""Standard errors to either side of an interval of 95 %."""


def advice(
    run: Run,
    siblings: Sequence[Run] = (),
    price: float | None = None,
    next_count: int | None = None,
    test_images: int | None = None,
) -> str:
    """Return one to three sentences about the last step of a run's curve.

    With siblings the step's gain has a t interval of 95 %, over differences paired by seed. From ten seeds on it is
    widened to hold the bootstrap's interval (see `statistics.compare`). With one seed there is none; for accuracy the
    uncertainty that the test set alone makes is told, from a standard error of
    sqrt((p1 (1 - p1) + p2 (1 - p2)) / n), which holds for networks tested on n images of their own each. Two networks
    tested on the same images mostly err on the same ones, so that their difference is surer than that.

    Args:
        run: the run.
        siblings: runs of other seeds; those with other settings, data, or numbers of labels at this step are left out.
        price: of a label, in any currency.
        next_count: labels of the next batch; by default as many as the last one had.
        test_images: number of test images, where that is known.

    Raises:
        ValueError: the price or a count is negative, or the price is not finite.
    """
    if price is not None and not 0 <= price < math.inf:
        raise ValueError(f"a price per label of {price}; it is 0 or more")
    if min(next_count or 0, test_images or 0) < 0:
        raise ValueError(f"{next_count} labels, {test_images} test images; counts are 0 or more")
    if not run.cycles:
        bought, steps = "No cycle has finished yet, so that nothing can be said of what labels buy.", 0
    else:
        steps = run.cycles[-1].labelled - (run.cycles[-2].labelled if len(run.cycles) > 1 else 0)
        bought = _bought(run, siblings, test_images)
    return " ".join(part for part in (bought, _cost(price, steps, next_count, len(run.cycles))) if part)


def advice_of(
    run_dir: Path,
    price: float | None = None,
    query: Callable[[int], int] | None = None,
    test_images: int | None = None,
) -> list[str]:
    """Return the advice on a run directory, in lines; none before there is a network, or anything to say of it.

    The cycle that waits for its labels counts, and so do those of other seeds beside the run.

    Args:
        run_dir: the run's directory.
        price: of a label; without one, a single cycle says nothing.
        query: the number of labels of a batch, of the pool's size; by default as many as the last one had.
        test_images: number of test images, where that is known.
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
    return [*notes, advice(run, siblings, price, following, test_images)]


def siblings_of(run: Run) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """Return the runs of other seeds beside a run, `../seed_*`, and a note for each that cannot be read.

    A cycle that waits for its labels counts as it does for the run itself: seeds that share a store wait together.
    """
    found, notes = [], []
    here = run.directory.resolve()
    for path in sorted(here.parent.glob("seed_*")):
        if path.resolve() == here:
            continue
        try:
            found.append(with_tested(read_run(path)))
        except UsageError:
            continue  # not begun, or no run
        except ALError as error:
            notes.append(f"left out of the comparison over seeds: {error}")
    return tuple(found), tuple(notes)


def _bought(run: Run, siblings: Sequence[Run], test_images: int | None) -> str:
    last, metric = run.cycles[-1], _metric(run)
    if not metric:
        return (
            f"There is no test set, so that nothing can be said of what the {last.labelled:,} labels bought; label "
            "some images to test on."
        )
    if len(run.cycles) < 2:
        return (
            f"{last.labelled:,} labels gave {metric} {_percent(run, 0)}; what further ones buy can be told from the "
            "next cycle on."
        )
    before, step = run.cycles[-2], len(run.cycles) - 1
    sizes = f"From {before.labelled:,} to {last.labelled:,} labels"
    gains = _paired(run, siblings)
    if gains is None:
        moved = f"{sizes} {metric} went from {_percent(run, step - 1)} to {_percent(run, step)}"
        gain = PERCENT * (last.metrics[metric] - before.metrics[metric])
        return f"{moved} ({gain:+.2f} points). {_one_seed(before, last, metric, test_images)}"
    seeds = f"{sizes} {metric} changed by {gains.mean:+.2f} points over {gains.seeds} seeds"
    if not math.isfinite(gains.low):
        return (
            f"{seeds}. They all changed by the same, which gives no measure of noise, so that the gain cannot be told "
            "from it."
        )
    seeds += f" (95 % interval {gains.low:+.2f} to {gains.high:+.2f}, t over seeds)"
    if gains.low > 0:
        return f"{seeds}: more than the noise between seeds explains."
    if gains.high < 0:
        return f"{seeds}: a loss that the noise between seeds does not explain."
    return f"{seeds}: within the noise between seeds, since the interval covers 0."


def _one_seed(before: CycleRecord, last: CycleRecord, metric: str, test_images: int | None) -> str:
    alone = "One seed cannot tell a gain from noise"
    if not metric_of(metric).counts_images or not test_images:
        return f"{alone}; further seeds can (--seed)."
    shares = [min(1.0, max(0.0, float(record.metrics[metric]))) for record in (before, last)]
    error = PERCENT * NORMAL * math.sqrt(sum(share * (1 - share) for share in shares) / test_images)
    verdict = "within" if abs(PERCENT * (shares[1] - shares[0])) <= error else "more than"
    return (
        f"{alone}; the {test_images:,} test images alone leave +-{error:.2f} points (95 %, as if each network had test "
        f"images of its own; on the same ones it is mostly less), and the change is {verdict} that."
    )


def _paired(run: Run, siblings: Sequence[Run]) -> Comparison | None:
    """Return the last step's gain over seeds; None where there is but one."""
    own = next(one for one in series_of_runs([run, *siblings]) if run in one.runs)
    before, after = (own.at_labelled(done.labelled) for done in run.cycles[-2:])
    seeds = before.keys() & after.keys()
    if len(seeds) < 2:
        return None
    values = {when: {seed: found[seed] for seed in seeds} for when, found in (("before", before), ("after", after))}
    return compare(values, [("after", "before")])[0]


def _metric(run: Run) -> str:
    return next(iter(run.cycles[0].metrics), "") if run.cycles else ""


def _percent(run: Run, cycle: int) -> str:
    return percent(run.cycles[cycle].metrics[_metric(run)])


def _cost(price: float | None, last: int, next_count: int | None, cycles: int) -> str:
    """Return the sentence about money."""
    if price is None:
        return ""
    parts = [f"the last {last:,} labels cost {price * last:,.2f}"] if cycles > 1 else []
    count = (last if cycles > 1 else 0) if next_count is None else next_count
    if count:
        parts.append(f"{count:,} more would cost {price * count:,.2f}")
    return f"At {price:,.10g} a label {', and '.join(parts)}." if parts else ""
