"""Selecting again with a finished cycle's network, by its own strategy or another."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.scoring import Score, Scored, join_members, score_pool, select
from al_lightning.config.named_files import contents_of_files
from al_lightning.config.rebuild import Reopened, reopen
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.distributed.malloc import keep_large_blocks
from al_lightning.distributed.processes import Processes
from al_lightning.engine.check_parts import check_on_features
from al_lightning.engine.feature_run import FeatureFit, FeatureRuns
from al_lightning.engine.inputs import completed, encode_for
from al_lightning.engine.open_data import check_constraints
from al_lightning.engine.stages import StageProgress, guarded, score, stage_trainer
from al_lightning.errors import UsageError, printable
from al_lightning.features.of_run import SECTIONS, find_features, how_to_make
from al_lightning.features.sets import FeatureSets
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.runs.checkpoints import load_network
from al_lightning.runs.parts import is_probe
from al_lightning.runs.store import RunStore
from al_lightning.seeding import generator, seed_of
from al_lightning.training.base import seed_global

OPTIONS = ("--trainer.", "--data.root", "--data.workers", "--acquisition.", "--constraints.", "--budget.query")


def query_cycle(
    run_dir: Path,
    cycle: int,
    acquisition: str | None = None,
    options: Sequence[str] = (),
    show: bool = False,
    imports: Sequence[str] = (),
) -> list[int]:
    """Return a strategy's choice with a finished cycle's network; nothing in the run directory changes.

    The head of a linear probe is fitted again on the stored features, which gives the same one; `compare` keeps no
    weights.
    """
    command = ["query", str(run_dir), "--cycle", str(cycle), *options]
    command += ["--acquisition", acquisition] if acquisition else []
    command += [part for name in imports for part in ("--import", name)]
    for option in options:
        if option.startswith("--") and not option.startswith(OPTIONS):
            raise UsageError(f"query has no option {option}; it takes those of {', '.join(OPTIONS)}.")
    store = RunStore(run_dir, writes=False)
    done = store.read()
    if not done.cycles:
        raise UsageError(f"No cycle of {run_dir} has finished yet, so that there is no network to ask again.")
    if not 0 <= cycle < len(done.cycles):
        raise UsageError(f"{run_dir} has finished cycles 0 to {len(done.cycles) - 1}; there is no cycle {cycle}.")
    probe = is_probe(done.record)
    sections = ("network", "acquisition", *(SECTIONS if probe else ()))
    run = reopen(run_dir, options, sections, imports, acquisition, cycle)
    _check_files(run)
    strategy, budget = run.acquisition, run.budget
    assert strategy is not None
    assert budget is not None
    assert run.constraints is not None
    pool = run.data.pool().label(done.labelled_at(cycle))
    count = min(budget.query_count(pool.size), len(pool.unlabelled))
    if strategy.one_fit:
        raise UsageError(f"{type(strategy).__name__} chooses nothing after a fit.")
    if not count:
        why = "budget.query is 0; give --budget.query N" if len(pool.unlabelled) else "nothing is unlabelled"
        raise UsageError(f"There is nothing to choose in cycle {cycle}: {why}.")
    check_constraints(run.constraints, strategy, run.data, pool)
    needed = [store.weights(cycle, member) for member in range(strategy.members)]
    features = find_features(run, run_dir) if probe else None
    if features is None:
        _check_weights(run, strategy, needed, f"cycle {cycle}", run_dir if probe else None)
    with (
        Processes.of(run.trainer, 0, command) as processes,
        Reporter(shown=show and processes.rank == 0) as reporter,
    ):
        reporter.cycle(cycle, len(pool.labelled))
        seed, scored = run.record.seed, []
        for member, weights in enumerate(needed):
            key = (seed, cycle, member)
            if features is None:
                network: Score = partial(_score, run, strategy, pool, key, weights, reporter)
            else:
                network = partial(_score_features, run, strategy, pool, key, features)
            scored.append(score_pool(strategy, pool, generator("candidates", seed, cycle), network))
        encode_for([strategy], run, [run.record.name], processes, reporter)
        which = (cycle, max(cycle + 1, budget.cycles))
        rows = processes.once(completed, join_members(scored), run.data, run.constraints, strategy, pool, which)
        selection = processes.once(select, strategy, rows, count, generator("select", seed, cycle))
        chosen = selection.indices
        if selection.note:
            reporter.say(selection.note)
        for index, name in zip(chosen, run.data.names(chosen), strict=True):
            reporter.say(printable(f"{index:>{len(str(pool.size))}}  {name}"))
        return chosen


def _check_files(run: Reopened) -> None:
    """Raise UsageError where a file of vectors or constraints is not the one that the run read."""
    there = contents_of_files(run.plain)
    for key, content in run.record.files.items():
        if there.get(key, content) != content and not key.endswith(".weights"):  # a cycle has weights of its own
            raise UsageError(
                f"The file of --{key.replace('init_args.', '')} is not the one that the run read; put that file back, "
                "or name another strategy or file."
            )


def _check_weights(
    run: Reopened, strategy: Acquisition, needed: Sequence[Path], cycle: str, probe: Path | None
) -> None:
    """Raise UsageError where weights are missing; `probe` is the directory of a run of a linear probe."""
    gone = [path for path in needed if not path.is_file()]
    if gone and probe is not None:
        raise UsageError(
            f"{probe} keeps no weights of {cycle}, and there is no store of its features, on which its head could be "
            f"fitted again; {how_to_make(probe)}"
        )
    if gone:
        raise UsageError(
            f"{type(strategy).__name__} needs {len(needed)} trained network(s) of {cycle}, but {gone[0]} is not there."
        )
    for path in needed if strategy.needs_network else ():
        run.check_weights(path)


def _score_features(
    run: Reopened,
    strategy: Acquisition,
    pool: Pool,
    key: tuple[int, int, int],
    features: FeatureSets,
    images: list[int],
) -> Scored:
    """Fit the head of a linear probe again, and score images with it."""
    run.data.features = features
    fit = FeatureFit(FeatureRuns(run), key, pool)
    check_on_features(strategy)
    strategy.check(fit.network)
    fit.train()
    return fit.score(strategy, images)


def _score(
    run: Reopened,
    strategy: Acquisition,
    pool: Pool,
    key: tuple[int, int, int],
    weights: Path,
    reporter: Reporter,
    images: list[int],
) -> Scored:
    """Score images with one member's network; the scores are those of its run."""
    seed_global(seed_of("build", *key))  # a network may draw parts of itself that are not among its weights
    network = run.network(run.data.num_classes).to(memory_format=run.memory_format)
    strategy.check(network)
    load_network(network, weights)
    with tempfile.TemporaryDirectory() as scratch:
        options, progress = run.configuration.instantiate("trainer").trainer, StageProgress(reporter)
        trainer = stage_trainer(options, [progress], logger=False, default_root_dir=scratch, enable_checkpointing=False)
        if trainer.strategy.root_device.type == "cpu":
            keep_large_blocks()
        data = PoolDataModule(run.data, pool, key, scoring=images, memory_format=run.memory_format)
        stage = partial(guarded, trainer, timeout=run.data.timeout)
        return score(strategy, network, data, trainer, reporter, stage)
