"""A comparison of strategies on stored features, seed by seed, from the data to the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from al_lightning.comparisons.earlier import made
from al_lightning.comparisons.notes import in_short
from al_lightning.comparisons.plan import Request, budget_options, finished, smaller
from al_lightning.comparisons.screen import means_table
from al_lightning.comparisons.strategies import Strategies
from al_lightning.comparisons.workers import Made, Method, Work, processes, result_of, submit
from al_lightning.config.command_line import pairs, read_text
from al_lightning.config.experiment import Experiment
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.pool_split import Reading
from al_lightning.distributed.processes import Processes
from al_lightning.engine.check_parts import check_parts
from al_lightning.engine.feature_run import RunInMemory, probe_of
from al_lightning.engine.initial_set import record_of
from al_lightning.engine.inputs import check_encoders, encode_for
from al_lightning.engine.open_data import check_pool, open_data, say, warnings
from al_lightning.errors import ALError, DatasetError
from al_lightning.features.of_run import store_of
from al_lightning.labels.content import count_of
from al_lightning.progress import Reporter, duration
from al_lightning.results.series import Series, series_of_runs
from al_lightning.runs.image_list import image_list
from al_lightning.runs.journal import Run, RunRecord, read_run
from al_lightning.runs.store import SPLIT

PAGE = 30.0
"""Seconds that the answer and the page of a common comparison take."""


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        experiments: of the strategies, at seed 0, in their order.
        runs: of all finished seeds, strategy by strategy.
        why: why it ended.
        seconds: that it took.
        processes: that made runs at once.
        notes: what the strategies said about their choices, in the runs that were made now.
    """

    experiments: tuple[Experiment, ...]
    runs: tuple[Run, ...]
    why: str
    seconds: float
    processes: int = 1
    notes: tuple[str, ...] = ()

    @property
    def methods(self) -> list[Series]:
        """The strategies with their curves."""
        return series_of_runs(self.runs)


class Comparer:
    """Prepares a comparison and runs it.

    Args:
        request: what is to be compared.
        reporter: shows progress.
        begun: when the command began, by `time.monotonic`.

    Raises:
        UsageError: names, options or data do not go together.
        DatasetError: the data cannot be used.
    """

    def __init__(self, request: Request, reporter: Reporter, begun: float) -> None:
        self.request = request
        self.reporter = reporter
        self.begun = begun
        self.strategies = Strategies(request, reporter.say)
        data = self.experiments[0].data
        if request.run_dir is not None:  # else the folder of the runs follows from the budget, and that from the data
            data.run_folder = self.strategies.home(0)
        data.split_file = self.directory(0, 0) / SPLIT
        data.find_split(Reading(reporter.say, reporter.count))
        self._cache_split = data.cache_split
        check_labels(data)
        self._settle(data)
        self._check()

    @property
    def experiments(self) -> list[Experiment]:
        """The configurations of the strategies, at seed 0, in their order."""
        return self.strategies.experiments

    @property
    def plan(self) -> str:
        """What is to be run, in a sentence."""
        budget, limits = self.experiments[0].budget, self.request.limits
        size = self.experiments[0].data.pool().size
        span = f"{budget.initial_count(size):,} to {budget.total_count(size):,} labels"
        if budget.unit == "percent":
            span += f" ({budget.initial} to {budget.initial + budget.cycles * budget.query} % of the pool)"
        return (
            f"{', '.join(self.request.strategies)}: up to {count_of(limits.seeds, 'seed')} in "
            f"{limits.time}, {count_of(budget.cycles + 1, 'budget')} from {span}, "
            f"{self.request.processes} at a time"
        )

    def _check(self) -> None:
        """Refuse, before features are made, whatever does not need them."""
        data, limits = self.experiments[0].data, self.request.limits
        pool, probe = data.pool(), probe_of(self.experiments[0])
        for each in self.experiments:
            check_pool(each, pool)
            check_parts(each, probe)
            check_encoders((each.initial, each.acquisition), each, each.options.config, self.reporter.say)
        images = image_list(data.image_files(), data.root).digest
        marks = pool.size, data.fingerprint(), images, ""
        self.records = [record_of(each, *marks) for each in self.experiments]
        for seed in range(limits.seeds):
            for method in range(len(self.experiments)):
                self.made(method, seed, looked=False)

    def _prepare(self) -> Work:
        """Look at the data, find or make their features, and return what each process needs to know."""
        first, reporter = self.experiments[0], self.reporter
        with suppress(ALError):  # where nothing can be written beside the data, the runs alone keep the split
            self._cache_split()
        opened = open_data(first, nothing_yet(first, self.strategies.home(0)), Processes(), reporter)
        doubts = opened.look.labels()
        say(doubts, reporter)
        for each in self.experiments:
            encode_for((each.initial, each.acquisition), each, each.options.config, Processes(), reporter)
        remarks = warnings([*opened.remarks, *doubts])
        trained, features = opened.trained, store_of(first.data.features)
        self.records = [replace(each, trained=trained, remarks=remarks, features=features) for each in self.records]
        methods = tuple(
            Method(*self.strategies.words(place), self.strategies.home(place), record)
            for place, record in enumerate(self.records)
        )
        return Work(methods, first.data.find_split(), first.data.features, dict(first.data.encoded))

    def _settle(self, data: PoolDataset) -> None:
        """Choose what the request leaves open of the budget, and a size of images with a class per pixel.

        All strategies get one dataset, which knows what `data` found in the files.
        """
        given = [name for name, _ in pairs(self.request.options)]
        predicts = self.experiments[0].task(data.num_classes).predicts
        size = self._size(data) if predicts == "pixel" and "data.size" not in given else []
        budget = {name: getattr(self.experiments[0].budget, name) for name in _of_budget(self.request.options)}
        if chosen := [*budget_options(len(data.train), data.num_classes, predicts, budget), *size]:
            self.strategies.settle(chosen)
        if size:
            resized = self.experiments[0].data
            resized.take_findings(data)
            data = resized
        data.run_folder = self.strategies.home(0)
        self.strategies.experiments = [replace(each, data=data) for each in self.experiments]

    def _size(self, data: PoolDataset) -> list[str]:
        """Return the option for smaller images than the files', and say so; nothing where a config has a size."""
        if getattr(data, "size", ()) is not None:
            return []
        height, width = data.train.check(0) or data.train.image(0).shape[:2]
        if (size := smaller(height, width)) == (height, width):
            return []
        self.reporter.say(
            f"images and masks of {height} x {width} are read at {size[0]} x {size[1]}, and judged there; another "
            "size: --data.size '[HEIGHT, WIDTH]'"
        )
        return ["--data.size", str(list(size))]

    def directory(self, method: int, seed: int) -> Path:
        """Return the directory of a run."""
        return self.strategies.home(method) / f"seed_{seed}"

    def made(self, method: int, seed: int, looked: bool = True) -> Run | None:
        """Return a run that was made before; see `earlier.made`."""
        wanted = replace(self.records[method], seed=seed)
        return made(self.directory(method, seed), self.experiments[method], wanted, looked)

    def run(self) -> Comparison:
        """Run seed by seed, all strategies of a seed before the next, until `plan.finished` or the time ends it."""
        work = self._prepare()
        self.reporter.say(self.plan)
        begun, count, limits = time.monotonic(), len(self.experiments), self.request.limits
        # The minutes count what comes before the runs and after them, and the runs have at least half of them.
        self.end = max(self.begun + 60 * limits.minutes - PAGE, begun + 30 * limits.minutes)
        runs: list[list[Run]] = [[] for _ in range(count)]
        queue = [(method, seed) for seed in range(limits.seeds) for method in range(count)]
        known = {place: run for place in queue if (run := self.made(*place)) is not None}
        waiting = [place for place in queue if place not in known]
        new = len(waiting)
        done, why = 0, ""
        notes: list[tuple[str, str]] = []
        with processes(work, self.request.processes) as pool:
            running: dict[Future[Made], tuple[int, int]] = {}
            ahead = self.request.processes + 1
            while not why:
                while waiting and len(running) < ahead:
                    place = waiting.pop(0)
                    running[submit(pool, *place)] = place
                while done < limits.seeds and all((method, done) in known for method in range(count)):
                    for method in range(count):
                        runs[method].append(known.pop((method, done)))
                    done += 1
                    if why := finished(done, self._series(runs), limits):
                        break
                    rest = len(waiting) + len(running)
                    self._show(runs, done, (time.monotonic() - begun) / (new - rest) if new > rest else inf, rest)
                left = max(0.0, self.end - time.monotonic()) if done else None  # the first seed is always waited for
                if not why and left == 0:
                    why = f"its time (--minutes {limits.minutes:g}) is over"
                if not why:
                    for future in wait(running, left, FIRST_COMPLETED).done:
                        method, seed = running.pop(future)
                        notes += [(self.request.strategies[method], note) for note in result_of(future).notes]
                        known[method, seed] = read_run(self.directory(method, seed))
        flat = tuple(run for of_method in runs for run in of_method)
        seconds = time.monotonic() - begun
        return Comparison(tuple(self.experiments), flat, why, seconds, self.request.processes, tuple(in_short(notes)))

    def _series(self, runs: list[list[Run]]) -> list[Series]:
        return series_of_runs([run for of_method in runs for run in of_method])

    def _show(self, runs: list[list[Run]], done: int, seconds: float, rest: int) -> None:
        """Show how far it is; `rest` runs are left, of so many seconds each, infinite where none was made yet."""
        left = max(0.0, min(self.end - time.monotonic(), seconds * rest)) if rest else 0.0
        line = f"{done} of {self.request.limits.seeds} seeds, at most {duration(left)} left"
        self.reporter.show(lambda: means_table(self._series(runs), line, self.reporter.console.width), line)


def _of_budget(options: Sequence[str]) -> list[str]:
    """Return the names of the budget's options that are given, by themselves or in a mapping: `--budget {query: 5}`."""
    names: list[str] = []
    for name, value in pairs(options):
        section, _, key = name.partition(".")
        if section == "budget":
            names += [key] if key else read_text(value, f"--{name}")
    return names


def nothing_yet(experiment: Experiment, folder: Path) -> RunInMemory:
    """Return a run in which nothing has happened; features that have no place beside the data go into its folder."""
    return RunInMemory(Run(folder, RunRecord(experiment.name, experiment.seed, {}, 0)))


def check_labels(data: PoolDataset) -> None:
    """Raise DatasetError where strategies cannot be tried on a dataset: it lacks a test set, or labels."""
    if not len(data.test):
        raise DatasetError(f"{data.root} has no test set, so that no strategy can be judged; name one.")
    sets = (data.train, data.test)
    if lacking := sum(not images.has_label(index) for images in sets for index in range(len(images))):
        raise DatasetError(
            f"{lacking:,} images of {data.root} have no label, and `compare` tries strategies on labels that exist. "
            "With images that people are still to label, run a campaign: al-lightning fit with --oracle files."
        )
