"""The numbers of runs of `make bench`, side by side: python -m tests.benchmarks.table benchmarks.json [OTHER.json]."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .record import Measure, number, read


def table(paths: Sequence[Path]) -> str:
    """Return machines and versions of files, and a row for each measure, with a column for each file, as markdown."""
    contents = [read(path) for path in paths]
    letters = [chr(ord("A") + place) for place in range(len(paths))]
    heads = [
        f"{letter}: {_where(machine)}. {_named(versions)}."
        for letter, (machine, versions, _) in zip(letters, contents, strict=True)
    ]
    by_file = [{measure.what: measure for measure in measures} for _, _, measures in contents]
    rows = [["what", "bound", *letters], ["---"] * (2 + len(paths))]
    for what in dict.fromkeys(what for measures in by_file for what in measures):
        same = [measures.get(what) for measures in by_file]
        bound = next(measure.wanted for measure in same if measure is not None)
        rows.append([what, bound, *map(_cell, same)])
    return "\n".join(["\n\n".join(heads), "", *(f"| {' | '.join(row)} |" for row in rows)])


def _where(machine: dict[str, Any]) -> str:
    where = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads"
    return f"{where}; load {machine['load']} before" if "load" in machine else str(where)


def _named(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _cell(measure: Measure | None) -> str:
    """Return value, verdict and note; a dash for what was not measured."""
    if measure is None:
        return "–"
    verdict = {"MISSED": "**missed**", "": ""}.get(measure.verdict, measure.verdict)
    note = f"({measure.note})" if measure.note else ""
    return " ".join(filter(None, [number(measure.value, measure.unit), verdict, note])).replace("|", "\\|")


def main(arguments: Sequence[str]) -> int:
    """Print the table of files."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    print(table([Path(name) for name in arguments]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
