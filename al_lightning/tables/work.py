"""The work of runs before they run, for the time left of kinds of runs that were not timed yet. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from al_lightning.config.hints import imported
from al_lightning.config.names import resolve
from al_lightning.errors import ALError
from al_lightning.launcher.job import Cost, Job
from al_lightning.pool import Budget
from al_lightning.tables.estimate import as_mapping, images_a_step, labels_of, steps_of
from al_lightning.tables.plan import Plan
from al_lightning.tables.status import cycles_of

AMOUNTS = ("initial", "query", "cycles")
"""Whole numbers of a budget."""
WRONG = (ALError, ValueError, TypeError, KeyError)
"""Errors of a configuration that cannot be read; the run itself says what is wrong with it."""


def jobs_of(plan: Plan) -> list[Job]:
    """Return the jobs of a plan's missing runs, each with its work; of a begun run, the work that is left."""
    jobs = []
    for run in plan.missing:
        row, column = run.status.row, run.status.column
        share = max(0.0, 1 - run.cycles / cycles_of(row, column)) or 1.0
        with suppress(*WRONG):
            cost = cost_of(run.job, column.pool, labels_of(row, column))
            jobs.append(replace(run.job, cost=Cost(cost.kind, cost.least * share, cost.most * share)))
            continue
        jobs.append(run.job)
    return jobs


def with_cost(job: Job) -> Job:
    """Return a job with its work, of a dataset that has a `pool_size`."""
    with suppress(*WRONG):
        values, given = resolve([job.name]).values, as_mapping(job.options)
        pool = int(given.get("--data.pool_size", values["data"]["init_args"]["pool_size"]))
        own = {key: int(given[f"--budget.{key}"]) for key in AMOUNTS if f"--budget.{key}" in given}
        budget = Budget(**{**values["budget"], **own})
        counts = [budget.initial_count(pool) + cycle * budget.query_count(pool) for cycle in range(budget.cycles + 1)]
        return replace(job, cost=cost_of(job, pool, counts))
    return job


def cost_of(job: Job, pool: int, labelled: Sequence[int]) -> Cost:
    """Return the work of a run in forward passes of an image, times its pixels.

    Args:
        job: the run.
        pool: number of images in the pool.
        labelled: number of labelled images in each fit.
    """
    from al_lightning.acquisition.base import Acquisition
    from al_lightning.training.base import TrainingModule

    values, given = resolve([job.name]).values, as_mapping(job.options)
    data, network = values["data"]["init_args"], values["network"]
    method = _class(values, given, "training", TrainingModule)
    strategy = _class(values, given, "acquisition", Acquisition)
    batch = int(given.get("--data.batch_size", data["batch_size"]))
    trained, whole = _pixels(data, given)
    tested = int(given.get("--data.test_size", data.get("test_size") or 0))
    ends = []
    for of_step, of_score in zip(method.step_passes, strategy.score_passes, strict=True):
        passes = 0.0
        for cycle, count in enumerate(labelled):
            last = cycle == len(labelled) - 1
            members = 1 if last else strategy.members
            steps = steps_of(values, given, count, batch)
            passes += members * steps * images_a_step(data, given, batch) * of_step * trained + tested * whole
            passes += 0 if last or not strategy.needs_network else members * (pool - count) * of_score * whole
        ends.append(passes)
    own = {key: value for key, value in given.items() if key.startswith(("--network", "--training"))}
    kind = json.dumps([network, method.__qualname__, values["data"]["class_path"], own], sort_keys=True, default=str)
    return Cost(kind, *ends)


def _class(values: Mapping[str, Any], given: Mapping[str, str], section: str, base: Any) -> Any:
    """Return the class of a section; the base, whose work is usual, of one that cannot be imported here."""
    try:
        found = imported(given.get(f"--{section}", values[section]["class_path"]))
    except Exception:  # the run itself says what is wrong with it
        return base
    return found if isinstance(found, type) and issubclass(found, base) else base


def _pixels(data: Mapping[str, Any], given: Mapping[str, str]) -> tuple[int, int]:
    """Return the pixels of an image in training and in testing and scoring; 1 and 1 where no size is configured."""
    size = json.loads(given["--data.size"]) if "--data.size" in given else data.get("size")
    crop = ((data.get("augmentation") or {}).get("init_args") or {}).get("crop")
    if not size:
        return 1, 1
    whole = int(size[0]) * int(size[1])
    return (int(crop[0]) * int(crop[1]) if crop else whole), whole
