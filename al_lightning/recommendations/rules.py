"""Rules of the paper as data: situation, advice, and the published cells to ask. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_lightning.config.names import own_or_shipped
from al_lightning.errors import UsageError
from al_lightning.results.regimes import BUDGETS, POOLS, TASKS, Regimes, regimes_of, rules_form
from al_lightning.tables.plan import files_of
from al_lightning.tables.published import Cell, Column, Row, Table, read_table
from al_lightning.yaml_files import read_yaml

ROLES = ("strategy", "rival", "kind", "training", "also")
SSL = "-SSL"
"""Suffix of the rows, and of Table 8's words, that stand for semi-supervised training."""


@dataclass(frozen=True)
class Question:
    """The question whether a row is ahead of another row, over several settings.

    Attributes:
        role: `strategy`, `rival`, `kind`, `training` or `also`.
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
        strategy: one of the kind that Table 8 prints, for classification that the text names.
        kind: of the strategy, in words.
        training: as Table 8 or the text has it.
        says: the rule in words.
        questions: to the published cells.
        notes: on these cells.
        candidate: the strategy to try where the cells do not carry the rule; by default `strategy`.
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
    candidate: str = ""


@dataclass(frozen=True)
class Guide:
    """Table 8 as printed, the paper's guide, with the words around it.

    Attributes:
        cells: by (pool, budget): "Random-SSL" and so on; for segmentation.
        text: by budget: what the text says of classification; a budget of which it names no method is missing.
        kinds: by the words of these cells ("Random"), the strategies that they mean.
        known: by dataset, the kind of the paper's pools, which is known from how they were made.
    """

    cells: Mapping[tuple[str, str], str]
    text: Mapping[str, str]
    kinds: Mapping[str, tuple[str, ...]]
    known: Mapping[str, str]

    def method(self, task: str, pool: str, budget: str) -> str:
        """Return what the paper prints for a situation, "Random-SSL" and so on; "" where it names no method."""
        if task == "segmentation":
            return self.cells[pool, budget]
        return self.text.get(budget, "") if pool == "diverse" else ""

    def means(self, method: str, strategy: str, *, semi_supervised: bool) -> bool:
        """Whether the words of a cell mean a strategy with such a training."""
        return strategy in self.kinds[method.removesuffix(SSL)] and semi_supervised == method.endswith(SSL)


@dataclass(frozen=True)
class Rules:
    """All rules, and their common numbers.

    Attributes:
        regimes: the scales by which pools and budgets are sorted.
        guide: Table 8 as printed.
        deviations: a difference below this number of its deviations is noise.
        assumed: by task, deviation of a difference, in points, where no deviation is printed.
        semi_supervised: by task, the training method.
        doubtful: by (table, column, row), why an area is unreliable.
        rules: in order.
        tables: cited by the rules, by name.
    """

    regimes: Regimes
    guide: Guide
    deviations: float
    assumed: Mapping[str, float]
    semi_supervised: Mapping[str, str]
    doubtful: Mapping[tuple[str, str, str], str]
    rules: tuple[Rule, ...]
    tables: Mapping[str, Table]

    def rule(self, task: str, pool: str, budget: str) -> Rule | None:
        """Return the rule for a situation, or None where the paper has none."""
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


def study_rules() -> Rules:
    """Return the rules of `configs/rules.yaml` and the tables that they cite, of the working directory or the package.

    Raises:
        UsageError: see `read_rules`.
    """
    tables = {name: read_table(file) for name, file in files_of("tables").items() if name.startswith("table")}
    return read_rules(own_or_shipped("rules.yaml"), tables)


def read_rules(path: Path, tables: Mapping[str, Table]) -> Rules:
    """Read the rules' file, which cites the paper's tables, by name.

    Raises:
        UsageError: the file is missing, has another form, or cites a cell that the tables lack.
    """
    with rules_form(path):
        rules = _rules(read_yaml(path), tables)
    for rule in rules.rules:
        for question in rule.questions:
            for table, column in question.settings:
                rules.cell(table, column, question.row)
                rules.cell(table, column, question.against)
    for cited in rules.doubtful:
        rules.cell(*cited)
    return rules


def _rules(content: Mapping[str, Any], tables: Mapping[str, Table]) -> Rules:
    noise = content["noise"]
    return Rules(
        regimes_of(content),
        _guide(content),
        float(noise["deviations"]),
        {task: float(noise["assumed"][task]) for task in TASKS},
        {task: str(content["semi_supervised"][task]) for task in TASKS},
        {(cell["table"], cell["column"], cell["row"]): str(cell["why"]) for cell in content["doubtful"]},
        tuple(_rule(dict(rule)) for rule in content["rules"]),
        tables,
    )


def _guide(content: Mapping[str, Any]) -> Guide:
    kinds = {str(kind): tuple(map(str, strategies)) for kind, strategies in content["kinds"].items()}
    cells = {(pool, budget): str(content["table8"][pool][budget]) for pool in POOLS for budget in BUDGETS}
    text = {budget: str(method) for budget, method in content["text"].items()}
    for method in [*cells.values(), *text.values()]:
        if method.removesuffix(SSL) not in kinds:
            raise ValueError(f"{method!r} is of no kind: {', '.join(kinds)}")
    known = {str(name): pool for pool in POOLS for name in content["known"][pool]}
    return Guide(cells, text, kinds, known)


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
