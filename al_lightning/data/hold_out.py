"""The default test set: which images are held out where a dataset names no test set.

Near-duplicates (`duplicates.relation`) on both sides would let a test set repeat the pool. So whole sequences are held
out where names tell them, else whole groups of near-duplicates: connected components. Where one sequence or one group
has most of the images, as in a smooth stack, the end of their order is held out. Its near-duplicates leave the pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from al_lightning.data.draw import draw, hold_out, nothing_to_hold_out, order_of_names, ranks
from al_lightning.data.images import numbered, time_order
from al_lightning.data.remarks import Remark
from al_lightning.duplicates.components import components, first_of_each
from al_lightning.duplicates.descriptor import Descriptors, Indices
from al_lightning.duplicates.relation import Advance, Flags, nearest
from al_lightning.errors import require
from al_lightning.labels.content import count_of, some

NOT_HONEST = "no honest test: name sequences or a test set"
MOST_LEFT_OUT = 0.5
"""Largest share of the images outside of the test set that may leave the pool."""


class Division(NamedTuple):
    """A division of N images into pool, test set, and images in neither.

    Attributes:
        held: (N,) bool, the test set.
        left_out: (N,) bool, the images in neither set.
        remarks: how the test set was made, and what is wrong with it.
    """

    held: Flags
    left_out: Flags
    remarks: tuple[Remark, ...]


def divide(
    images: Descriptors,
    paths: Sequence[PurePath],
    classes: Sequence[str],
    share: float,
    pattern: str | None = None,
    advance: Advance | None = None,
) -> Division:
    """Divide N images into pool and test set; equal images are divided equally, in every run.

    Args:
        images: descriptors of the images.
        paths: (N,) their files.
        classes: (N,) their classes, as far as they are known; one name for all where an image has many classes.
        share: share of each class that is held out, 0 < share < 1.
        pattern: see `time_order`; None where names tell no sequences.
        advance: called with (done, total) to show progress.

    Raises:
        UsageError: the share is not between 0 and 1, or the pattern does not match a name.
        DatasetError: nothing can be held out.
    """
    require("data.test_share", share, above=0, below=1)
    whole = _WholeSet(images, tuple(classes), share)
    sequence, frame = time_order([path.stem for path in paths], pattern)
    if sequence is None or frame is None:
        units, order, by = components(images, advance=advance), order_of_names(paths), "name"
        largest = np.bincount(units).max(initial=0)
        why = f"near-duplicates chain up to {largest:,} of the {len(images):,} images together"
        divided = whole.by_groups(units) if whole.divisible(units) else None
    else:
        units, by = first_of_each(np.array(sequence, dtype=np.int64)), "frame"
        order = ranks(np.lexsort((frame, sequence)))
        several = len(np.unique(units)) > 1
        why = "there are too few sequences of each class" if several else "all images come from one sequence"
        divided = whole.by_sequences(units, advance) if several and not whole.in_single_units(units) else None
    if divided is not None:
        return divided
    return whole.single_images(why) if order is None else whole.from_the_end(order, by, why)


@dataclass(frozen=True)
class _WholeSet:
    """The images to divide; arguments as `divide`'s."""

    images: Descriptors
    classes: tuple[str, ...]
    share: float

    @property
    def size(self) -> int:
        """N."""
        return len(self.classes)

    @cached_property
    def group(self) -> Indices:
        """(N,) number of each image's class."""
        return np.array(numbered(self.classes), dtype=np.int64)

    @property
    def each_class(self) -> str:
        """In each class, where there are several."""
        return " in each class" if self.group.any() else ""

    def largest_parts(self, units: Indices) -> tuple[Indices, Indices]:
        """Return for each class with several images: most images in one unit, and images."""
        pairs, counts = np.unique(np.stack([self.group, units]), axis=1, return_counts=True)
        totals = np.bincount(self.group)
        most = np.zeros_like(totals)
        np.maximum.at(most, pairs[0], counts)
        return most[totals > 1], totals[totals > 1]

    def divisible(self, units: Indices) -> bool:
        """Whether neither one unit, nor units with more than half of their class, have more than half of the images."""
        most, totals = self.largest_parts(units)
        chained = max(np.bincount(units).max(initial=0), most[2 * most > totals].sum())
        return bool(2 * chained <= self.size)

    def in_single_units(self, units: Indices) -> bool:
        """Whether more than half of the images belong to classes with a single unit."""
        most, totals = self.largest_parts(units)
        return bool(2 * totals[most == totals].sum() > self.size)

    def by_groups(self, groups: Indices) -> Division | None:
        """Hold out whole groups of near-duplicates; None where no group can be held out."""
        held = draw(groups, self.group, self.share)
        return self.divided(held, self.whole(groups, held, "groups of near-duplicates")) if held.any() else None

    def by_sequences(self, sequences: Indices, advance: Advance | None) -> Division | None:
        """Hold out whole sequences; None where none can be held out.

        Sequences that look alike stay on one side, unless more than half of the images would then stay together.
        """
        united = components(self.images, sequences, advance)
        sizes, each = np.bincount(united), np.bincount(united[np.unique(sequences)], minlength=united.max() + 1)
        apart = 2 * sizes[each > 1].max(initial=0) <= self.size and not self.in_single_units(united)
        held = draw(united, self.group, self.share) if apart else np.zeros(self.size, dtype=bool)
        if held.any():
            together = len(np.unique(sequences)) - len(np.unique(united))
            alike = f"; {count_of(together, 'sequence')} stayed on the side of another one that looks alike"
            return self.divided(held, self.whole(sequences, held, "sequences") + (alike if together else ""))
        held = draw(sequences, self.group, self.share)
        if not held.any():
            return None
        leaks = int(self.near(held, ~held).sum())
        text = f"{leaks:,} of {held.sum():,} test images are near-duplicates of pool images of other sequences"
        warnings = [Remark(text, warning=True)] if leaks else []
        return self.divided(held, self.whole(sequences, held, "sequences"), *warnings)

    def from_the_end(self, order: Indices, by: str, why: str) -> Division:
        """Hold out the last images; their near-duplicates leave the pool, unless they are more than half of it.

        Raises:
            DatasetError: nothing can be held out.
        """
        last = np.zeros(self.size, dtype=bool)
        last[hold_out(self.group.tolist(), self.share, order.tolist())[1]] = True
        held, left_out = last, self.near(~last, last)
        # A class of which nothing would stay in the pool has no test images.
        if len(gone := np.setdiff1d(self.group, self.group[~held & ~left_out])):
            held = last & ~np.isin(self.group, gone)
            left_out = self.near(~held, held)
        how = f"the last ones by {by}{self.each_class}: {why}"
        if held.any() and left_out.sum() <= MOST_LEFT_OUT * (~held).sum():
            left = f"{count_of(int(left_out.sum()), 'near-duplicate')} of it left the pool, never chosen or trained on"
            return self.divided(held, f"{how}; {left}", left_out=left_out)
        text = f"{NOT_HONEST} ({why}, and most images are near-duplicates of the last ones)"
        return self.divided(last, how, Remark(text, warning=True), left_out=self.equal(last))

    def single_images(self, why: str) -> Division:
        """Hold out single images at random; equal ones stay together.

        Raises:
            DatasetError: nothing can be held out.
        """
        held = draw(self.images.first, self.group, self.share)
        text = f"{NOT_HONEST} ({why}, and the names do not all end in numbers)"
        return self.divided(held, f"single ones{self.each_class} at random", Remark(text, warning=True))

    def near(self, of: Flags, others: Flags) -> Flags:
        """Return which of some images are near-duplicates of any of some others, (N,) bool."""
        found = np.zeros(self.size, dtype=bool)
        rows = np.flatnonzero(of)
        place, _ = nearest(self.images[rows], self.images[np.flatnonzero(others)])
        found[rows[place >= 0]] = True
        return found

    def equal(self, held: Flags) -> Flags:
        """Return which of the images that are not held out have the pixels of one that is, (N,) bool."""
        equal: Flags = np.isin(self.images.pixels, self.images.pixels[held]) & ~held
        return equal

    def whole(self, units: Indices, held: Flags, what: str) -> str:
        """Return in words how many units are held out."""
        taken, there = (len(np.unique(part)) for part in (units[held], units))
        return f"held out by whole {what}{self.each_class} ({taken:,} of {there:,})"

    def divided(self, held: Flags, how: str, *warnings: Remark, left_out: Flags | None = None) -> Division:
        """Return a division with its remarks.

        Raises:
            DatasetError: it holds nothing out, or leaves nothing in the pool.
        """
        out = np.zeros(self.size, dtype=bool) if left_out is None else left_out
        count = int(held.sum())
        if not count or (held | out).all():
            raise nothing_to_hold_out(self.size)
        made = f"test set: {count:,} of {self.size:,} images ({100 * count / self.size:.0f} %), {how}"
        remarks = [Remark(made), *warnings]
        tested = {self.classes[place] for place in np.flatnonzero(held)}
        if absent := sorted(set(self.classes) - tested):
            why = "near-duplicates stay together, a single image in the pool"
            text = f"the test set has no image of {some(absent)}: {why}"
            remarks.append(Remark(text, warning=True))
        return Division(held, out, tuple(remarks))
