"""The checks behind `conditions`: each reads the methods of one setting and says, in sentences, what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from pathlib import Path
from typing import Any

from al_lightning.results.series import Series, baseline_of
from al_lightning.runs.identity import differences, in_short
from al_lightning.runs.journal import Run

MEASURED = "every network is measured on the test set after its fit, and its last weights count"
STOPPING = ("EarlyStopping", "ModelCheckpoint", "StochasticWeightAveraging")
"""Callbacks that end a fit or choose weights by a metric."""


class State(Enum):
    """How a condition stands."""

    OK = "ok"
    WARN = "warn"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Setting:
    """What is compared on one setting; `configs` are read once, None where there is none to read."""

    methods: tuple[Series, ...]
    configs: Mapping[Path, dict[str, Any] | None]
    resolved: Mapping[str, Mapping[str, Any]]
    baseline: str

    @property
    def runs(self) -> list[Run]:
        """The runs of all methods, one a seed."""
        return [run for method in self.methods for run in method.runs]

    def pairs(self) -> list[tuple[Series, Series]]:
        """Return each method with its baseline; references of a single fit are not compared."""
        by_name = {method.label: method for method in self.methods}
        loops = [method for method in self.methods if not _one_fit(method)]
        named = [(method, baseline_of(method.label, by_name, self.baseline)) for method in loops]
        return [(method, by_name[name]) for method, name in named if name is not None]

    def known(self) -> list[tuple[Run, dict[str, Any]]]:
        """Return the runs whose config.yaml could be read, with it."""
        return [(run, config) for run in self.runs if (config := self.configs.get(run.directory)) is not None]


Finding = tuple[State, str]
OK, WARN, UNKNOWN = State.OK, State.WARN, State.UNKNOWN


def _baseline(setting: Setting) -> Iterable[Finding]:
    names = [method.label for method in setting.methods]
    if setting.baseline not in names and not any(name.startswith(f"{setting.baseline}_") for name in names):
        yield WARN, f"There is no run of {setting.baseline}, so nothing says whether choosing helps."
        return
    short = []
    for method, base in setting.pairs():
        if missing := sorted({*method.seeds} - {*base.seeds}):
            short.append(f"{base.label} lacks seed {all_of(missing)} of {method.label}")
        if missing := sorted({*base.seeds} - {*method.seeds}):
            short.append(f"{method.label} lacks seed {all_of(missing)} of {base.label}")
    if short:
        yield WARN, f"Seeds that only one of two has are not compared: {'; '.join(short)}."
    else:
        yield OK, f"{setting.baseline} was run with the seeds of every other method."


def _same_settings(setting: Setting) -> Iterable[Finding]:
    """Compare the settings of each method with its baseline's, apart from what chooses."""
    found, unknown = [], []
    for method, base in setting.pairs():
        mine, theirs = (_apart_from_choice(one) for one in (method, base))
        if not mine or not theirs:
            unknown.append(method.label)
        elif changed := differences(theirs, mine):
            found.append(f"{method.label} against {base.label} ({in_short(changed)})")
    if found:
        yield WARN, f"More differs than what chooses, so a difference may come from that: {'; '.join(found)}."
    if unknown:
        yield UNKNOWN, f"Whether {all_of(unknown)} was trained as its baseline is unknown: a journal tells no settings."
    if setting.pairs() and not found and not unknown:
        yield OK, "Every method was trained with the settings of its baseline; only what chooses differs."


def _initial(setting: Setting) -> Iterable[Finding]:
    others = [
        f"{method.label}, seed {run.record.seed}"
        for method, base in setting.pairs()
        for run, other in _same_seeds(method, base)
        if set(run.labelled_at(0)) != set(other.labelled_at(0))
    ]
    if others:
        yield WARN, f"Not started from the labelled images of its baseline: {'; '.join(others)}."
    elif setting.pairs():
        yield OK, "At equal seeds all methods started from the same labelled images."


def _complete(setting: Setting) -> Iterable[Finding]:
    waiting = [_named(run) for run in setting.runs if not run.cycles or run.cycles[-1].chosen]
    if waiting:
        yield WARN, f"Not finished: {'; '.join(waiting)}."
    else:
        yield OK, "All runs are finished."
    loops = [method for method in setting.methods if not _one_fit(method)]
    most = max((len(method.budgets) for method in loops), default=0)
    shorter = [
        _named(run) for method in loops for run in method.runs if len(run.cycles) < most and _named(run) not in waiting
    ]
    if shorter:
        yield WARN, f"Finished, but not over all {most} budgets, so not in averages over the curve: {all_of(shorter)}."


def _resolved(setting: Setting) -> Iterable[Finding]:
    """Compare what was run with what the name says."""
    found: dict[str, list[str]] = {}
    unknown = []
    for run in setting.runs:
        name = run.record.name
        if name not in setting.resolved or not run.record.settings:
            unknown.append(_named(run))
        elif changed := _changed(setting.resolved[name], run.record.settings):
            found.setdefault(f"{name} ({in_short(changed)})", []).append(str(run.record.seed))
    if found:
        runs = "; ".join(f"{what}, seed {all_of(seeds)}" for what, seeds in found.items())
        yield WARN, f"Run with other settings than the name's configs say: {runs}."
    if unknown:
        yield UNKNOWN, f"Whether the settings are those of the name's configs is unknown: {'; '.join(unknown)}."
    if not found and not unknown:
        yield OK, "All runs have the settings that their names' configs say."


def _warm_start(setting: Setting) -> Iterable[Finding]:
    warm = [_named(run) for run, config in setting.known() if config.get("warm_start", "none") != "none"]
    if warm:
        yield (
            WARN,
            f"Fits go on from the cycle before (warm_start), so that later points depend on earlier ones: "
            f"{'; '.join(warm)}.",
        )
    elif len(setting.known()) == len(setting.runs):
        yield OK, "Every fit began anew."


def _twice(setting: Setting) -> Iterable[Finding]:
    found = [f"{_named(run)} (in {run.directory})" for method in setting.methods for run in method.repeated]
    if found:
        yield WARN, f"There twice, and used once: {'; '.join(found)}."
    copies = [
        f"{first.label} and {second.label}, seed {run.record.seed}"
        for first, second in combinations([method for method in setting.methods if not _one_fit(method)], 2)
        for run, other in _same_seeds(first, second)
        if _alike(run, other)
    ]
    if copies:
        yield (
            WARN,
            f"Two methods chose the same images and measured the same values, as copies do: {'; '.join(copies)}.",
        )
    if not found and not copies:
        yield OK, "No run is there twice."


def _test_set(setting: Setting) -> Iterable[Finding]:
    by_callback: dict[str, list[str]] = {}
    for run, config in setting.known():
        for name in _callbacks(config):
            by_callback.setdefault(name, []).append(_named(run))
    for name, runs in by_callback.items():
        if name in STOPPING:
            yield WARN, f"{name} may end fits or choose weights by a metric, in {'; '.join(runs)}."
        else:
            yield UNKNOWN, f"What the callback {name} does in {'; '.join(runs)} is not known here."
    silent = [run for run in setting.runs if setting.configs.get(run.directory) is None]
    if silent:
        yield UNKNOWN, f"Whether a callback stops fits is unknown of {'; '.join(map(_named, silent))}."
    elif not by_callback:
        yield OK, f"Nothing was chosen by the test set: {MEASURED}; there is no early stopping."


def _surroundings(setting: Setting) -> Iterable[Finding]:
    """Look for versions, devices and process counts that differ between runs that are compared."""
    runs, found = setting.runs, []
    versions: dict[str, dict[str, None]] = {}
    for run in runs:
        for package, version in run.record.versions.items():
            versions.setdefault(package, {})[version] = None
    found += [f"{package} {all_of(some)}" for package, some in versions.items() if len(some) > 1]
    counts = dict.fromkeys(
        f"{done.cost['processes']:g}" for run in runs for done in run.cycles if "processes" in done.cost
    )
    if len(counts) > 1:
        found.append(f"{all_of(counts)} processes")
    for key in ("accelerator", "devices", "num_nodes"):
        some = dict.fromkeys(str((config.get("trainer") or {}).get(key)) for _, config in setting.known())
        if len(some) > 1:
            found.append(f"{key} {all_of(some)}")
    if found:
        yield (
            WARN,
            f"Not all runs were made alike, which rounds differently and, with other numbers of processes, trains "
            f"differently: {'; '.join(found)}.",
        )
    elif not versions:
        yield UNKNOWN, "The journals name no versions."
    else:
        yield OK, "All runs were made with the same versions and numbers of processes."


CHECKS: dict[str, Callable[[Setting], Iterable[Finding]]] = {
    "baseline": _baseline,
    "training": _same_settings,
    "initial sets": _initial,
    "complete": _complete,
    "settings": _resolved,
    "warm start": _warm_start,
    "duplicates": _twice,
    "test set": _test_set,
    "versions": _surroundings,
}


def _apart_from_choice(method: Series) -> dict[str, Any]:
    """Return a method's settings without the acquisition; its runs have the same, so the first that has them tells."""
    settings = next((run.record.settings for run in method.runs if run.record.settings), {})
    return {key: value for key, value in settings.items() if key.split(".")[0] != "acquisition"}


def _changed(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Return the settings that are not as wanted; a setting that is not among the wanted ones may be anything."""
    lengths = {key for key in ("steps", "epochs") if there.get(key) is not None or wanted.get(key) is not None}
    keys = [*wanted, *(key for key in sorted(lengths) if key not in wanted)]
    return [
        f"{key.replace('init_args.', '')}: {wanted.get(key)} -> {there.get(key)}"
        for key in keys
        if there.get(key) != wanted.get(key)
    ]


def _callbacks(config: dict[str, Any]) -> list[str]:
    """Return the class names of the callbacks in a configuration."""
    callbacks = (config.get("trainer") or {}).get("callbacks") or []
    listed = callbacks if isinstance(callbacks, list) else [callbacks]
    paths = [str(one.get("class_path", one) if isinstance(one, dict) else one) for one in listed]
    return list(dict.fromkeys(path.rpartition(".")[2] for path in paths))


def _one_fit(method: Series) -> bool:
    """Whether a method labelled all at once, as `full` and `uniform` do: it has an initial set of its own."""
    return all(len(run.cycles) == 1 and not run.cycles[0].chosen for run in method.runs)


def _same_seeds(method: Series, other: Series) -> list[tuple[Run, Run]]:
    """Return the runs of two methods, seed by seed, of the seeds that both have."""
    theirs = {run.record.seed: run for run in other.runs}
    return [(run, theirs[run.record.seed]) for run in method.runs if run.record.seed in theirs]


def _alike(first: Run, second: Run) -> bool:
    """Whether two runs chose and measured the same, over more than their common start."""
    mine, theirs = ([(done.chosen, done.metrics) for done in run.cycles] for run in (first, second))
    return len(mine) > 1 and mine == theirs


def _named(run: Run) -> str:
    return f"{run.record.name}, seed {run.record.seed}"


def all_of(items: Iterable[object]) -> str:
    """Return items as a list in words: a, b and c."""
    texts = [str(item) for item in items]
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)
