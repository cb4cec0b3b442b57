"""Lines for the terminal: the classes of imported labels, and how many images of each batch are labelled."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from al_lightning.errors import ALError
from al_lightning.labels.batch import TABLE, read_table
from al_lightning.labels.content import IGNORED, LabelCounts, absent_text, doubts
from al_lightning.labels.packed import Label
from al_lightning.labels.spelling import canonical
from al_lightning.labels.store import Kind
from al_lightning.runs.journal import read_run

LINES = 20


def counted(labels: Mapping[str, Label], classes: Sequence[str], kind: Kind) -> list[str]:
    """Return a line per class with its number of images, or with its share of the labelled pixels.

    Further lines say which classes are absent, and why no network could learn from these labels alone.
    """
    counts = LabelCounts.empty(len(classes))
    for label in labels.values():
        counts.add_label(np.asarray(label))
    width = max(map(len, classes))
    if kind == "image":
        lines = [f"  {name:<{width}}  {counts.images[number]:,}" for number, name in enumerate(classes)]
    else:
        labelled = max(1, int(counts.pixels[:IGNORED].sum()))
        shares = [100 * counts.pixels[number] / labelled for number in range(len(classes))]
        lines = [f"  {name:<{width}}  {share:5.2f} %" for name, share in zip(classes, shares, strict=True)]
        lines.append(f"  {100 * counts.ignored:.2f} % of all pixels are not labelled, and are ignored")
    where = "this import"
    notes = [f"note: {absent}"] if (absent := absent_text(where, counts.absent(classes))) else []
    return [*lines, *notes, *(f"[!] {text}" for text in doubts(counts, classes, where))]


def first_lines(lines: Sequence[str]) -> list[str]:
    """Return the first lines, and a line with the number of further ones."""
    more = len(lines) - LINES
    return [*lines[:LINES], *([f"... and {more:,} more."] if more > 0 else [])]


def status(run_dir: Path, labelled: set[str], command: str | None) -> list[str]:
    """Return a line per batch with the number of its labelled images, and a line with the command that continues.

    `labelled` has the names of the labelled images in their canonical spelling.

    Raises:
        ALError: a batch's table cannot be read.
    """
    folders = [path.parent for path in (run_dir / "batches").glob(f"*/{TABLE}") if not path.parent.name.startswith(".")]
    if not folders:
        return ["There is no batch yet."]
    order = {"initial": 0, "test": 1}  # then cycle by cycle
    folders.sort(key=lambda folder: (order.get(folder.name, 2), folder.name))
    width = max(len(folder.name) for folder in folders)
    lines, waits = [], False
    for folder in folders:
        images = read_table(folder)
        missing = sum(canonical(image) not in labelled for image in images)
        waits = waits or missing > 0
        end = f", {missing:,} missing" if missing else ""
        lines.append(f"{folder.name:<{width}}  {len(images) - missing:,} of {len(images):,} labelled{end}")
    then = command or "run the command that began the run"
    if waits:
        return [*lines, f"Once these are labelled: {then}"]
    if _is_finished(run_dir):
        return [*lines, f"The run is finished. Its curve: {shlex.join(['al-lightning', 'show', str(run_dir)])}"]
    return [*lines, f"To go on: {then}"]


def _is_finished(run_dir: Path) -> bool:
    """Whether a run's journal ends with its last cycle."""
    try:
        cycles = read_run(run_dir).cycles
    except ALError:  # labels are counted without a journal, too
        return False
    return bool(cycles) and not cycles[-1].chosen
