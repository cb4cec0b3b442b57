"""The recommendation: the paper's rule for a pool's redundancy and a budget, and what the published cells support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from al_lightning.errors import UsageError
from al_lightning.recommendations.evidence import Carried, Evidence, ask, carried
from al_lightning.recommendations.own_study import OwnSetting
from al_lightning.recommendations.rules import Rule, Rules
from al_lightning.recommendations.situation import Situation
from al_lightning.recommendations.trainings import Trainings
from al_lightning.results.series import BASELINE
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED

ELSEWHERE = "coreset"
"""The strategy to try beside Random where the paper has no such pool; it is made for redundant images."""


@dataclass(frozen=True)
class Reading:
    """A rule that may fit, and the evidence of its cells.

    Attributes:
        rule: that may fit.
        evidence: an answer for each question of the rule.
        pool: "diverse" or "redundant", as measured; differs from the rule's where the paper has no such pool.
        printed: what Table 8 prints for this situation, for classification what the text names; "" without a method.
        carried: for each setting behind that, the highest row, and the highest row of the printed kind.
    """

    rule: Rule
    evidence: tuple[Evidence, ...]
    pool: str
    printed: str = ""
    carried: tuple[Carried, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the paper has pools of this kind."""
        return self.pool == self.rule.pool

    @property
    def strategy(self) -> str | None:
        """The strategy that the cells support, or None.

        They support a strategy that is ahead of Random, and Random where no strategy is ahead of it in any setting.
        """
        outcomes = [each.outcome for each in self.evidence if each.question.role in ("strategy", "rival")]
        if not self.fits:
            return None
        unbeaten = not {"ahead", "mixed"} & set(outcomes)
        supported = unbeaten if self.rule.strategy == BASELINE else outcomes[0] == "ahead"
        return self.rule.strategy if supported else None

    @property
    def candidate(self) -> str:
        """The strategy to try beside Random in any case; Random where there is none."""
        return (self.rule.candidate or self.rule.strategy) if self.fits else ELSEWHERE

    def training(self, semi_supervised: str) -> str | None:
        """Return the training method that the cells support, or None."""
        outcome = next(each.outcome for each in self.evidence if each.question.role == "training")
        return {"ahead": semi_supervised, "behind": SUPERVISED}.get(outcome)


@dataclass(frozen=True)
class Recommendation:
    """The answer.

    Attributes:
        situation: measured.
        rules: all rules, for their thresholds.
        readings: the rules that may fit; several where a measure lies in the grey zone.
        trainings: the training methods that fit the task, by name.
        ours: what our own study found on features of a frozen encoder, for as few labels.
        commands: lines for a shell.
        remarks: sentences on these commands, and on existing runs.
    """

    situation: Situation
    rules: Rules
    readings: tuple[Reading, ...]
    trainings: Trainings
    ours: tuple[OwnSetting, ...] = ()
    commands: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def strategy(self) -> str | None:
        """The strategy that all readings support, or None."""
        return _common([reading.strategy for reading in self.readings])

    @property
    def training(self) -> str | None:
        """The training method that all readings support, or None."""
        return _common([reading.training(self.semi_supervised) for reading in self.readings])

    @property
    def semi_supervised(self) -> str:
        """The task's semi-supervised method."""
        return self.rules.semi_supervised[self.situation.task]

    @property
    def without_evidence(self) -> list[str]:
        """The training methods that fit the task and that neither the rules nor our study say anything of."""
        covered = {SUPERVISED, self.semi_supervised, *(["probe"] if self.ours else [])}
        return [name for name in self.trainings if name not in covered]

    def how(self, training: str) -> str:
        """Return how a training method trains, in words; its name where its class was left out."""
        return self.trainings[training].description() if training in self.trainings else training

    @property
    def to_compare(self) -> list[tuple[str, str]]:
        """(strategy, training) of the runs to compare on the user's data: two or more, Random among them.

        Random with semi-supervised training is always one of them: it is what costs nothing to choose.
        """
        candidates = [self.strategy] if self.strategy else [reading.candidate for reading in self.readings]
        trainings = [self.training] if self.training else [SUPERVISED, self.semi_supervised]
        pairs = [(s, t) for t in trainings for s in dict.fromkeys([BASELINE, *candidates])]
        pairs = pairs if len(pairs) > 1 else [(BASELINE, SUPERVISED), *pairs]
        return list(dict.fromkeys([*pairs, (BASELINE, self.semi_supervised)]))

    def values(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        here, regimes = self.situation, self.rules.regimes
        return {
            "situation": {**asdict(here), "share": here.share, "labels_per_class": here.labels_per_class},
            "thresholds": {
                "redundancy": asdict(regimes.redundancy),
                "labels_per_class": asdict(regimes.labels[here.task]),
                "share_of_pool": asdict(regimes.share[here.task]) if here.task in regimes.share else None,
                "deviations": self.rules.deviations,
                "assumed_deviation": self.rules.assumed[here.task],
            },
            "strategy": self.strategy,
            "training": self.training,
            "abstains": {"strategy": self.strategy is None, "training": self.training is None},
            "readings": [self._reading(reading) for reading in self.readings],
            "ours": [each.values() for each in self.ours],
            "commands": list(self.commands),
            "remarks": list(self.remarks),
        }

    def _reading(self, reading: Reading) -> dict[str, Any]:
        rule = asdict(reading.rule)
        del rule["questions"]
        return {
            "rule": rule,
            "pool": reading.pool,
            "fits": reading.fits,
            "strategy": reading.strategy,
            "candidate": reading.candidate,
            "training": reading.training(self.semi_supervised),
            "printed": reading.printed,
            "carried": [asdict(each) for each in reading.carried],
            "evidence": [
                {
                    "role": each.question.role,
                    "row": each.question.row,
                    "against": each.question.against,
                    "mean": each.mean,
                    "deviation": each.deviation,
                    "outcome": each.outcome,
                    "cells": [
                        {**asdict(cell), "value": cell.value, "counts": "height" if cell.by_height else "score"}
                        for cell in each.differences
                    ],
                }
                for each in reading.evidence
            ],
        }


def _common(names: Sequence[str | None]) -> str | None:
    return names[0] if len(set(names)) == 1 else None


def readings_of(rules: Rules, here: Situation) -> tuple[Reading, ...]:
    """Return the rules that may fit, with their evidence: one rule where no measure is in a grey zone.

    Raises:
        UsageError: no rule is for the situation.
    """
    readings = []
    for pool in rules.regimes.redundancy.read(here.redundancy):
        for budget in rules.regimes.budget(here.task, here.labels_per_class, here.share):
            # The paper's classification pools are all diverse; the rule's advice on training may hold elsewhere.
            rule = rules.rule(here.task, pool, budget) or rules.rule(here.task, "diverse", budget)
            if rule is not None:
                evidence = tuple(ask(rules, question) for question in rule.questions)
                printed = rules.guide.method(here.task, pool, budget)
                readings.append(Reading(rule, evidence, pool, printed, carried(rules, rule, printed)))
    if not readings:
        raise UsageError(f"There is no rule for {here.task}; configs/rules.yaml shows the form.")
    return tuple(readings)
