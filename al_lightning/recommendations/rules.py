"""Rules of the study as data: situation, advice, and the published cells to ask. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from al_lightning.errors import UsageError
from al_lightning.tables.published import Cell, Column, Row, Table
from al_lightning.yaml_files import read_yaml

Task = Literal["classification", "segmentation"]
TASKS: tuple[Task, Task] = ("classification", "segmentation")
POOLS, BUDGETS = ("diverse", "redundant"), ("few", "many")
ROLES = ("strategy", "kind", "training", "also")


@dataclass(frozen=True)
class Scale:
    """A measure with two classes and a grey zone between them.

    Attributes:
        low: values up to it are `names[0]`.
        high: values from it on are `names[1]`.
        names: of the classes.
    """

    low: float
    high: float
    names: tuple[str, str]

    def read(self, value: float | None) -> tuple[str, ...]:
        """Return the classes of a value: one name, or both in the grey zone and for an unknown value."""
        if value is not None and value <= self.low:
            return self.names[:1]
        return self.names[1:] if value is not None and value >= self.high else self.names


@dataclass(frozen=True)
class Question:
    """The question whether a row is ahead of another row, over several settings.

    Attributes:
        role: `strategy`, `kind`, `training` or `also`.
        row: its label in the tables.
        against: the other row's label.
        settings: (table, column) pairs, two or more.
    """

    role: str
    row: str
    against: str
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rule:
    """The advice for a situation.

    Attributes:
        name: of the rule.
        task: "classification" or "segmentation".
        pool: "diverse" or "redundant".
        budget: "few" or "many".
        strategy: advised by Table 8; "random" where Table 8 advises none.
        kind: of the strategy, in words.
        training: advised by Table 8.
        says: the rule in words.
        questions: to the published cells.
        notes: on these cells.
    """

    name: str
    task: str
    pool: str
    budget: str
    strategy: str
    kind: str
    training: str
    says: str
    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """All rules, and their common numbers.

    Attributes:
        redundancy: scale of the audit's score.
        labels: by task, scale of labels per class.
        deviations: a difference below this number of its deviations is noise.
        assumed: by task, deviation of a difference, in points, where no deviation is printed.
        semi_supervised: by task, the training method.
        doubtful: by (table, column, row), why an area is unreliable.
        rules: in order.
        tables: cited by the rules, by name.
    """

    redundancy: Scale
    labels: Mapping[str, Scale]
    deviations: float
    assumed: Mapping[str, float]
    semi_supervised: Mapping[str, str]
    doubtful: Mapping[tuple[str, str, str], str]
    rules: tuple[Rule, ...]
    tables: Mapping[str, Table]

    def rule(self, task: str, pool: str, budget: str) -> Rule | None:
        """Return the rule for a situation, or None where the study has none."""
        return next((r for r in self.rules if (r.task, r.pool, r.budget) == (task, pool, budget)), None)

    def cell(self, table: str, column: str, row: str) -> tuple[Column, Row, Cell]:
        """Return a cell with its column and row.

        Raises:
            UsageError: there is no such cell, or it has no published score.
        """
        cited = self.tables.get(table)
        columns = {each.key: each for each in cited.columns} if cited else {}
        rows = {each.label: each for each in cited.rows} if cited else {}
        if column not in columns or row not in rows or (cell := rows[row].cells.get(column)) is None:
            raise UsageError(f"A rule cites the cell {table}, {column}, {row!r}, which no table of configs/tables has.")
        if cell.score is None:
            raise UsageError(f"A rule cites the cell {table}, {column}, {row!r}, of which nothing was published.")
        return columns[column], rows[row], cell


def read_rules(path: Path, tables: Mapping[str, Table]) -> Rules:
    """Read the rules' file, which cites the study's tables, by name.

    Raises:
        UsageError: the file is missing, has another form, or cites a cell that the tables lack.
    """
    try:
        rules = _rules(read_yaml(path), tables)
    except OSError as error:
        raise UsageError(f"The rules {path} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{path} holds no rules ({text}); docs/recommend.md shows the form.") from error
    for rule in rules.rules:
        for question in rule.questions:
            for table, column in question.settings:
                rules.cell(table, column, question.row)
                rules.cell(table, column, question.against)
    for cited in rules.doubtful:
        rules.cell(*cited)
    return rules


def _rules(content: Mapping[str, Any], tables: Mapping[str, Table]) -> Rules:
    thresholds, noise = content["thresholds"], content["noise"]
    redundancy, labels = thresholds["redundancy"], thresholds["labels_per_class"]
    return Rules(
        _scale(redundancy["diverse"], redundancy["redundant"], ("diverse", "redundant")),
        {task: _scale(labels[task]["few"], labels[task]["many"], ("few", "many")) for task in TASKS},
        float(noise["deviations"]),
        {task: float(noise["assumed"][task]) for task in TASKS},
        {task: str(content["semi_supervised"][task]) for task in TASKS},
        {(cell["table"], cell["column"], cell["row"]): str(cell["why"]) for cell in content["doubtful"]},
        tuple(_rule(dict(rule)) for rule in content["rules"]),
        tables,
    )


def _scale(low: float, high: float, names: tuple[str, str]) -> Scale:
    if not 0 <= low < high:
        raise ValueError(f"{names[0]} {low} does not lie below {names[1]} {high}")
    return Scale(float(low), float(high), names)


def _rule(value: dict[str, Any]) -> Rule:
    value["questions"] = tuple(
        Question(**{**question, "settings": tuple((str(t), str(c)) for t, c in question["settings"])})
        for question in value["questions"]
    )
    value["notes"] = tuple(value.get("notes", ()))
    rule = Rule(**value)
    if rule.task not in TASKS or rule.pool not in POOLS or rule.budget not in BUDGETS:
        raise ValueError(f"rule {rule.name!r} is for {rule.task}, {rule.pool}, {rule.budget}")
    roles = [question.role for question in rule.questions]
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"rule {rule.name!r} has a question of role {min(unknown)!r}")
    if not {"strategy", "training"} <= set(roles):
        raise ValueError(f"rule {rule.name!r} needs a question of the roles strategy and training")
    if alone := [question for question in rule.questions if len(question.settings) < 2]:
        raise ValueError(f"rule {rule.name!r} asks {alone[0].row!r} of fewer than two settings, which tell no spread")
    return rule
