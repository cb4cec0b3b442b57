"""The strategies of a comparison: a configuration of each, with the options that its classes take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from al_lightning.comparisons.plan import Request
from al_lightning.config.command_line import pairs
from al_lightning.config.experiment import Experiment, configure
from al_lightning.config.fit_options import result_settings
from al_lightning.config.hints import parameters, passes_on
from al_lightning.engine.check_parts import check_on_features
from al_lightning.errors import UsageError, nearest
from al_lightning.results.series import BASELINE
from al_lightning.runs.parts import cold_start_in

OWN = {"acquisition": "strategy", "initial": "first choice"}
"""Sections whose classes differ from strategy to strategy, and what a class of each is."""


class Strategies:
    """Configures the strategies of a comparison. No data are read.

    An option below `OWN`, such as --acquisition.features, is for the strategies whose class takes it. All other options
    are for all.

    Args:
        request: what is to be compared.
        say: prints a line.

    Attributes:
        experiments: of the strategies, at seed 0, in their order.

    Raises:
        UsageError: names or options do not go together, a strategy cannot choose on features, or two are the same.
    """

    def __init__(self, request: Request, say: Callable[[str], object]) -> None:
        self.request = request
        self._defaults: list[str] = []  # options of `fit` that the request leaves open
        self._shared: list[str] = []
        below = []
        for name, value in pairs(request.options):
            section, *key = name.split(".")
            if section == "acquisition" and key in ([], ["class_path"]):
                raise UsageError(f"--{name} would be the one strategy of all runs; name it in --strategies {value}.")
            if section in OWN and key not in ([], ["class_path"]):
                below.append((name, value))
            else:
                self._shared += _words(name, value)
        self._own: list[list[str]] = [[] for _ in request.strategies]
        self._configure()
        for name, value in below:
            takers = self._takers(name)
            for place in takers:
                self._own[place] += _words(name, value)
            if len(takers) < len(self._own):
                say(f"--{name}: used by {', '.join(request.strategies[place] for place in takers)}")
        if below:
            self._configure()
        self._share_dropout(say)
        for each in self.experiments:
            check_on_features(each.acquisition)
        self._check_distinct()

    def settle(self, defaults: Sequence[str]) -> None:
        """Configure the strategies with further options that the request leaves open."""
        self._defaults += defaults
        self._configure()

    def words(self, place: int) -> tuple[str, tuple[str, ...]]:
        """Return the name of a strategy's runs, and the options beside it."""
        request = self.request
        encoder = f"_{request.encoder}" if request.encoder else ""
        part, own = words_of(request.strategies[place])
        options = (*self._shared, *self._defaults, *self._own[place], *own)
        return f"{request.dataset}{encoder}_{part}_probe", options

    def home(self, place: int) -> Path:
        """Return the folder of a strategy's runs."""
        experiment = self.experiments[place]
        if self.request.run_dir is None:
            return experiment.run_dir.parent
        named = self.request.strategies[place].partition("_from_")[2]  # `random_from_random` is beside `random`
        first = cold_start_in(result_settings(experiment.plain)) or named
        return self.request.run_dir / "_from_".join(filter(None, [experiment.name, first]))

    @property
    def homes(self) -> list[Path]:
        """The folders of the strategies' runs."""
        return [self.home(place) for place in range(len(self.experiments))]

    @property
    def own_options(self) -> bool:
        """Whether any option is for some of the strategies alone."""
        return any(self._own)

    def _configure(self) -> None:
        made = (self.words(place) for place in range(len(self.request.strategies)))
        self.experiments = [configure([config], options) for config, options in made]

    def _takers(self, name: str) -> list[int]:
        """Return the places of the strategies whose class takes an option.

        Raises:
            UsageError: none does.
        """
        section, key = name.removesuffix("+").split(".")[:2]
        classes: list[Any] = [type(getattr(each, section)) for each in self.experiments]
        takers = [at for at, one in enumerate(classes) if key in parameters(one) or passes_on(one, key, 0)]
        if takers:
            return takers
        names = ", ".join(dict.fromkeys(one.__name__ for one in classes))
        known = [option for one in classes for option in parameters(one)]
        raise UsageError(
            f"--{name}: no {OWN[section]} of this comparison ({names}) has an option {key!r}; leave it out, or name "
            f"one that has it.{nearest(key, known)}"
        )

    def _share_dropout(self, say: Callable[[str], object]) -> None:
        """Give all strategies the dropout that one of them needs: they share one network."""
        rates = [each.plain["network"].get("init_args", {}).get("dropout", 0) for each in self.experiments]
        if len(set(rates)) > 1:
            self.settle(["--network.dropout", str(max(rates))])
            say(f"all strategies share a network with dropout {max(rates):g}, which only scores by dropout use, no fit")

    def _check_distinct(self) -> None:
        """Raise UsageError where the runs of two strategies would be the same, or in the same place."""
        seen: list[tuple[Any, Path, str]] = []
        for place, (name, experiment) in enumerate(zip(self.request.strategies, self.experiments, strict=True)):
            identity, home = _identity(experiment), self.home(place)
            for other, there, earlier in seen:
                if identity == other or home == there:
                    raise UsageError(
                        f"--strategies: {name} and {earlier} would be the same runs here: with the same choice, the "
                        f"same first choice and the same linear probe; leave {name} out."
                    )
            seen.append((identity, home, name))


def words_of(strategy: str) -> tuple[str, list[str]]:
    """Return the acquisition part of a run's name, and options: of a class, and of `margin_from_typiclust`."""
    strategy, named, first = strategy.partition("_from_")
    if named and not first:
        raise UsageError(f"--strategies has {strategy}_from_, without the first choice: {strategy}_from_typiclust.")
    own = ["--acquisition", strategy] if "." in strategy else []
    return BASELINE if own else strategy, [*own, *(["--initial", first] if first else [])]


def _identity(experiment: Experiment) -> Any:
    """Return what tells an experiment's runs from others; a class counts, however its path is spelled."""
    settings = result_settings(experiment.plain)
    rest = {key: value for key, value in settings.items() if key != "acquisition.class_path"}
    rest = {key: value for key, value in rest.items() if key.split(".")[0] != "initial"}
    first = experiment.plain["initial"].get("init_args")
    return rest, type(experiment.acquisition), type(experiment.initial), first


def _words(name: str, value: str) -> list[str]:
    return [f"--{name}={value}"] if value.startswith("--") else [f"--{name}", value]
