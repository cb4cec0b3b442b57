"""The list of all tables and figures: what each shows, its runs, and what they cost here. No torch."""

from __future__ import annotations

import re
from pathlib import Path

from al_lightning.errors import UsageError
from al_lightning.tables.plan import files_of, find_table, plan
from al_lightning.tables.plan_text import sum_text


def listing(runs: Path, scale: str = "full") -> str:
    """Return a line for each table and figure that `reproduce` knows.

    Args:
        runs: the directory of all runs: what is finished there costs nothing any more, and tells what the rest costs.
        scale: of the tables.

    Raises:
        UsageError: there is no such scale.
    """
    files = {**files_of("tables"), **files_of("figures")}
    names = sorted(files, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])
    width = max(map(len, names), default=0)
    return "\n".join(f"{name:<{width}}  {_line(name, files[name], runs, scale)}" for name in names)


def _line(name: str, file: Path, runs: Path, scale: str) -> str:
    try:
        full = find_table(name)
    except UsageError as error:  # nothing is run for it; the message says what shows it
        return _without_name(str(error))
    made = plan(find_table(name, scale), runs, reduced=scale != "full")
    done = len(made.runs) - len(made.missing)
    finished = f", {done} finished" if done else ""
    cost = sum_text(made) if made.missing else ""
    if made.missing and not cost and scale == "full":
        cost = f" ({_noted_cost(file)})"
    return f"{_without_name(full.title)}: {len(made.runs)} runs{finished}{cost}"


def _without_name(title: str) -> str:
    """Return a title without `Table 3: `, which stands before it already."""
    return re.sub(r"^(Table|Figure) \w+: ", "", title)


def _noted_cost(file: Path) -> str:
    """Return what the head of a table's file says about its cost."""
    found = re.search(r"^# Cost: *(?:\d+ runs,? *)?(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "cost unknown"
