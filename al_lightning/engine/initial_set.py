"""The start of a run: the pool and the initial set, drawn once, labelled, and written into the journal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.random import Balanced, Random
from al_lightning.acquisition.scoring import score_pool, select
from al_lightning.config.experiment import Experiment, versions
from al_lightning.config.fit_options import result_settings
from al_lightning.config.named_files import contents_of_files
from al_lightning.config.own_code import digests
from al_lightning.data.remarks import Remark
from al_lightning.distributed.processes import Processes
from al_lightning.engine.annotation import AnnotationQueue
from al_lightning.engine.first_look import FirstLook
from al_lightning.engine.fit import AnyFit, Fit
from al_lightning.engine.inputs import completed
from al_lightning.engine.open_data import first_count, fresh_fit, open_data, own_first, say, warnings
from al_lightning.errors import ALError, LabelsAwaited, UsageError
from al_lightning.features.of_run import store_of
from al_lightning.oracle import Pending
from al_lightning.pool import Pool, draw_initial
from al_lightning.progress import Reporter
from al_lightning.runs.image_list import image_list
from al_lightning.runs.journal import Run, RunRecord
from al_lightning.runs.seals import drop, made_again
from al_lightning.runs.selections import selection_path
from al_lightning.runs.store import SPLIT, RunStore
from al_lightning.seeding import generator
from al_lightning.types import Selection, SelectionInputs


def start(
    experiment: Experiment, store: RunStore, processes: Processes, reporter: Reporter, queue: AnnotationQueue | None
) -> Pool:
    """Return the pool with its initial set labelled; in a new run, open the journal and draw the initial set first."""
    opened = open_data(experiment, store, processes, reporter)
    pool, look = opened.pool, opened.look
    run = processes.once(begin, experiment, store, pool, opened.data_sha256, opened.trained, reporter)
    if (initial := run.initial) is None:
        initial = processes.once(first_choice, store, reporter)
        if initial is None:
            first = draw_first(experiment, pool, processes, reporter)
            initial = processes.once(keep_first, experiment, store, pool, first)
        initial, doubts = processes.once(label_first, experiment, store, queue, look, initial)
    else:
        if queue is not None:
            processes.once(queue.test)
        doubts = processes.once(look.labels)
    say(doubts, reporter)
    processes.once(store.set_remarks, warnings([*opened.remarks, *doubts]))
    return pool.label(initial)


def begin(
    experiment: Experiment, store: RunStore, pool: Pool, data_sha256: str, trained: str, reporter: Reporter
) -> Run:
    """Begin the journal, or continue an existing one, and return the run so far.

    Raises:
        UsageError: the directory holds a run with other settings, another seed, or other images.
        DatasetError: an image cannot be read.
    """
    data = experiment.data
    images = image_list(data.image_files(), data.root)
    record = record_of(experiment, pool.size, data_sha256, images.digest, trained)
    run, note = store.begin(record, images)
    if note:
        reporter.say(note)
    if store.keep_list(images):
        reporter.say(made_again(store.images_path))
    split = data.find_split()
    if store.keep_split(split.text, split.origin) if split is not None else store.keep_split(None):
        reporter.say(made_again(store.directory / SPLIT))
    store.save_config(experiment.plain)
    return run


def record_of(experiment: Experiment, pool_size: int, data_sha256: str, images_sha256: str, trained: str) -> RunRecord:
    """Return the first line of a run's journal; see `RunRecord` for the arguments."""
    data = experiment.data
    return RunRecord(
        name=experiment.name,
        seed=experiment.seed,
        settings=result_settings(experiment.plain),
        pool_size=pool_size,
        data_sha256=data_sha256,
        images_sha256=images_sha256,
        classes=list(data.class_names),
        parts=experiment.parts,
        trained=trained,
        test_images=len(data.test),
        files=contents_of_files(experiment.plain),
        features=store_of(data.features),
        code=digests(experiment.own_code),
        metrics=list(experiment.task(len(data.class_names)).metrics),
        oracle=str(experiment.plain["oracle"]["class_path"]),
        command=list(experiment.command),
        versions=versions(),
    )


def first_choice(store: RunStore, reporter: Reporter) -> list[int] | None:
    """Return an initial set that was drawn but is not labelled yet, else None."""
    try:
        return store.selection(None)
    except ALError:
        path = selection_path(store.directory, None)
        drop(path)
        reporter.say(made_again(path))
        return None


def keep_first(experiment: Experiment, store: RunStore, pool: Pool, first: Selection) -> list[int]:
    """Save an initial set before any label is asked for."""
    pool.label(first.indices)  # checks a strategy's own initial set before the first fit
    store.save_selection(None, (first.indices, first.scores), experiment.data.names(first.indices))
    return first.indices


def label_first(
    experiment: Experiment, store: RunStore, queue: AnnotationQueue | None, look: FirstLook, initial: list[int]
) -> tuple[list[int], list[Remark]]:
    """Have the initial set labelled, judge the labels, and write the set into the journal; return set and remarks."""
    initial = label(experiment, queue, None, initial)
    doubts = look.labels()  # before the set is written: labels that stop the run may still be mended, and more may come
    store.label_initial(initial)
    return initial, doubts


def draw_first(
    experiment: Experiment, pool: Pool, processes: Processes, reporter: Reporter, fit_of: Callable[..., AnyFit] = Fit
) -> Selection:
    """Draw the initial set: the strategy's own if it has one, else the one that all strategies share at this seed.

    `fit_of` makes the fit whose network has the embeddings of a cold start, with the arguments of `Fit`.
    """
    count, strategy = first_count(experiment, pool), experiment.initial
    if (own := own_first(experiment, pool)) is not None:
        return Selection(own, [0.0] * len(own))
    if type(strategy) in DRAWN:
        indices = drawn(experiment, pool, count)
        return Selection(indices, [0.0] * len(indices))
    return cold_start(experiment, strategy, pool, count, processes, reporter, fit_of)


DRAWN: dict[type[Acquisition], Literal["random", "balanced"]] = {Random: "random", Balanced: "balanced"}
"""The initial sets that are drawn."""


def drawn(experiment: Experiment, pool: Pool, count: int) -> list[int]:
    """Draw an initial set.

    Raises:
        UsageError: a balanced one is asked for, and not all classes are known.
    """
    how, data = DRAWN[type(experiment.initial)], experiment.data
    classes = data.classes()
    if how == "balanced" and classes is None and data.label_folder is not None:
        raise UsageError(
            "initial: balanced takes equally many images of each class, and not all of the pool's classes are known "
            "before people label; use --initial random, or one that needs no labels, such as --initial typiclust."
        )
    return draw_initial(pool, count, how, classes, generator("initial", experiment.seed))


def cold_start(
    experiment: Experiment,
    strategy: Acquisition,
    pool: Pool,
    count: int,
    processes: Processes,
    reporter: Reporter,
    fit_of: Callable[..., AnyFit] = Fit,
) -> Selection:
    """Have a strategy choose an initial set by the embeddings of the untrained network, or by stored features.

    The network is the one that the first fit begins with. At a seed the initial set is the same for every strategy of
    the run. All processes of the run call this.
    """
    draw = generator("candidates", experiment.seed, 0)
    if strategy.needs_network:
        if not experiment.pretrained:
            reporter.say(
                "note: the first images are chosen by the features of a network without pretrained weights, which are "
                "random; name weights under network (for example weights: imagenet), or another encoder, for features "
                "that distinguish images: --initial.features efficientnet"
            )
        reporter.cycle(0, 0)
        with fresh_fit(experiment, pool, processes, reporter, fit_of) as fit:
            rows = score_pool(strategy, pool, draw, partial(fit.score, strategy))
    else:
        rows = score_pool(strategy, pool, draw, None)
    selection = processes.once(first_of, experiment, strategy, rows, pool, count)
    if selection.note:
        reporter.say(selection.note)
    return selection


def first_of(experiment: Experiment, strategy: Acquisition, rows: SelectionInputs, pool: Pool, count: int) -> Selection:
    """Choose the initial set on process 0."""
    which = (0, experiment.budget.cycles + 1)
    inputs = completed(rows, experiment.data, experiment.constraints, strategy, pool, which)
    return select(strategy, inputs, count, generator("initial", experiment.seed))


def label(experiment: Experiment, queue: AnnotationQueue | None, cycle: int | None, chosen: list[int]) -> list[int]:
    """Have a cycle's choice labelled, or the initial set where the cycle is None; return the labelled images.

    Raises:
        LabelsAwaited: labels are missing; the same command continues once they are there.
    """
    if queue is not None:
        return queue.label(cycle, chosen)
    answer = experiment.oracle.label(chosen)
    if isinstance(answer, Pending):
        raise LabelsAwaited(answer.message)
    return answer.indices
