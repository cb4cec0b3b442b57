"""A comparison of strategies on stored features, seed by seed, from the data to the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from al_lightning.comparisons.plan import Limits, budget_options, finished
from al_lightning.comparisons.screen import progress_table
from al_lightning.comparisons.workers import Method, Work, processes, result_of, submit
from al_lightning.config.experiment import Experiment, configure
from al_lightning.data.remarks import Remark
from al_lightning.distributed.processes import Processes
from al_lightning.engine.feature_run import FeatureRuns, RunInMemory
from al_lightning.engine.initial_set import first_count, open_data, record_of, say, warnings
from al_lightning.errors import DatasetError, UsageError
from al_lightning.progress import Reporter, duration
from al_lightning.results.series import BASELINE, Series, series_of_runs
from al_lightning.runs.image_list import image_list
from al_lightning.runs.journal import JOURNAL, Run, RunRecord, read_run


@dataclass(frozen=True)
class Request:
    """What is to be compared.

    Attributes:
        dataset: part of a run's name, for example `image_folder`.
        strategies: parts of a run's name, or paths of classes; Random comes first.
        options: of `fit`, for example ["--data.root", "DIR"].
        limits: when the comparison stops.
        encoder: network part of a run's name; "" for the dataset's own network.
        processes: that make runs at once.
    """

    dataset: str
    strategies: tuple[str, ...]
    options: tuple[str, ...]
    limits: Limits
    encoder: str = ""
    processes: int = 1


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        experiments: of the strategies, at seed 0, in their order.
        runs: of all finished seeds, strategy by strategy.
        why: why it ended.
        seconds: that it took.
    """

    experiments: tuple[Experiment, ...]
    runs: tuple[Run, ...]
    why: str
    seconds: float

    @property
    def methods(self) -> list[Series]:
        """The strategies with their curves."""
        return series_of_runs(self.runs)


class Comparer:
    """Prepares a comparison and runs it.

    Args:
        request: what is to be compared.
        reporter: shows progress.

    Raises:
        UsageError: names, options or data do not go together.
        DatasetError: the data cannot be used.
    """

    def __init__(self, request: Request, reporter: Reporter) -> None:
        self.request = request
        self.reporter = reporter
        begun = time.monotonic()
        budget: list[str] = []
        first = self._configure(self.request.strategies[0], budget)
        if not any(option.startswith("--budget") for option in request.options):
            first.data.take_split(first.data.find_split())
            classes = first.data.num_classes
            budget = budget_options(len(first.data.train), classes, first.task(classes).predicts)
            first = self._configure(self.request.strategies[0], budget)
        experiments = [first, *(self._configure(strategy, budget) for strategy in request.strategies[1:])]
        self.budget = budget
        nothing = RunInMemory(Run(first.run_dir, RunRecord(first.name, 0, {}, 0)))
        opened = open_data(first, nothing, Processes(), reporter)
        data = first.data
        if not len(data.test):
            raise DatasetError(f"{data.root} has no test set, so that no strategy can be judged; name one.")
        sets = (data.train, data.test)
        if lacking := sum(not images.has_label(index) for images in sets for index in range(len(images))):
            raise DatasetError(
                f"{lacking:,} images have no label. `compare` tries strategies on labels that exist; with images that "
                "people are still to label, run a campaign: al-lightning fit with --oracle files."
            )
        self.experiments = [replace(each, data=data) for each in experiments]
        digest = image_list(data.image_files(), data.root).digest
        remarks = warnings([*opened.remarks, *self._doubts(opened.look.labels())])
        for experiment in self.experiments:
            experiment.acquisition.check_pool(opened.pool, first_count(experiment, opened.pool))
        records = [
            replace(record_of(each, opened.pool.size, opened.data_sha256, digest, opened.trained), remarks=remarks)
            for each in self.experiments
        ]
        self.work = Work(
            tuple(
                Method(config, tuple(options), record)
                for (config, options), record in zip(map(self._words, request.strategies), records, strict=True)
            ),
            data.find_split(),
            data.features,
        )
        FeatureRuns(first)  # refuses what cannot run, before any process starts
        self.seconds = time.monotonic() - begun

    def _doubts(self, doubts: Sequence[Remark]) -> Sequence[Remark]:
        say(doubts, self.reporter)
        return doubts

    def _words(self, strategy: str) -> tuple[str, list[str]]:
        """Return the name of a strategy's runs, and the options beside it."""
        request = self.request
        encoder = f"_{request.encoder}" if request.encoder else ""
        own = ["--acquisition", strategy] if "." in strategy else []
        name = f"{request.dataset}{encoder}_{BASELINE if own else strategy}_probe"
        return name, [*request.options, *self.budget, *own]

    def _configure(self, strategy: str, budget: list[str]) -> Experiment:
        self.budget = budget
        config, options = self._words(strategy)
        return configure([config], options)

    def directory(self, method: int, seed: int) -> Path:
        """Return the directory of a run."""
        return self.experiments[method].run_dir.with_name(f"seed_{seed}")

    def made(self, method: int, seed: int) -> Run | None:
        """Return a run that was made before; None where there is none.

        Raises:
            UsageError: its directory holds something else.
        """
        directory, experiment = self.directory(method, seed), self.experiments[method]
        if not directory.exists():
            return None
        wanted = replace(self.work.methods[method].record, seed=seed)
        last = 0 if experiment.acquisition.one_fit else experiment.budget.cycles
        if (directory / JOURNAL).is_file():
            run = read_run(directory)
            aside: dict[str, Any] = {"versions": {}, "oracle": "", "command": []}
            same = replace(run.record, **aside) == replace(wanted, **aside)
            if same and len(run.cycles) == last + 1:
                return run
        raise UsageError(
            f"{directory} holds another run, or one that is not finished; delete it, or "
            "finish it with the `fit` command that began it."
        )

    def run(self) -> Comparison:
        """Run seed by seed, all strategies of a seed before the next, until `plan.finished` says why it ends."""
        begun = time.monotonic()
        count, limits = len(self.experiments), self.request.limits
        runs: list[list[Run]] = [[] for _ in range(count)]
        queue = [(method, seed) for seed in range(limits.seeds) for method in range(count)]
        known = {place: run for place in queue if (run := self.made(*place)) is not None}
        waiting = [place for place in queue if place not in known]
        done, why = 0, ""
        with processes(self.work, self.request.processes) as pool:
            running: dict[Future[float], tuple[int, int]] = {}
            ahead = self.request.processes + 1
            while not why:
                while waiting and len(running) < ahead:
                    place = waiting.pop(0)
                    running[submit(pool, *place)] = place
                while done < limits.seeds and all((method, done) in known for method in range(count)):
                    for method in range(count):
                        runs[method].append(known.pop((method, done)))
                    done += 1
                    why = finished(done, (time.monotonic() - begun) / 60, self._series(runs), limits)
                    self._show(runs, done, begun)
                    if why:
                        break
                if not why:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        method, seed = running.pop(future)
                        result_of(future)
                        known[method, seed] = read_run(self.directory(method, seed))
        flat = tuple(run for of_method in runs for run in of_method)
        return Comparison(tuple(self.experiments), flat, why, time.monotonic() - begun)

    def _series(self, runs: list[list[Run]]) -> list[Series]:
        return series_of_runs([run for of_method in runs for run in of_method])

    def _show(self, runs: list[list[Run]], done: int, begun: float) -> None:
        limits, passed = self.request.limits, time.monotonic() - begun
        left = max(0.0, min(60 * limits.minutes - passed, passed / done * (limits.seeds - done)))
        self.reporter.show(
            lambda: progress_table(self._series(runs), done, limits.seeds, left, self.reporter.console.width),
            f"{done} of {limits.seeds} seeds, at most {duration(left)} left",
        )
