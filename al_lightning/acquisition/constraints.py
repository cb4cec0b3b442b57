"""Constraints of a batch, around any strategy: at most so many images of a sequence, a group, a camera."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from al_lightning.errors import UsageError, from_home, nearest, printable, require
from al_lightning.pool import Indices, Pool
from al_lightning.types import Limits

FAR = 1 << 62
"""Distance in time where no labelled frame is in the sequence."""


class Constraints:
    """What each batch may hold at most, whatever the strategy; a first set that is drawn is no such batch.

    Args:
        per_sequence: most images of one sequence.
        gap: least distance in time between two images of a sequence, labelled ones included, in the unit of the frame
            numbers.
        per_group: most images of one group of near-duplicates, as the audit groups them.
        file: a CSV file with a header and a line an image; the first column has its path below the dataset's folder, or
            the name of its file.
        column: header of the column that tells images apart, for example `camera`.
        per_value: most images of one value of that column.
    """

    def __init__(
        self,
        per_sequence: int | None = None,
        gap: int | None = None,
        per_group: int | None = None,
        file: str | None = None,
        column: str | None = None,
        per_value: int | None = None,
    ) -> None:
        for name, value in (("per_sequence", per_sequence), ("per_group", per_group), ("per_value", per_value)):
            if value is not None:
                require(f"constraints.{name}", value, least=1)
        if gap is not None:
            require("constraints.gap", gap, least=1)
        of_column = {"file": file, "column": column, "per_value": per_value}
        if (lacks := [name for name, value in of_column.items() if value is None]) and len(lacks) < len(of_column):
            raise UsageError(f"A constraint by a column of a file lacks --constraints.{lacks[0]}.")
        self.per_sequence = per_sequence
        self.gap = gap
        self.per_group = per_group
        self.file = None if file is None else from_home("constraints.file", file)
        self.column = column or ""
        self.per_value = per_value

    @property
    def any(self) -> bool:
        """Whether there is any constraint."""
        return any(each is not None for each in (self.per_sequence, self.gap, self.per_group, self.per_value))

    def check(self, pool: Pool, names: Sequence[str]) -> None:
        """Raise UsageError where the pool lacks what a constraint is about; `names` are those of all its images."""
        asked = (("per_sequence", self.per_sequence, pool.sequence), ("gap", self.gap, pool.frame))
        if lacks := [name for name, value, known in asked if value is not None and known is None]:
            raise UsageError(
                f"--constraints.{lacks[0]} is about sequences, and the dataset has none; if file names hold sequence "
                "and frame, describe them with --data.sequence_pattern."
            )
        if self.per_value is not None:
            self._values(names)

    def limits(self, pool: Pool, index: Indices, names: Sequence[str], groups: Callable[[], Indices]) -> Limits | None:
        """Return the limits for the rows of a selection; None without constraints.

        Args:
            pool: says which images are labelled.
            index: (N,) positions of the rows.
            names: of all images of the pool.
            groups: returns the (size,) number of the group of near-duplicates of each image of the pool.
        """
        if not self.any:
            return None
        rules: list[tuple[Indices, int]] = []
        if self.per_sequence is not None:
            rules.append((np.asarray(pool.sequence, dtype=np.int64), self.per_sequence))
        if self.per_group is not None:
            rules.append((groups(), self.per_group))
        if self.per_value is not None:
            rules.append((self._values(names), self.per_value))
        group = np.stack([each[index] for each, _ in rules]) if rules else np.empty((0, len(index)), np.int64)
        none = torch.empty(0, dtype=torch.int64)
        times = (none, none, none) if self.gap is None else _times(pool, index)
        return Limits(torch.from_numpy(group), tuple(most for _, most in rules), self.gap or 0, *times)

    def _values(self, names: Sequence[str]) -> Indices:
        """Return the number of each image's value in the column, (N,).

        Raises:
            UsageError: the file cannot be read, has no such column, or does not tell an image's value once.
        """
        assert self.file is not None
        try:
            with self.file.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.reader(file)
                numbered = [(reader.line_num, line) for line in reader if line]
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(f"{self.file} cannot be read as a CSV file ({error}).") from error
        header = numbered[0][1] if numbered else []
        if self.column not in header[1:]:
            raise UsageError(
                f"{self.file} has no column {self.column!r} behind its first one.{nearest(self.column, header[1:])}"
            )
        place, lines = header.index(self.column, 1), [line for _, line in numbered[1:]]
        if short := next((number for number, line in numbered[1:] if len(line) <= place), None):
            raise UsageError(f"{self.file}, line {short}, has no {self.column}.")
        return _numbered(
            {line[0]: line[place].strip() for line in lines}, [line[0] for line in lines], names, self.file
        )


def _numbered(value: dict[str, str], given: Sequence[str], names: Sequence[str], path: Path) -> Indices:
    """Return the number of each image's value; images are named by their paths, or all by the names of their files."""
    wanted = list(names) if set(names) & set(given) else [name.rpartition("/")[2] for name in names]
    if lacking := next((name for name, key in zip(names, wanted, strict=True) if key not in value), None):
        raise UsageError(f"{path} has no line for the image {printable(lacking)}; give each image of the pool one.")
    if twice := next((name for name, count in Counter(wanted).items() if count > 1), None):
        raise UsageError(f"Several images are called {printable(twice)}; name the images of {path} by their paths.")
    if empty := next((name for name, key in zip(names, wanted, strict=True) if not value[key]), None):
        raise UsageError(
            f"{path} leaves the value of the image {printable(empty)} empty, and images without one would count as one "
            "group; give the image a value, one of its own where it shall have no limit."
        )
    doubled = {name for name, count in Counter(given).items() if count > 1} & set(wanted)
    if doubled:
        raise UsageError(f"{path} has several lines for the image {printable(min(doubled))}; keep one of them.")
    return np.unique([value[key] for key in wanted], return_inverse=True)[1].astype(np.int64)


def _times(pool: Pool, index: Indices) -> tuple[Tensor, Tensor, Tensor]:
    """Return sequence, frame, and distance in time to the nearest labelled frame, (N,) int64 each."""
    sequence, frame = np.asarray(pool.sequence, dtype=np.int64), np.asarray(pool.frame, dtype=np.int64)
    nearest_frame = np.full(len(index), FAR, dtype=np.int64)
    labelled = np.asarray(pool.labelled, dtype=np.int64)
    for number in np.unique(sequence[labelled]):
        known = np.sort(frame[labelled[sequence[labelled] == number]])
        rows = np.flatnonzero(sequence[index] == number)
        after = np.searchsorted(known, frame[index[rows]])
        left = np.abs(frame[index[rows]] - known[np.maximum(after - 1, 0)])
        right = np.abs(known[np.minimum(after, len(known) - 1)] - frame[index[rows]])
        nearest_frame[rows] = np.minimum(left, right)
    return torch.from_numpy(sequence[index]), torch.from_numpy(frame[index]), torch.from_numpy(nearest_frame)
