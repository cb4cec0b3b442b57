"""The active-learning loop: the only place that knows the order of fit, test, score, select and label."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from al_lightning.acquisition.callback import join_members, select
from al_lightning.config.experiment import Experiment
from al_lightning.distributed.processes import Processes
from al_lightning.engine.annotation import Desk
from al_lightning.engine.fit import Fit
from al_lightning.engine.initial_set import first_count, label, start
from al_lightning.engine.reuse import take_first_cycle
from al_lightning.engine.scoring import unscored
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.runs.identity import bearing
from al_lightning.runs.journal import CycleRecord, Run
from al_lightning.runs.scores import SeenRows
from al_lightning.runs.seals import Seal, made_again
from al_lightning.runs.store import RunStore
from al_lightning.seeding import generator
from al_lightning.tensorboard.writer import Boards
from al_lightning.types import Rows, Selection


def run_cycles(
    experiment: Experiment, store: RunStore, processes: Processes, reporter: Reporter, command: Sequence[str] = ()
) -> Run:
    """Run an experiment to its end, from wherever its run directory stands.

    Each cycle fits every member from scratch, tests the first, scores the pool, selects once, has the choice labelled,
    and writes a line. The last cycle only fits and tests. Every step already on disk is read instead of repeated.

    All processes run this; what is on disk is looked up, and written, by process 0, which tells the others.

    Args:
        experiment: the run's configuration.
        store: its directory.
        processes: those of the run.
        reporter: shows progress.
        command: arguments of the command line that goes on, for people who are to label.

    Raises:
        LabelsAwaited: people are to label; the same command goes on once they have.
    """
    acquisition, budget, seed = experiment.acquisition, experiment.budget, experiment.seed
    last = 0 if acquisition.one_fit else budget.cycles
    desk = Desk(experiment, store, reporter.say, command) if experiment.oracle.asks_people else None
    pool = start(experiment, store, processes, reporter, desk)
    done = processes.once(store.finished, last)
    if done and (done[-1].cycle > last or (done[-1].cycle == last and done[-1].chosen)):
        before = sum(1 for record in done if record.chosen)
        raise UsageError(f"{store.directory} has bought labels {before} times already; budget.cycles {last} is fewer.")
    for record in done:
        pool = pool.label(record.chosen)
    note, shared = ("", 0.0) if done else processes.once(take_first_cycle, experiment, store, processes.count)
    if note and store.writes:
        reporter.say(note)
    reporter.plan(planned_steps(experiment, pool, len(done), last), len(done))
    boards = Boards(store.directory, experiment.data, bearing(experiment.plain), reporter.say, store.writes)
    if done:
        boards.write(finished=len(done) > last)
        forget_weights(experiment, store, done[-1].cycle, last)

    for cycle in range(len(done), last + 1):
        count = budget.query_count(pool.size) if cycle < last else 0
        reporter.cycle(cycle, len(pool.labelled))
        seconds: dict[str, float] = {"shared": shared} if shared and cycle == 0 else {}
        members = acquisition.members if count else 1
        metrics, chosen = processes.once(found, store, cycle, members, count, reporter)

        if metrics is None or chosen is None:
            scored = []
            for member in range(members):
                seal = Seal(processes.once(store.begin_fit, cycle, member), store.still_ours)
                fit = experiment.build(cycle, member, pool, store.member_dir(cycle, member), processes, reporter, seal)
                take_weights_of_last_cycle(experiment, store, fit)
                timed(seconds, "fit", fit.train)
                seconds["processes"] = processes.count
                if member == 0:
                    metrics = timed(seconds, "test", fit.test)
                    store.save_metrics(cycle, metrics)
                    timed(seconds, "views", boards.predictions, cycle, fit.network, fit.device)
                if count and acquisition.needs_network:
                    scored.append(timed(seconds, "score", fit.score, acquisition))
                fit.close()
            if count:
                rows = join_members(scored, pool.labelled) if scored else unscored(acquisition, pool, seed, cycle)
                chosen = timed(seconds, "select", choose, experiment, store, processes, rows, count, cycle).indices

        bought = processes.once(label, experiment, desk, cycle, chosen) if chosen else []
        store.append(
            CycleRecord(cycle, nominal(experiment, pool, cycle), len(pool.labelled), metrics or {}, bought, seconds)
        )
        if store.writes:
            show(store, reporter)
        store.still_ours()
        boards.write(finished=cycle == last)
        forget_weights(experiment, store, cycle, last)
        pool = pool.label(bought)
    return processes.once(store.read)


def found(
    store: RunStore, cycle: int, members: int, count: int, reporter: Reporter
) -> tuple[dict[str, Any] | None, list[int] | None]:
    """Return the metrics and the choice of a cycle that was begun, as far as they are there and this run's."""
    for path in store.drop_unfit(cycle, members, count):
        reporter.say(made_again(path))
    return store.metrics(cycle), store.selection(cycle) if count else []


def choose(
    experiment: Experiment, store: RunStore, processes: Processes, rows: Rows, count: int, cycle: int
) -> Selection:
    """Select on one process, tell all, and keep what the selection saw beside what it chose."""
    acquisition = experiment.acquisition
    selection = processes.once(select, acquisition, rows, count, generator("select", experiment.seed, cycle))
    seen = SeenRows(rows.index.numpy(), rows.labelled.numpy(), rows.value.numpy())
    store.save_rows(cycle, seen, selection.indices)
    store.save_selection(cycle, selection, experiment.data.names(selection.indices))
    return selection


def nominal(experiment: Experiment, pool: Pool, cycle: int) -> float:
    """Return the nominal budget that a cycle's fit stands for, as a fraction of the pool."""
    budget, done = experiment.budget, len(pool.labelled)
    if done == pool.size:
        return 1.0
    planned = first_count(experiment, pool) + cycle * budget.query_count(pool.size)
    if experiment.oracle.accept_partial and done != planned:
        return done / pool.size  # batches were taken as they were
    return budget.nominal(budget.cycles if experiment.acquisition.one_fit else cycle, pool.size)


def planned_steps(experiment: Experiment, pool: Pool, first: int, last: int) -> list[int]:
    """Return the steps of each cycle's fits, finished cycles included, for the time left."""
    query, members = experiment.budget.query_count(pool.size), experiment.acquisition.members
    return [
        experiment.steps(len(pool.labelled) + (cycle - first) * query) * (members if cycle < last else 1)
        for cycle in range(last + 1)
    ]


def take_weights_of_last_cycle(experiment: Experiment, store: RunStore, fit: Fit) -> None:
    """Warm-start where that is asked for; by default every fit begins anew."""
    _, cycle, member = fit.key
    if experiment.warm_start == "none" or cycle == 0 or fit.started:
        return
    weights = store.weights(cycle - 1, member)
    if not weights.is_file():
        raise UsageError(
            f"warm_start needs the weights of the cycle before, but {weights} is gone; {store.again(cycle - 1)}"
        )
    fit.warm_start(weights, whole=experiment.warm_start == "all")


def forget_weights(experiment: Experiment, store: RunStore, cycle: int, last: int) -> None:
    """Delete the weights that `keep` does not want; the next cycle's warm start keeps this cycle's until then."""
    if experiment.keep != "all" and store.writes:
        kept = range(cycle if experiment.keep == "last" or cycle < last else cycle + 1)
        for old in kept:
            for weights in store.cycle_dir(old).glob("member_*/weights.pt"):
                weights.unlink()


def show(store: RunStore, reporter: Reporter) -> None:
    """Show the cycle's metric."""
    for metric, value in list(store.read().cycles[-1].metrics.items())[:1]:  # none without a test set
        reporter.result(metric, value)


def timed(seconds: dict[str, float], stage: str, work: Callable[..., Any], *arguments: Any) -> Any:
    """Do a stage and add up its seconds."""
    begun = time.perf_counter()
    result = work(*arguments)
    seconds[stage] = round(seconds.get(stage, 0.0) + time.perf_counter() - begun, 3)
    return result
