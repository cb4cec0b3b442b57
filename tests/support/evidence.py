"""The published tables and the rules that cite them, questions and situations."""

from __future__ import annotations

from typing import Any

from al_lightning.config.names import shipped
from al_lightning.recommendations.rules import Question, read_rules
from al_lightning.recommendations.situation import Situation
from al_lightning.tables.published import read_table

TABLES = {path.stem: read_table(path) for path in sorted((shipped() / "tables").glob("table*.yaml"))}
FILE = shipped() / "rules.yaml"
RULES = read_rules(FILE, TABLES)


def situation(**given: Any) -> Situation:
    base = {"title": "pool", "task": "segmentation", "images": 1000, "distinct": 100.0, "redundancy": 0.9}
    return Situation(**{**base, "labels": 100, "classes": 10, "sequences": None, **given})


def flat(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def question(row: str, against: str, *settings: tuple[str, str], role: str = "strategy") -> Question:
    return Question(role, row, against, settings)
