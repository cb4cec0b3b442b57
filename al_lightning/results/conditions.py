"""Whether a comparison is fair: a sentence for each condition, met or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from al_lightning.results.comparability import CHECKS, Setting
from al_lightning.results.comparability import State as State  # a condition's, so importable with it
from al_lightning.results.protocol import protocol
from al_lightning.results.regimes import Regimes
from al_lightning.results.renderers import all_of
from al_lightning.results.series import by_setting, series_of_runs
from al_lightning.runs.identity import flatten, nested
from al_lightning.runs.journal import Run
from al_lightning.yaml_files import read_mapping

__all__ = ["Condition", "conditions_of"]

MARKS = {State.OK: "[ok]", State.WARN: "[!]", State.UNKNOWN: "[?]", State.NOTE: "[-]"}


@dataclass(frozen=True)
class Condition:
    """One condition of a fair comparison.

    Attributes:
        topic: of the condition, in a word or two.
        state: whether the condition is met; unknown where the run directories do not say.
        text: the finding, a sentence; it names the settings unless it holds for all of them.
    """

    topic: str
    state: State
    text: str

    @property
    def line(self) -> str:
        """The finding with a mark: `[ok]` met, `[!]` not met, `[?]` unknown, `[-]` a note."""
        return f"{MARKS[self.state]} {self.text}"


def conditions_of(
    runs: Sequence[Run],
    *,
    resolved: Mapping[str, Mapping[str, Any]] | None = None,
    regimes: Regimes | None = None,
) -> list[Condition]:
    """Check the conditions of a fair comparison.

    Args:
        runs: to be compared. Settings that can change results come from the journals, the others from `config.yaml`.
        resolved: by run name: the settings, by dotted key, of the name's configs (`config.names.settings_of`). Settings
            that they do not mention may have any value. Without any, that condition is left out.
        regimes: what counts as a low budget, of which the paper's protocol for classification asks for one.

    Returns:
        All conditions, met or not, in a fixed order; none for no runs.
    """
    settings = by_setting(series_of_runs(runs))
    configs = {run.directory: _settings(run) for run in runs}
    findings: dict[tuple[str, State, str], list[str]] = {}
    for topic, check in CHECKS.items():
        if topic == "settings" and not resolved:
            continue
        for setting, methods in settings.items():
            for state, text in check(Setting(tuple(methods), configs, resolved or {})):
                findings.setdefault((topic, state, text), []).append(setting)
    conditions = [
        Condition(topic, state, text if len(where) == len(settings) else f"On {all_of(where)}: {text}")
        for (topic, state, text), where in findings.items()
    ]
    return [*conditions, *(Condition("protocol", state, text) for state, text in protocol(settings, regimes))]


def _settings(run: Run) -> dict[str, Any] | None:
    """Return a run's configuration as far as it is known; config.yaml may have been edited, so the journal decides."""
    try:
        from_file = read_mapping(run.directory / "config.yaml")
    except (OSError, yaml.YAMLError):
        from_file = {}
    values = {**dict(flatten(from_file)), **run.record.settings}
    values.pop("trainer", None)  # its options are keys of their own: config.yaml was edited into a value
    try:
        return nested(values) or None
    except TypeError:  # a section of config.yaml was edited into a value
        return nested(run.record.settings) or None
