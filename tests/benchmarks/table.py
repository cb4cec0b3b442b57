"""The numbers of a run of `make bench` as a table: python -m tests.benchmarks.table benchmarks.json [CUDA.json]."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from .record import number, read


def table(path: Path) -> str:
    """Return machine, versions and measures as markdown."""
    machine, versions, measures = read(path)
    where = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads"
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        f"{where}; load {machine['load']} before. {named}.",
        "",
        "| what | measured | bound | | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for measure in measures:
        verdict = {True: "met", False: "**missed**", None: ""}[measure.met]
        cells = (measure.what, number(measure.value, measure.unit), measure.wanted, verdict, measure.note)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the tables of files."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    print("\n\n".join(table(Path(name)) for name in arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
