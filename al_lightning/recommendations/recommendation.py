"""What to label with: a pool's redundancy and a budget, the study's rule for them, and what its cells carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from al_lightning.errors import UsageError
from al_lightning.recommendations.evidence import Evidence, ask
from al_lightning.recommendations.rules import Rule, Rules
from al_lightning.recommendations.situation import Situation
from al_lightning.recommendations.trainings import Trainings
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED

BASELINE = "random"
ELSEWHERE = "coreset"
"""What to try beside Random where the study has nothing of the kind: the strategy made for images that repeat."""


@dataclass(frozen=True)
class Reading:
    """A rule that may fit, and what its cells carry.

    Attributes:
        rule: it.
        evidence: an answer for each of its questions.
        pool: "diverse" or "redundant": what the pool is taken for; not the rule's where the study has no such pool.
    """

    rule: Rule
    evidence: tuple[Evidence, ...]
    pool: str

    @property
    def fits(self) -> bool:
        """Whether the study has pools of this kind."""
        return self.pool == self.rule.pool

    @property
    def strategy(self) -> str | None:
        """The strategy that the cells carry; None where they carry none.

        A strategy is carried where it is ahead of Random; Random, where no strategy asked about is ahead of it.
        """
        found = [one.outcome for one in self.evidence if one.question.role == "strategy"]
        if not self.fits:
            return None
        carried = "ahead" not in found if self.rule.strategy == BASELINE else found[0] == "ahead"
        return self.rule.strategy if carried else None

    @property
    def candidate(self) -> str:
        """The strategy to try beside Random in any case; Random where none is."""
        return self.rule.strategy if self.fits else ELSEWHERE

    def training(self, semi_supervised: str) -> str | None:
        """Return the training method that the cells carry; None where they carry none."""
        found = next(one.outcome for one in self.evidence if one.question.role == "training")
        return {"ahead": semi_supervised, "behind": SUPERVISED}.get(found)


@dataclass(frozen=True)
class Recommendation:
    """The answer.

    Attributes:
        situation: what was measured.
        rules: all rules, for their thresholds.
        readings: the rules that may fit; several where a measure lies in the grey zone.
        trainings: the training methods that fit the task, by name.
        commands: lines for a shell.
        remarks: sentences on these commands, and on runs that are there already.
    """

    situation: Situation
    rules: Rules
    readings: tuple[Reading, ...]
    trainings: Trainings
    commands: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def strategy(self) -> str | None:
        """The strategy, where all readings carry the same one."""
        return _common([reading.strategy for reading in self.readings])

    @property
    def training(self) -> str | None:
        """The training method, where all readings carry the same one."""
        return _common([reading.training(self.semi_supervised) for reading in self.readings])

    @property
    def semi_supervised(self) -> str:
        """The task's semi-supervised method."""
        return self.rules.semi_supervised[self.situation.task]

    @property
    def without_evidence(self) -> list[str]:
        """The training methods that fit the task and that the rules say nothing of."""
        return [name for name in self.trainings if name not in (SUPERVISED, self.semi_supervised)]

    def how(self, training: str) -> str:
        """Return how a training method trains, in words; its name where its class was left out."""
        return self.trainings[training].description() if training in self.trainings else training

    @property
    def to_compare(self) -> list[tuple[str, str]]:
        """(strategy, training) of the runs that would settle it, two or more, Random among them."""
        candidates = [self.strategy] if self.strategy else [reading.candidate for reading in self.readings]
        trainings = [self.training] if self.training else [SUPERVISED, self.semi_supervised]
        pairs = [(s, t) for t in trainings for s in dict.fromkeys([BASELINE, *candidates])]
        return pairs if len(pairs) > 1 else [(BASELINE, SUPERVISED), *pairs]

    def values(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        here = self.situation
        return {
            "situation": {**asdict(here), "share": here.share, "labels_per_class": here.labels_per_class},
            "thresholds": {
                "redundancy": asdict(self.rules.redundancy),
                "labels_per_class": asdict(self.rules.labels[here.task]),
                "deviations": self.rules.deviations,
                "assumed_deviation": self.rules.assumed[here.task],
            },
            "strategy": self.strategy,
            "training": self.training,
            "abstains": {"strategy": self.strategy is None, "training": self.training is None},
            "readings": [self._reading(reading) for reading in self.readings],
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
            "evidence": [
                {
                    "role": one.question.role,
                    "row": one.question.row,
                    "against": one.question.against,
                    "mean": one.mean,
                    "deviation": one.deviation,
                    "outcome": one.outcome,
                    "cells": [
                        {**asdict(cell), "value": cell.value, "counts": "height" if cell.by_height else "score"}
                        for cell in one.differences
                    ],
                }
                for one in reading.evidence
            ],
        }


def _common(found: Sequence[str | None]) -> str | None:
    return found[0] if len(set(found)) == 1 else None


def readings_of(rules: Rules, here: Situation) -> tuple[Reading, ...]:
    """Return the rules that may fit, each with what its cells say; one of each where no measure is in a grey zone.

    Raises:
        UsageError: the rules have none for the situation.
    """
    found = []
    for pool in rules.redundancy.read(here.redundancy):
        for budget in rules.labels[here.task].read(here.labels_per_class):
            # The study's classification pools are all diverse; what its rule says of training may hold elsewhere.
            rule = rules.rule(here.task, pool, budget) or rules.rule(here.task, "diverse", budget)
            if rule is not None:
                found.append(Reading(rule, tuple(ask(rules, question) for question in rule.questions), pool))
    if not found:
        raise UsageError(f"The rules have none for {here.task}; configs/rules.yaml shows what they look like.")
    return tuple(found)
