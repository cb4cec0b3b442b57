"""A comparison of strategies on stored features, seed by seed, from the data to the answer."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from al_lightning.comparisons.plan import Limits, budget_options, finished, smaller
from al_lightning.comparisons.screen import means_table
from al_lightning.comparisons.workers import Method, Work, processes, result_of, submit
from al_lightning.config.experiment import Experiment, configure
from al_lightning.config.fit_options import result_settings
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.pool_split import Reading
from al_lightning.distributed.processes import Processes
from al_lightning.engine.feature_run import FeatureRuns, RunInMemory
from al_lightning.engine.initial_set import record_of
from al_lightning.engine.inputs import encode_for
from al_lightning.engine.open_data import first_count, open_data, say, warnings
from al_lightning.errors import DatasetError, UsageError
from al_lightning.progress import Reporter, duration
from al_lightning.results.series import BASELINE, Series, series_of_runs
from al_lightning.runs.identity import in_short
from al_lightning.runs.image_list import image_list
from al_lightning.runs.journal import JOURNAL, Run, RunRecord, read_run
from al_lightning.runs.parts import cold_start_in
from al_lightning.runs.store import differing


@dataclass(frozen=True)
class Request:
    """What is to be compared.

    Attributes:
        dataset: part of a run's name, for example `image_folder`.
        strategies: parts of a run's name, or paths of classes; Random comes first.
        options: of `fit`, for example ["--data.root", "DIR"].
        limits: when the comparison stops.
        run_dir: folder of the runs, NAME/seed_S below it; None for the directory that each run gets by itself.
        encoder: network part of a run's name; "" for the dataset's own network.
        processes: that make runs at once.
    """

    dataset: str
    strategies: tuple[str, ...]
    options: tuple[str, ...]
    limits: Limits
    run_dir: Path | None = None
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
        self.begun = time.monotonic()
        self.defaults: list[str] = []  # options of `fit` that the request leaves open
        first = self._configure(request.strategies[0])
        split = first.data.find_split(Reading(reporter.say, reporter.count))
        first.data.take_split(split)
        check_labels(first.data)
        if self._choose_defaults(first):
            first = self._configure(request.strategies[0])
            first.data.take_split(split)
        others = [self._configure(strategy) for strategy in request.strategies[1:]]
        if self._share_dropout([first, *others]):
            first, *others = [self._configure(strategy) for strategy in request.strategies]
            first.data.take_split(split)
        self.experiments = [first, *(replace(each, data=first.data) for each in others)]
        pool = first.data.pool()
        first.budget.check(pool.size)
        for experiment in self.experiments:
            experiment.acquisition.check_pool(pool, first_count(experiment, pool))
        self.split = split

    @property
    def plan(self) -> str:
        """What is to be run, in a sentence."""
        budget, limits = self.experiments[0].budget, self.request.limits
        unit = "labels" if budget.unit == "images" else "% of the pool"
        last = budget.initial + budget.cycles * budget.query
        return (
            f"{', '.join(self.request.strategies)}: up to {limits.seeds} seeds in {limits.minutes:g} minutes, "
            f"{budget.cycles + 1} budgets from {budget.initial:,} to {last:,} {unit}, "
            f"in {self.request.processes} processes"
        )

    def _prepare(self) -> Work:
        """Look at the data, find or make their features, and return what each process needs to know."""
        request, first, reporter = self.request, self.experiments[0], self.reporter
        opened = open_data(first, nothing_yet(first, self.home(first)), Processes(), reporter)
        doubts = opened.look.labels()
        say(doubts, reporter)
        digest = image_list(first.data.image_files(), first.data.root).digest
        for each in self.experiments:
            encode_for((each.initial, each.acquisition), each, each.options.config, Processes(), reporter)
        methods, runs = [], FeatureRuns(first)
        for strategy, experiment in zip(request.strategies, self.experiments, strict=True):
            record = record_of(experiment, opened.pool.size, opened.data_sha256, digest, opened.trained)
            runs.check(experiment)  # before any process starts
            config, options = self._words(strategy)
            record = replace(record, remarks=warnings([*opened.remarks, *doubts]))
            methods.append(Method(config, options, self.home(experiment), record))
        return Work(tuple(methods), self.split, first.data.features, dict(first.data.encoded))

    def _choose_defaults(self, experiment: Experiment) -> bool:
        """Choose a budget, and a size of images with a class per pixel, where the request has none; say which size.

        Returns:
            Whether any was chosen.
        """
        given = {option.split("=")[0].split(".")[0] for option in self.request.options}
        sizes = {option.split("=")[0] for option in self.request.options}
        data, predicts = experiment.data, experiment.task(experiment.data.num_classes).predicts
        if "--budget" not in given:
            self.defaults += budget_options(len(data.train), data.num_classes, predicts)
        if predicts == "pixel" and "--data.size" not in sizes and getattr(data, "size", ()) is None:
            height, width = data.train.check(0) or data.train.image(0).shape[:2]
            if (size := smaller(height, width)) != (height, width):
                self.defaults += ["--data.size", str(list(size))]
                self.reporter.say(
                    f"images and masks of {height} x {width} are read at {size[0]} x {size[1]}, and judged there; "
                    "another size: --data.size '[HEIGHT, WIDTH]'"
                )
        return bool(self.defaults)

    def _share_dropout(self, experiments: list[Experiment]) -> bool:
        """Give all strategies the dropout that one of them needs: they share one network. Return whether it was so."""
        rates = [each.plain["network"].get("init_args", {}).get("dropout", 0) for each in experiments]
        if len(set(rates)) == 1:
            return False
        self.defaults += ["--network.dropout", str(max(rates))]
        self.reporter.say(
            f"all strategies share a network with dropout {max(rates):g}, which only scores by dropout use, no fit"
        )
        return True

    def _words(self, strategy: str) -> tuple[str, tuple[str, ...]]:
        """Return the name of a strategy's runs, and the options beside it."""
        request = self.request
        encoder = f"_{request.encoder}" if request.encoder else ""
        part, own = words_of(strategy)
        return f"{request.dataset}{encoder}_{part}_probe", (*request.options, *self.defaults, *own)

    def _configure(self, strategy: str) -> Experiment:
        config, options = self._words(strategy)
        return configure([config], options)

    def directory(self, method: int, seed: int) -> Path:
        """Return the directory of a run."""
        return self.home(self.experiments[method]) / f"seed_{seed}"

    def home(self, experiment: Experiment) -> Path:
        """Return the folder of a strategy's runs."""
        if self.request.run_dir is None:
            return experiment.run_dir.parent
        settings = result_settings(experiment.plain)
        return self.request.run_dir / "_from_".join(filter(None, [experiment.name, cold_start_in(settings)]))

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
        run = read_run(directory) if (directory / JOURNAL).is_file() else None
        other = "something that is no run" if run is None else other_run(run, wanted, last + 1)
        if other:
            raise UsageError(
                f"{directory} holds {other}. Nothing there was changed. To keep it, name another folder for the runs "
                f"of this comparison: --run_dir DIR; else delete {directory}."
            )
        return run

    def run(self) -> Comparison:
        """Run seed by seed, all strategies of a seed before the next, until `plan.finished` says why it ends."""
        self.work = self._prepare()
        self.reporter.say(self.plan)
        begun, count, limits = time.monotonic(), len(self.experiments), self.request.limits
        # The minutes count what came before the runs, too, which have at least half of them.
        self.before = min(begun - self.begun, 30 * limits.minutes)
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
                    if why := finished(done, self._passed(begun) / 60, self._series(runs), limits):
                        break
                    self._show(runs, done, begun)
                if not why:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        method, seed = running.pop(future)
                        result_of(future)
                        known[method, seed] = read_run(self.directory(method, seed))
        flat = tuple(run for of_method in runs for run in of_method)
        return Comparison(tuple(self.experiments), flat, why, time.monotonic() - begun)

    def _passed(self, begun: float) -> float:
        """Return the seconds that count, where the runs began at a time."""
        return self.before + time.monotonic() - begun

    def _series(self, runs: list[list[Run]]) -> list[Series]:
        return series_of_runs([run for of_method in runs for run in of_method])

    def _show(self, runs: list[list[Run]], done: int, begun: float) -> None:
        limits, passed = self.request.limits, time.monotonic() - begun
        left = max(0.0, min(60 * limits.minutes - self._passed(begun), passed / done * (limits.seeds - done)))
        line = f"{done} of {limits.seeds} seeds, at most {duration(left)} left"
        self.reporter.show(lambda: means_table(self._series(runs), line, self.reporter.console.width), line)


def words_of(strategy: str) -> tuple[str, list[str]]:
    """Return the acquisition part of a run's name, and options: of a class, and of `margin_from_typiclust`."""
    strategy, named, first = strategy.partition("_from_")
    if named and not first:
        raise UsageError(f"--strategies has {strategy}_from_, without the first choice: {strategy}_from_typiclust.")
    own = ["--acquisition", strategy] if "." in strategy else []
    return BASELINE if own else strategy, [*own, *(["--initial", first] if first else [])]


def nothing_yet(experiment: Experiment, folder: Path) -> RunInMemory:
    """Return a run in which nothing has happened; features that have no place beside the data go into its folder."""
    return RunInMemory(Run(folder, RunRecord(experiment.name, experiment.seed, {}, 0)))


def other_run(run: Run, wanted: RunRecord, budgets: int) -> str:
    """Return what a run is that cannot serve as a wanted one; "" where it can."""
    aside: dict[str, Any] = {"versions": {}, "oracle": "", "command": []}
    if replace(run.record, **aside) != replace(wanted, **aside):
        return f"another run ({in_short(differing(run.record, wanted)) or 'other images, labels or code'})"
    if len(run.cycles) == budgets:
        return ""
    if not run.cycles or run.cycles[-1].chosen:
        return "a run that is not finished (the `fit` command that began it goes on)"
    return f"a run with {len(run.cycles)} budgets, and this comparison has {budgets} (--budget.cycles {budgets - 1})"


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
