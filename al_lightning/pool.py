"""The pool: which images are labelled, the budget of each cycle, and the initial set. No torch.

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
    """A training set, part of which is labelled. A value: labelling returns a new one.

    Attributes:
        size: number of images in the full training set.
        labelled: positions that have labels, in the order of labelling.
        sequence: for each image the sequence (video, drive, patient) it comes from, where the data has one.
        frame: for each image its time order within the sequence, where the data has one.
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
        """Return the pool with `chosen` labelled too.

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
    """How many labels are bought when.

    Args:
        initial: labels before the first fit, in `unit`.
        query: labels bought by each acquisition, in `unit`.
        cycles: number of acquisitions; a run has cycles + 1 fits (10-10 up to 50 % is cycles: 4).
        unit: `percent` of the pool, by integer arithmetic `size * percent // 100`, or `images`.
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
                f"budget.query is {self.query}: nothing would ever be bought; "
                "give it at least 1, or budget.cycles 0 for a single fit."
            )

    def _count(self, amount: int, size: int) -> int:
        return size * amount // 100 if self.unit == "percent" else amount

    def initial_count(self, size: int) -> int:
        """Number of images labelled before the first fit, of a pool of `size`."""
        return self._count(self.initial, size)

    def query_count(self, size: int) -> int:
        """Number of images chosen by each acquisition, of a pool of `size`."""
        return self._count(self.query, size)

    def total_count(self, size: int) -> int:
        """Number of images labelled after the last acquisition, of a pool of `size`."""
        return self.initial_count(size) + self.cycles * self.query_count(size)

    def nominal(self, cycle: int, size: int) -> float:
        """Nominal budget at a cycle as a fraction of the pool; areas integrate over it (10-10 is 0.1, 0.2 ...)."""
        amount = self.initial + cycle * self.query
        return amount / 100 if self.unit == "percent" else amount / size

    def check(self, size: int) -> None:
        """Raise UsageError, before anything is trained, where the pool cannot serve this budget."""
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
    """Draw the initial set: a pure function of the generator's key, the same for every strategy.

    Args:
        pool: the pool; only unlabelled images are drawn.
        count: how many.
        draw: `random` is uniform; `balanced` gives every class the same number, give or take one,
            as long as its images last.
        classes: the class of every image of the pool, (size,); needed for `balanced` only.
        generator: NumPy generator.

    Returns:
        `count` positions in the order of drawing.
    """
    order = generator.permutation(pool.unlabelled)
    if draw == "random":
        return [int(index) for index in order[:count]]
    if classes is None:
        raise UsageError("initial: balanced needs one class per image; this dataset has none. Use initial: random.")
    label = np.asarray(classes)[order]
    # An image's turn is its rank within its class; whole turns go first, so that classes stay level,
    # and within a turn the classes come in random order, so that a count that does not divide favours none.
    turn = np.empty(len(order), dtype=np.int64)
    for value in np.unique(label):
        members = np.flatnonzero(label == value)
        turn[members] = np.arange(len(members))
    return [int(index) for index in order[np.lexsort((generator.random(len(order)), turn))][:count]]
