"""The active-learning loop: the only place that knows the order of fit, test, score, select and label."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from al_lightning.acquisition.scoring import join_members, score_pool, select
from al_lightning.config.experiment import Experiment
from al_lightning.config.fit_options import result_settings
from al_lightning.config.own_code import changed_files, digests
from al_lightning.distributed.processes import Processes
from al_lightning.engine.ahead import look_ahead
from al_lightning.engine.annotation import AnnotationQueue
from al_lightning.engine.fit import AnyFit, Fit
from al_lightning.engine.initial_set import label, start
from al_lightning.engine.inputs import completed
from al_lightning.engine.open_data import first_count
from al_lightning.engine.reuse import take_first_cycle
from al_lightning.engine.workload import workload_of
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.results.health import lacks, problems_at
from al_lightning.runs.journal import CycleRecord, Run
from al_lightning.runs.scores import SeenRows
from al_lightning.runs.seals import Seal, made_again
from al_lightning.runs.store import RunStore
from al_lightning.seeding import generator
from al_lightning.tensorboard.writer import Boards
from al_lightning.types import Selection, SelectionInputs


def run_cycles(
    experiment: Experiment, store: RunStore, processes: Processes, reporter: Reporter, command: Sequence[str] = ()
) -> Run:
    """Run an experiment to its end, and continue a run that was stopped.

    Each cycle fits every member from scratch, tests the first member, scores the pool with each member, selects once,
    has the choice labelled, and adds a line to the journal. The last cycle only fits and tests. Steps whose results are
    on disk are not repeated.

    All processes run this. Process 0 reads and writes the run directory and sends the others what it read.

    `command` has the arguments of the command line that continues the run, which people who are to label see.

    Raises:
        LabelsAwaited: people are to label; the same command continues once they have.
    """
    last = 0 if experiment.acquisition.one_fit else experiment.budget.cycles
    queue = AnnotationQueue(experiment, store, reporter.say, command) if experiment.oracle.asks_people else None
    pool = start(experiment, store, processes, reporter, queue)
    done = processes.once(store.finished, last)
    if done and (done[-1].cycle > last or (done[-1].cycle == last and done[-1].chosen)):
        before = sum(1 for record in done if record.chosen)
        raise UsageError(f"{store.directory} has acquired labels {before} times; budget.cycles {last} is fewer.")
    for record in done:
        pool = pool.label(record.chosen)
    code = processes.once(code_from_here, experiment, store, reporter, len(done)) if len(done) <= last else {}
    note, shared = ("", 0.0) if done else processes.once(take_first_cycle, experiment, store, processes.count)
    if note and store.writes:
        reporter.say(note)
    load = workload_of(experiment, pool, len(done), last, processes.count)
    load.tell(reporter)
    reporter.expect(load.timed(done))
    if not note:
        look_ahead(experiment, pool, load, processes, reporter, command)
    boards = Boards(store.directory, experiment.data, result_settings(experiment.plain), reporter.say, store.writes)
    if done:
        boards.write(finished=len(done) > last)
        forget_weights(experiment, store, done[-1].cycle, last)
    numbers = range(len(done), last + 1)
    cycles(experiment, store, processes, reporter, pool, numbers, boards, queue, code, shared)
    return processes.once(store.read)


def cycles(
    experiment: Experiment,
    store: RunStore,
    processes: Processes,
    reporter: Reporter,
    pool: Pool,
    numbers: range,
    boards: Boards,
    queue: AnnotationQueue | None = None,
    code: dict[str, str] | None = None,
    shared: float = 0.0,
    fit_of: Callable[..., AnyFit] = Fit,
) -> None:
    """Run the cycles of some numbers, up to the last one of the run.

    Args:
        experiment: the run's configuration.
        store: the run directory.
        processes: of the run.
        reporter: shows progress.
        pool: as it is labelled before the first of the cycles.
        numbers: of the cycles.
        boards: TensorBoard's views.
        queue: people's labels, where people label.
        code: digests of the user's own modules, where they changed.
        shared: seconds that another run's fit took, which this run's first cycle uses.
        fit_of: makes a fit, with the arguments of `Fit`.
    """
    acquisition, budget, seed, last = experiment.acquisition, experiment.budget, experiment.seed, numbers.stop - 1
    for cycle in numbers:
        count = budget.query_count(pool.size) if cycle < last else 0
        reporter.cycle(cycle, len(pool.labelled))
        seconds: dict[str, float] = {"shared": shared} if shared and cycle == 0 else {}
        members = acquisition.members if count else 1
        metrics, health, chosen = processes.once(results_on_disk, store, cycle, members, count, reporter)

        if metrics is None or chosen is None:
            scored = []
            for member in range(members):
                seal = Seal(processes.once(store.begin_fit, cycle, member), store.still_ours)
                directory = store.member_dir(cycle, member)
                fit = fit_of(experiment, cycle, member, pool, directory, processes, reporter, seal)
                take_weights_of_last_cycle(experiment, store, fit)
                timed(seconds, "fit", fit.train)
                seconds["processes"] = processes.count
                if member == 0:
                    metrics = timed(seconds, "test", fit.test)
                    health = fit.health
                    store.save_metrics(cycle, metrics, health)
                    timed(seconds, "views", boards.predictions, cycle, fit.network, fit.device)
                if count:
                    network = partial(timed, seconds, "score", fit.score, acquisition)
                    scored.append(score_pool(acquisition, pool, generator("candidates", seed, cycle), network))
                fit.close()
            if count:
                rows = join_members(scored)
                chosen = timed(
                    seconds, "select", choose, experiment, store, processes, reporter, rows, pool, count, (cycle, last)
                ).indices

        bought = processes.once(label, experiment, queue, cycle, chosen) if chosen else []
        budgeted, labelled = nominal(experiment, pool, cycle), len(pool.labelled)
        store.append(CycleRecord(cycle, budgeted, labelled, metrics or {}, bought, seconds, health, code or {}))
        if store.writes:
            show(store, reporter)
        store.still_ours()
        boards.write(finished=cycle == last)
        forget_weights(experiment, store, cycle, last)
        pool = pool.label(bought)


def code_from_here(experiment: Experiment, store: RunStore, reporter: Reporter, cycle: int) -> dict[str, str]:
    """Return the digests of the user's own modules for the cycles to come; empty where they are those of the run.

    `cycle` is the first of them: of a run that gets a larger budget, the last one, which has its network already but
    has not chosen yet.

    Raises:
        UsageError: a module's file is not what it was, and that is not accepted.
    """
    run = store.read()
    if files := ", ".join(changed_files(experiment.own_code, run.code)):
        if not experiment.options.accept_code_change:
            raise UsageError(
                f"{files} changed since {store.directory} was made, so later cycles would have another method than "
                "earlier ones. Put back what it was, or use another directory (--run_dir DIR), or go on all the same: "
                "--accept_code_change."
            )
        reporter.say(f"[!] {files} changed; from cycle {cycle} on, the run goes on with what it is now")
    code = digests(experiment.own_code)
    return code if code != run.record.code else {}


def results_on_disk(
    store: RunStore, cycle: int, members: int, count: int, reporter: Reporter
) -> tuple[dict[str, Any] | None, dict[str, Any], list[int] | None]:
    """Return metrics, health and choice of a started cycle; None, {}, None for what is missing or not this run's."""
    for path in store.drop_unfit(cycle, members, count):
        reporter.say(made_again(path))
    metrics, health = store.tested(cycle) or (None, {})
    return metrics, health, store.selection(cycle) if count else []


def choose(
    experiment: Experiment,
    store: RunStore,
    processes: Processes,
    reporter: Reporter,
    rows: SelectionInputs,
    pool: Pool,
    count: int,
    which: tuple[int, int],
) -> Selection:
    """Select on process 0, send the selection to all processes, and save it with its inputs.

    `which` has the number of the cycle, and how many there are.
    """
    cycle, strategy = which[0], experiment.acquisition

    def chosen() -> Selection:
        inputs = completed(rows, experiment.data, experiment.constraints, strategy, pool, which)
        return select(strategy, inputs, count, generator("select", experiment.seed, cycle))

    selection = processes.once(chosen)
    if selection.note:
        reporter.say(selection.note)
    seen = SeenRows(rows.index.numpy(), rows.labelled.numpy(), rows.value.numpy(), dict(rows.columns))
    store.save_rows(cycle, seen, selection.indices)
    store.save_selection(cycle, (selection.indices, selection.scores), experiment.data.names(selection.indices))
    return selection


def nominal(experiment: Experiment, pool: Pool, cycle: int) -> float:
    """Return the nominal budget of a cycle's fit, as a fraction of the pool."""
    budget, done = experiment.budget, len(pool.labelled)
    if done == pool.size:
        return 1.0
    planned = first_count(experiment, pool) + cycle * budget.query_count(pool.size)
    if experiment.oracle.accept_partial and done != planned:
        return done / pool.size  # people labelled a part of a batch
    return budget.nominal(budget.cycles if experiment.acquisition.one_fit else cycle, pool.size)


def take_weights_of_last_cycle(experiment: Experiment, store: RunStore, fit: AnyFit) -> None:
    """Load the weights of the last cycle where `warm_start` says so; by default every fit starts from scratch."""
    _, cycle, member = fit.key
    if experiment.options.warm_start == "none" or cycle == 0 or fit.started:
        return
    weights = store.weights(cycle - 1, member)
    if not weights.is_file():
        raise UsageError(
            f"warm_start needs the weights of the cycle before, but {weights} is gone; {store.again(cycle - 1)}"
        )
    fit.warm_start(weights, whole=experiment.options.warm_start == "all")


def forget_weights(experiment: Experiment, store: RunStore, cycle: int, last: int) -> None:
    """Delete the weights that `keep` does not keep; this cycle's weights stay for the next cycle's warm start."""
    if experiment.options.keep != "all" and store.writes:
        kept = range(cycle if experiment.options.keep == "last" or cycle < last else cycle + 1)
        for old in kept:
            for weights in store.cycle_dir(old).glob("member_*/weights.pt"):
                weights.unlink()


def show(store: RunStore, reporter: Reporter) -> None:
    """Show the first metric of the last cycle, and what its health says against it."""
    run = store.read()
    for name, value in list(run.cycles[-1].metrics.items())[:1]:  # none without a test set
        reporter.result(run.record.metric(name), value)
    if len(run.cycles) == 1 and (note := lacks(run)):  # once a run
        reporter.say(f"note: {note}")
    for problem in problems_at(run, run.cycles[-1].cycle):
        reporter.say(problem.line)


def timed(seconds: dict[str, float], stage: str, work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a stage and add up its seconds."""
    begun = time.perf_counter()
    result = work(*arguments)
    seconds[stage] = round(seconds.get(stage, 0.0) + time.perf_counter() - begun, 3)
    return result
