"""The checks behind `conditions`: each reads the methods of one setting and yields its findings as sentences."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from al_lightning.results.baselines import base_of, chance_of
from al_lightning.results.health import summaries
from al_lightning.results.renderers import all_of
from al_lightning.results.series import BASELINE, Series
from al_lightning.runs.identity import differences, in_short
from al_lightning.runs.journal import Run

MEASURED = "every network is measured on the test set after its fit, and its last weights count"


Key = TypeVar("Key", bound=Hashable)


class State(Enum):
    """Whether a condition is met; a note is none that these runs have to meet."""

    OK = "ok"
    WARN = "warn"
    UNKNOWN = "unknown"
    NOTE = "note"


@dataclass(frozen=True)
class Setting:
    """What is compared on one setting.

    Attributes:
        methods: of the setting.
        configs: the configuration of each run directory; None where there is none to read.
        resolved: by run name, the values that the name's configs say.
    """

    methods: tuple[Series, ...]
    configs: Mapping[Path, dict[str, Any] | None]
    resolved: Mapping[str, Mapping[str, Any]]

    @property
    def runs(self) -> list[Run]:
        """The runs of all methods, one for each seed."""
        return [run for method in self.methods for run in method.runs]

    @property
    def loops(self) -> list[Series]:
        """The methods that choose; those labelled all at once, as `full` and `uniform`, have an own initial set."""
        return [method for method in self.methods if any(len(r.cycles) != 1 or r.cycles[0].chosen for r in method.runs)]

    @property
    def pairs(self) -> list[tuple[Series, Series]]:
        """Each method that chooses, with its baseline, which differs from it in the strategy."""
        bases = [(method, base_of(method, self.methods)) for method in self.loops]
        return [(method, base) for method, base in bases if base is not None and base.strategy != method.strategy]

    @property
    def known(self) -> list[tuple[Run, dict[str, Any]]]:
        """The runs with a readable configuration, and the configurations."""
        return [(run, config) for run in self.runs if (config := self.configs.get(run.directory)) is not None]

    @property
    def unknown(self) -> list[str]:
        """The runs without a readable configuration, by name and seed."""
        return [_named(run) for run in self.runs if self.configs.get(run.directory) is None]


Finding = tuple[State, str]
OK, WARN, UNKNOWN, NOTE = State.OK, State.WARN, State.UNKNOWN, State.NOTE


def _baseline(setting: Setting) -> Iterable[Finding]:
    chance = chance_of(setting.methods)
    plain = any(method.by_chance for method in chance)
    alone = [m for m in setting.methods if not m.draws and base_of(m, setting.methods) is None]
    if not chance or (alone and not plain):
        of = "" if len(alone) == len(setting.methods) else f" for {all_of(method.label for method in alone)}"
        yield WARN, f"There is no run of {BASELINE}{of}, so nothing says whether choosing helps."
        return
    short = [
        f"{lacking.label} lacks seed {all_of(missing)} of {other.label}"
        for method, base in setting.pairs
        for lacking, other in ((base, method), (method, base))
        if (missing := sorted({*other.seeds} - {*lacking.seeds}))
    ]
    fine = f"{BASELINE if plain else all_of(m.label for m in chance)} was run with the seeds of every other method."
    yield from _judged(short, "Seeds that only one of two methods has are not compared", fine)


def _dropout(setting: Setting) -> Iterable[Finding]:
    """Name the methods whose network has dropout, where Random has another network."""
    apart = [method for method in setting.loops if method.dropout]
    if not apart or any(method.by_chance for method in apart):
        return
    text = (
        f"The network of {all_of(method.label for method in apart)} has dropout, {BASELINE}'s has none: they are "
        f"compared with {'nothing' if len(apart) == 1 else 'each other alone'}. With {BASELINE}_mcd, {BASELINE} with "
        "that network, they would be compared with chance."
    )
    yield WARN, text


def _same_settings(setting: Setting) -> Iterable[Finding]:
    unknown = [m.label for m, base in setting.pairs if not m.other_settings or not base.other_settings]
    different = [
        f"{method.label} against {base.label} ({in_short(changed)})"
        for method, base in setting.pairs
        if method.label not in unknown and (changed := method.differences_from(base))
    ]
    yield from _judged(different, "Other settings than the acquisition differ, which may explain a difference")
    if unknown:
        yield UNKNOWN, f"Whether {all_of(unknown)} was trained as its baseline is unknown: a journal has no settings."
    if setting.pairs and not different and not unknown:
        across = [(method, base_of(method, setting.methods)) for method in setting.loops]
        left = [f"{m.label} against {base.label}" for m, base in across if base and base.strategy == m.strategy]
        also = f" Left out: {all_of(left)}, which compares trainings." if left else ""
        yield OK, f"Every method was trained with the settings of its baseline; only the acquisition differs.{also}"


def _initial(setting: Setting) -> Iterable[Finding]:
    others = [
        f"{method.label}, seed {run.record.seed}"
        for method, base in setting.pairs
        if method.cold_start == base.cold_start
        for run, base_run in _same_seeds(method, base)
        if set(run.labelled_at(0)) != set(base_run.labelled_at(0))
    ]
    own = [method.label for method, base in setting.pairs if method.cold_start != base.cold_start]
    but = f", but for {all_of(own)}, which chose the first images, too" if own else ""
    fine = f"At equal seeds all methods started from the same labelled images{but}." if setting.pairs else ""
    yield from _judged(others, "Not started from the labelled images of the baseline", fine)


def _complete(setting: Setting) -> Iterable[Finding]:
    waiting = [_named(run) for run in setting.runs if not run.cycles or run.cycles[-1].chosen]
    yield from _judged(waiting, "Not finished", "All runs are finished.")
    most = max((len(method.budgets) for method in setting.loops), default=0)
    runs = [run for method in setting.loops for run in method.runs]
    shorter = [_named(run) for run in runs if len(run.cycles) < most and _named(run) not in waiting]
    if shorter:
        yield WARN, f"Finished, but not over all {most} budgets, so not in averages over the curve: {all_of(shorter)}."


def _resolved(setting: Setting) -> Iterable[Finding]:
    """Compare the settings of each run with the configs of its name; what all runs changed alike is no warning."""
    known = [run for run in setting.runs if run.record.name in setting.resolved and run.record.settings]
    changes = [_changed(setting.resolved[run.record.name], run.record.settings) for run in known]
    common = [each for each in changes[0] if all(each in others for others in changes)] if changes else []
    if common:
        yield OK, f"Other settings than the names' configs, the same in all runs: {in_short(common)}."
    different = _grouped(
        (f"{run.record.name} ({in_short(own)})", str(run.record.seed))
        for run, changed in zip(known, changes, strict=True)
        if (own := [each for each in changed if each not in common])
    )
    runs = [f"{name}, seed {all_of(seeds)}" for name, seeds in different.items()]
    yield from _judged(runs, "Run with other settings than the name's configs")
    if unknown := [_named(run) for run in setting.runs if run not in known]:
        yield UNKNOWN, f"Whether the settings are those of the name's configs is unknown: {'; '.join(unknown)}."
    if not different and not unknown and not common:
        yield OK, "All runs have the settings of their names' configs."


def _warm_start(setting: Setting) -> Iterable[Finding]:
    warm = [_named(run) for run, config in setting.known if config.get("warm_start", "none") != "none"]
    warning = "Fits start from the cycle before (warm_start), so points depend on earlier ones"
    yield from _judged(warm, warning, "" if setting.unknown else "Every fit began anew.")


def _twice(setting: Setting) -> Iterable[Finding]:
    repeated = [f"{_named(run)} (in {run.directory})" for method in setting.methods for run in method.repeated]
    yield from _judged(repeated, "Given twice, and used once")
    copies = [
        f"{first.label} and {second.label}, seed {run.record.seed}"
        for first, second in combinations(setting.loops, 2)
        for run, other in _same_seeds(first, second)
        if _alike(run, other)
    ]
    fine = "" if repeated else "No run is given twice."
    yield from _judged(copies, "Two methods chose the same images and measured the same, as copies do", fine)


def _test_set(setting: Setting) -> Iterable[Finding]:
    by_callback = _grouped((name, _named(run)) for run, config in setting.known for name in _callbacks(config))
    for name, runs in by_callback.items():  # a run takes none of Lightning's that end fits or choose weights
        yield UNKNOWN, f"What the callback {name} does in {'; '.join(runs)} is unknown."
    if setting.unknown:
        yield UNKNOWN, f"Whether a callback stops fits is unknown for {'; '.join(setting.unknown)}."
    elif not by_callback:
        yield OK, f"Nothing was chosen by the test set: {MEASURED}; there is no early stopping."


def _data(setting: Setting) -> Iterable[Finding]:
    """Repeat what was known of the data before the first fit."""
    remarks = _grouped((text, _named(run)) for run in setting.runs for text in run.record.remarks)
    for text, runs in remarks.items():
        yield WARN, text if len(runs) == len(setting.runs) else f"In {'; '.join(runs)}: {text}"


def _own_code(setting: Setting) -> Iterable[Finding]:
    """Look for modules of the user's own that changed during a run, or differ between runs."""
    during = []
    for run in setting.runs:
        before = run.record.code
        for done in run.cycles:
            now = run.code_at(done.cycle)
            if changed := sorted({name for name, _ in {*before.items()} ^ {*now.items()}}):
                during.append(f"{all_of(changed)} from cycle {done.cycle} on in {_named(run)}")
            before = now
    yield from _judged(during, "Code of the user's own changed while a run went on (--accept_code_change)")
    by_digest = _grouped((item, _named(run)) for run in setting.runs for item in run.code.items())
    used = _grouped((module, "; ".join(runs)) for (module, _), runs in by_digest.items())
    unlike = [f"{module} ({' unlike '.join(runs)})" for module, runs in used.items() if len(runs) > 1]
    fine = f"The code of the user's own is the same in all runs: {all_of(used)}." if used and not during else ""
    yield from _judged(unlike, "Code of the user's own is not the same in all runs", fine)


def _health(setting: Setting) -> Iterable[Finding]:
    """Say which fits did not work, by the measures that their cycles have."""
    faults = summaries(setting.runs)
    yield from ((WARN, fault) for fault in faults)
    if not faults and any(cycle.health for run in setting.runs for cycle in run.cycles):
        yield OK, "Training worked, as far as losses and predictions of each fit and test tell."


def _surroundings(setting: Setting) -> Iterable[Finding]:
    """Look for versions, devices and process counts that differ between the runs."""
    versions = _grouped(dict.fromkeys(item for run in setting.runs for item in run.record.versions.items()))
    different = [f"{package} {all_of(several)}" for package, several in versions.items() if len(several) > 1]
    costs = [cycle.cost for run in setting.runs for cycle in run.cycles]
    counts = dict.fromkeys(f"{cost['processes']:g}" for cost in costs if "processes" in cost)
    if len(counts) > 1:
        different.append(f"{all_of(counts)} processes")
    for key in ("accelerator", "devices", "num_nodes"):
        values = dict.fromkeys(str((config.get("trainer") or {}).get(key)) for _, config in setting.known)
        if len(values) > 1:
            different.append(f"{key} {all_of(values)}")
    warning = "Not all runs were made alike; rounding differs, and with the number of processes the training too"
    fine = "All runs were made with the same versions and numbers of processes." if versions else ""
    yield from _judged(different, warning, fine)
    if not different and not versions:
        yield UNKNOWN, "The journals name no versions."


def _grouped(pairs: Iterable[tuple[Key, str]]) -> dict[Key, list[str]]:
    """Return what stands beside each key, both in their order."""
    groups: dict[Key, list[str]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return groups


def _judged(faults: Sequence[str], warning: str, fine: str = "") -> Iterator[Finding]:
    """Yield a warning with the faults; without faults, that all is fine, where there is a sentence for that."""
    if faults:
        yield WARN, f"{warning}: {'; '.join(faults)}."
    elif fine:
        yield OK, fine


CHECKS: dict[str, Callable[[Setting], Iterable[Finding]]] = {
    "baseline": _baseline,
    "network": _dropout,
    "training": _same_settings,
    "initial sets": _initial,
    "complete": _complete,
    "settings": _resolved,
    "warm start": _warm_start,
    "duplicates": _twice,
    "test set": _test_set,
    "data": _data,
    "own code": _own_code,
    "health": _health,
    "versions": _surroundings,
}


def _changed(wanted: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
    """Return the settings that differ from the wanted ones; those that `wanted` leaves open may differ."""
    keys = dict.fromkeys([*wanted, "epochs", "steps"])  # one of the two lengths is always left open
    shown = {key: actual.get(f"{key}.class_path") if actual.get(key) is None else actual[key] for key in keys}
    return differences({key: wanted.get(key) for key in keys}, shown)


def _callbacks(config: dict[str, Any]) -> list[str]:
    """Return the class names of the callbacks in a configuration."""
    callbacks = (config.get("trainer") or {}).get("callbacks") or []
    listed = callbacks if isinstance(callbacks, list) else [callbacks]
    paths = [str(each.get("class_path", each) if isinstance(each, dict) else each) for each in listed]
    return list(dict.fromkeys(path.rpartition(".")[2] for path in paths))


def _same_seeds(method: Series, other: Series) -> list[tuple[Run, Run]]:
    """Return the runs of two methods, seed by seed, of the seeds that both have."""
    others = {run.record.seed: run for run in other.runs}
    return [(run, others[run.record.seed]) for run in method.runs if run.record.seed in others]


def _alike(first: Run, second: Run) -> bool:
    """Whether two runs chose and measured the same, over more than their common start."""
    cycles = [[(cycle.chosen, cycle.metrics) for cycle in run.cycles] for run in (first, second)]
    return len(cycles[0]) > 1 and cycles[0] == cycles[1]


def _named(run: Run) -> str:
    return f"{run.record.name}, seed {run.record.seed}"
