"""Read and write a cycle's choice, `selection.json`, and the rows that it was made from, `rows.npz`, with seals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from al_lightning.errors import ALError
from al_lightning.runs.files import read_small
from al_lightning.runs.journal import Run
from al_lightning.runs.origins import choice_origin, cycle_dir
from al_lightning.runs.scores import SeenRows, read_rows, shape_of
from al_lightning.runs.seals import Seal

LARGEST = 64 << 20
"""Most bytes of a JSON file in a run directory: a selection of a million images takes as many."""


class Choice(NamedTuple):
    """A choice, in order.

    Attributes:
        indices: positions in the training set.
        scores: of the images; None for one that was not finite.
        names: of the images.
    """

    indices: list[int]
    scores: list[float | None]
    names: list[str]


def selection_path(directory: Path, cycle: int | None) -> Path:
    """Return the path of a selection: of a cycle, or, for None, of the initial set."""
    return (directory if cycle is None else cycle_dir(directory, cycle)) / "selection.json"


def rows_path(directory: Path, cycle: int) -> Path:
    """Return the path of the rows of a cycle's selection."""
    return cycle_dir(directory, cycle) / "rows.npz"


def choice_seal(run: Run, cycle: int | None, count: int, check: Callable[[], object] = lambda: None) -> Seal:
    """Return the seal of a cycle's choice of `count` images, or, for None, of the initial set; `check` as in `Seal`."""
    return Seal(choice_origin(run, cycle, count), check)


def read_choice(run: Run, cycle: int | None) -> Choice | None:
    """Return the choice; None where nothing was chosen.

    Raises:
        ALError: the file is damaged, or belongs to another run.
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
    """Return the rows of a cycle's selection; None where it kept none.

    Without `value`, the scores or embeddings, which may be large, are not read and are empty.

    Raises:
        ALError: a file is damaged, or belongs to another run.
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
    """Return the shape (M, N, K) of the values of a cycle's rows, from the file's head; zeros without a file.

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


def read_json(path: Path, seal: Seal) -> dict[str, Any]:
    """Return the plain data that `write_json` wrote.

    Raises:
        ALError: the file is not as it was written.
    """
    try:
        values = json.loads(read_small(path, LARGEST)) if seal.fits(path) else None
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path) from error
    if not isinstance(values, dict):
        raise damaged(path)
    return values


def damaged(path: Path) -> ALError:
    """Return the error for a file of a run that is not as it was written."""
    return ALError(
        f"{path} is damaged, or is not of this run: its seal is missing or does not fit. Delete it: what an unfinished "
        "cycle needs, `al-lightning fit` makes again."
    )
