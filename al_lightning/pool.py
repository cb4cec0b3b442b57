"""The pool of images, the budget of labels, and the initial set. No torch.

Indices are positions in the full training set, everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from al_lightning.errors import UsageError, require

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """A training set, part of which is labelled. It is immutable; `label` returns a new pool.

    Attributes:
        size: number of images in the full training set.
        labelled: positions that have labels, in the order of labelling.
        sequence: number of each image's sequence (video, drive, patient), where the data have sequences.
        frame: time of each image within its sequence, where the data have an order in time.
    """

    size: int
    labelled: tuple[int, ...] = ()
    sequence: tuple[int, ...] | None = None
    frame: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("sequence", "frame"):
            order = getattr(self, name)
            if order is not None and len(order) != self.size:
                raise ValueError(f"Pool.{name} has {len(order)} entries for {self.size} images")

    @property
    def unlabelled(self) -> Indices:
        """Positions without a label, ascending, (U,) int64."""
        free = np.ones(self.size, dtype=bool)
        free[list(self.labelled)] = False
        return np.flatnonzero(free).astype(np.int64)

    def label(self, chosen: Iterable[int]) -> Pool:
        """Return the pool with further images labelled.

        Raises:
            ValueError: an index is repeated, outside the pool, or already labelled.
        """
        new = [int(index) for index in chosen]
        if len(set(new)) != len(new):
            raise ValueError("an image was chosen twice in one batch")
        if unknown := [index for index in new if not 0 <= index < self.size]:
            raise ValueError(f"image {unknown[0]} is not in the pool of {self.size}")
        if again := set(self.labelled).intersection(new):
            raise ValueError(f"image {min(again)} is already labelled")
        return replace(self, labelled=(*self.labelled, *new))


@dataclass(frozen=True)
class Budget:
    """The number of labels in each cycle.

    Args:
        initial: labels before the first fit, in `unit`.
        query: labels bought by each acquisition, in `unit`.
        cycles: number of acquisitions; a run has cycles + 1 fits (10-10 up to 50 % is cycles: 4).
        unit: `percent` of the pool, rounded down as `size * percent // 100`, or `images`.
    """

    initial: int
    query: int
    cycles: int
    unit: Literal["images", "percent"] = "percent"

    def __post_init__(self) -> None:
        require("budget.initial", self.initial, least=1)
        require("budget.cycles", self.cycles, least=0)
        require("budget.query", self.query, least=0)
        if self.query < 1 and self.cycles:
            raise UsageError(
                f"budget.query is {self.query}, so no label would be bought; "
                "give it at least 1, or budget.cycles 0 for a single fit."
            )

    def _count(self, amount: int, size: int) -> int:
        return size * amount // 100 if self.unit == "percent" else amount

    def initial_count(self, size: int) -> int:
        """Return the number of images labelled before the first fit."""
        return self._count(self.initial, size)

    def query_count(self, size: int) -> int:
        """Return the number of images that each acquisition chooses."""
        return self._count(self.query, size)

    def total_count(self, size: int) -> int:
        """Return the number of images labelled after the last acquisition."""
        return self.initial_count(size) + self.cycles * self.query_count(size)

    def nominal(self, cycle: int, size: int) -> float:
        """Return the nominal budget at a cycle as a fraction of the pool (10-10 is 0.1, 0.2 ...), the x of areas."""
        amount = self.initial + cycle * self.query
        return amount / 100 if self.unit == "percent" else amount / size

    def check(self, size: int) -> None:
        """Raise UsageError where a pool of `size` images is too small for the budget."""
        if size < 1:
            raise UsageError("The pool is empty: the dataset has no training images.")
        if self.initial_count(size) < 1:
            raise UsageError(f"budget.initial of {self.initial} percent of {size} images is no image; raise it.")
        if self.cycles and self.query_count(size) < 1:
            raise UsageError(f"budget.query of {self.query} percent of {size} images is no image; raise it.")
        if (total := self.total_count(size)) > size:
            raise UsageError(
                f"The budget asks for {total} labels ({self.initial} and {self.cycles} x {self.query} {self.unit}) "
                f"of a pool of {size} images; lower budget.cycles, budget.initial or budget.query."
            )


def draw_initial(
    pool: Pool,
    count: int,
    draw: Literal["random", "balanced"],
    classes: Sequence[int] | None,
    generator: np.random.Generator,
) -> list[int]:
    """Draw the initial set, which is the same for every strategy.

    Args:
        pool: the pool; only unlabelled images are drawn.
        count: number of images.
        draw: `random` is uniform; `balanced` draws equally many images of each class (give or take one), as long as the
            class has more.
        classes: (size,) class of every image of the pool; needed for `balanced` only.
        generator: NumPy generator.

    Returns:
        `count` positions in the order of drawing.

    Raises:
        UsageError: `balanced` without `classes`.
    """
    order = generator.permutation(pool.unlabelled)
    if draw == "random":
        return [int(index) for index in order[:count]]
    if classes is None:
        raise UsageError("initial: balanced needs one class per image; this dataset has none. Use initial: random.")
    label = np.asarray(classes)[order]
    # An image's turn is its rank within its class. Sorting by turn keeps the classes' counts level. Within a turn the
    # order of classes is random, so that the last, incomplete turn favours no class.
    turn = np.empty(len(order), dtype=np.int64)
    for value in np.unique(label):
        members = np.flatnonzero(label == value)
        turn[members] = np.arange(len(members))
    return [int(index) for index in order[np.lexsort((generator.random(len(order)), turn))][:count]]
