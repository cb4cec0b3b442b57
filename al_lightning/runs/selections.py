"""What a cycle chose, `selection.json`, and what its selection saw, `rows.npz`: written, and read back, with seals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from al_lightning.errors import ALError
from al_lightning.runs.files import read_small
from al_lightning.runs.journal import Run
from al_lightning.runs.origins import choice_origin, cycle_dir, first_choice_origin
from al_lightning.runs.scores import SeenRows, read_rows, shape_of
from al_lightning.runs.seals import Seal

LARGEST = 64 << 20
"""Bytes that a file of JSON in a run directory may have: a selection of a million images takes as much."""


class Choice(NamedTuple):
    """What was chosen, in order.

    Attributes:
        indices: positions in the training set.
        scores: one for each; None where it was not finite.
        names: what a person calls the images.
    """

    indices: list[int]
    scores: list[float | None]
    names: list[str]


def selection_path(directory: Path, cycle: int | None) -> Path:
    """Return where a selection lies: of a cycle, or, for None, of the initial set."""
    return (directory if cycle is None else cycle_dir(directory, cycle)) / "selection.json"


def rows_path(directory: Path, cycle: int) -> Path:
    """Return where the rows lie that a cycle's selection saw."""
    return cycle_dir(directory, cycle) / "rows.npz"


def choice_seal(run: Run, cycle: int | None, count: int, check: Callable[[], object] = lambda: None) -> Seal:
    """Return the seal of what is chosen.

    Args:
        run: that chooses.
        cycle: its number; None for the initial set.
        count: how many images are chosen.
        check: see `Seal`.
    """
    return Seal(first_choice_origin(run, count) if cycle is None else choice_origin(run, cycle, count), check)


def write_choice(
    path: Path, seal: Seal, indices: Sequence[int], scores: Sequence[float], names: Sequence[str] = ()
) -> None:
    """Write what was chosen; arguments as `Choice`'s."""
    # JSON knows no infinity; a strategy's own scale may.
    finite = [score if math.isfinite(score) else None for score in scores]
    shown = list(names) or [f"image {index}" for index in indices]
    write_json(path, Choice(list(indices), finite, shown)._asdict(), seal)


def read_choice(run: Run, cycle: int | None) -> Choice | None:
    """Return what was chosen; None where nothing was.

    Raises:
        ALError: the file is damaged, or of another run.
    """
    path = selection_path(run.directory, cycle)
    if not path.is_file():
        return None
    try:
        choice = Choice(**json.loads(read_small(path, LARGEST)))
        rows = zip(*choice, strict=True)
        sound = all(type(index) is int and 0 <= index < run.record.pool_size for index, _, _ in rows)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise damaged(path) from error
    if not sound or not choice_seal(run, cycle, len(choice.indices)).fits(path):
        raise damaged(path)
    return choice


def read_seen(run: Run, cycle: int, value: bool = True) -> SeenRows | None:
    """Return what a cycle's selection saw; None where it kept nothing.

    Args:
        run: the run.
        cycle: number of the cycle.
        value: whether scores or embeddings are wanted, which may be large; they come back empty otherwise.

    Raises:
        ALError: a file is damaged, or of another run.
    """
    path, choice = rows_path(run.directory, cycle), read_choice(run, cycle)
    if choice is None or not path.is_file():
        return None
    if not choice_seal(run, cycle, len(choice.indices)).fits(path):
        raise damaged(path)
    try:
        return read_rows(path, run.record.pool_size, value)
    except (OSError, ValueError) as error:
        raise damaged(path) from error


def seen_shape(run: Run, cycle: int) -> tuple[int, int, int]:
    """Return members, images and numbers an image of what a cycle's selection saw, from the file's head; else zeros.

    Raises:
        ALError: the file is damaged.
    """
    path = rows_path(run.directory, cycle)
    if not path.is_file():
        return 0, 0, 0
    try:
        return shape_of(path)
    except (OSError, ValueError) as error:
        raise damaged(path) from error


def write_json(path: Path, values: dict[str, Any], seal: Seal) -> None:
    """Write plain data with a seal."""
    text = json.dumps(values, allow_nan=False) + "\n"
    seal.write(path, lambda file: file.write(text.encode()))


def read_json(path: Path, seal: Seal) -> dict[str, Any] | None:
    """Return what `write_json` wrote; None where there is no such file.

    Raises:
        ALError: it is not what was written.
    """
    if not path.is_file():
        return None
    try:
        values = json.loads(read_small(path, LARGEST)) if seal.fits(path) else None
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path) from error
    if not isinstance(values, dict):
        raise damaged(path)
    return values


def damaged(path: Path) -> ALError:
    """Return the error for a file of a run that is not what was written."""
    return ALError(
        f"{path} is damaged, or is not of this run: its seal is missing or does not fit. Delete it: what an unfinished "
        "cycle needs, `al-lightning fit` makes again."
    )
