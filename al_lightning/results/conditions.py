"""Whether a comparison is an honest one: what is checked of the runs, and a sentence for each, good or bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from al_lightning.results.comparability import CHECKS, Setting, all_of
from al_lightning.results.comparability import State as State  # a condition's, so importable with it
from al_lightning.results.series import BASELINE, by_setting, series_of_runs
from al_lightning.runs.identity import flatten, nested
from al_lightning.runs.journal import Run
from al_lightning.yaml_files import read_mapping

MARKS = {State.OK: "[ok]", State.WARN: "[!]", State.UNKNOWN: "[?]"}


@dataclass(frozen=True)
class Condition:
    """One condition of an honest comparison.

    Attributes:
        topic: what it is about, in a word or two.
        state: whether it is met; unknown where the run directories do not say.
        text: the finding, a sentence; it names the settings where it is not true of all.
    """

    topic: str
    state: State
    text: str

    @property
    def line(self) -> str:
        """The finding with a mark: `[ok]`, `[!]` where it is not met, `[?]` where that is unknown."""
        return f"{MARKS[self.state]} {self.text}"


def conditions_of(
    runs: Sequence[Run],
    *,
    resolved: Mapping[str, Mapping[str, Any]] | None = None,
    baseline: str = BASELINE,
) -> list[Condition]:
    """Check what an honest comparison needs.

    Args:
        runs: to be compared; their journals tell the settings, and `config.yaml` what cannot change results.
        resolved: by run name: the settings, by dotted key, that the name's configs say (`config.names.settings_of`).
            What the configs leave at a default is not held to it. Without them, that condition is left out.
        baseline: what all else is compared with.

    Returns:
        Conditions in a fixed order, those that are not met too; none for no runs.
    """
    settings = by_setting(series_of_runs(runs))
    configs = {run.directory: _settings(run) for run in runs}
    found: dict[tuple[str, State, str], list[str]] = {}
    for topic, check in CHECKS.items():
        if topic == "settings" and resolved is None:
            continue
        for setting, methods in settings.items():
            for state, text in check(Setting(tuple(methods), configs, resolved or {}, baseline)):
                found.setdefault((topic, state, text), []).append(setting)
    return [
        Condition(topic, state, text if len(where) == len(settings) else f"On {all_of(where)}: {text}")
        for (topic, state, text), where in found.items()
    ]


def _settings(run: Run) -> dict[str, Any] | None:
    """Return what is known of a run's configuration: where the two differ, config.yaml was edited."""
    there = dict(flatten(_config(run.directory) or {}))
    try:
        return nested({**there, **run.record.settings}) or None
    except TypeError:  # a section of config.yaml was edited into a value
        return nested(run.record.settings) or None


def _config(directory: Path) -> dict[str, Any] | None:
    try:
        return read_mapping(directory / "config.yaml")
    except (OSError, yaml.YAMLError):
        return None
