"""What an import finds: labels image by image, problems, and who disagrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np

from al_lightning.errors import nearest
from al_lightning.labels.filenames import Names
from al_lightning.labels.limits import Limits
from al_lightning.labels.opinions import Label, Labels, Mask, PackedMask, pack, unpack
from al_lightning.labels.region import Region
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, shown

OnDisagreement = Literal["stop", "first", "ignore-pixels"]
IGNORED = 255
IGNORE = "ignore"
"""A label for pixels that no class is to be learned from; people may paint it as they paint a class."""
MOST_REGIONS = 10_000
MOST_OPINIONS = 20
"""Annotations of one image: all pairs of them are compared, and studies of annotators have five to ten."""
MOST_PROBLEMS, HINTED = 10_000, 100
"""Problems that are looked for, and those of which the nearest class is; people are shown twenty."""


class TooManyProblems(Exception):
    """So much is wrong that nobody needs to know the rest."""


@dataclass(frozen=True)
class Imported:
    """What was read.

    Attributes:
        labels: by image, its class, or its mask (H, W) uint8 with 255 = ignore. Empty where there are problems.
        problems: a sentence each; with any, nothing may be applied.
        disagreements: image, and the share that its annotators agree on, 0 to 1.
        notes: what was left out and is not wrong.
    """

    labels: Mapping[str, Label]
    problems: list[str]
    disagreements: list[tuple[str, float]]
    notes: list[str]


@dataclass
class Findings:
    """Collects what the files say.

    Attributes:
        known: (width, height) of every image that may be labelled.
        classes: names of the classes.
        kind: what a label is.
        background: class of pixels that nobody labelled; None where they are to be ignored.
    """

    known: Mapping[str, tuple[int, int]]
    classes: Sequence[str]
    kind: Kind
    background: int | None = None
    opinions: dict[str, list[int | PackedMask]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names, self.limits = Names(self.known), Limits.of(self.known.values())
        self.numbers = {name: number for number, name in enumerate(self.classes)}

    def number(self, name: object) -> int:
        """Return a class's number by its name; of pixels, 255 for `ignore` where no class has that name.

        Raises:
            Malformed: there is no such class.
        """
        if isinstance(name, str) and name in self.numbers:
            return self.numbers[name]
        if self.kind == "pixel" and name == IGNORE:
            return IGNORED
        hinted = isinstance(name, str) and len(name) < 100 and len(self.problems) < HINTED
        near = nearest(str(name), self.classes) if hinted else ""
        known = ", ".join(self.classes[:12]) + (" ..." if len(self.classes) > 12 else "")
        raise Malformed(f"{shown(name)} is no class.{near} Classes: {known}")

    def check_size(self, name: str, width: int, height: int) -> None:
        """See that an image was labelled at its own size.

        Raises:
            Malformed: it was not.
        """
        if (width, height) != self.known[name]:
            own = self.known[name]
            raise Malformed(f"it was labelled at {width} x {height}, its image is {own[0]} x {own[1]} (width, height)")

    def problem(self, where: str, error: Malformed | str) -> None:
        """Keep a problem: where it is, and what.

        Raises:
            TooManyProblems: these are enough.
        """
        self.problems.append(f"{where}: {error}.")
        if len(self.problems) >= MOST_PROBLEMS:
            raise TooManyProblems

    def add_class(self, name: str, number: int) -> None:
        """Keep what somebody said that an image is.

        Raises:
            Malformed: too many have.
        """
        self._add(name, number)

    def add_mask(self, name: str, mask: Mask, *, meant: bool = False) -> None:
        """Keep what somebody said of an image's pixels.

        Args:
            name: the image.
            mask: (H, W) uint8 of the image's size.
            meant: somebody said that all of it is to be ignored.

        Raises:
            Malformed: nothing in it is labelled.
        """
        if not meant and (mask == IGNORED).all():
            raise Malformed(
                "nothing in it is labelled; label it, or leave it out. Where unlabelled pixels are of a class, name it "
                "with --background"
            )
        self._add(name, mask)

    def _add(self, name: str, label: Label) -> None:
        opinions = self.opinions.setdefault(name, [])
        if len(opinions) >= MOST_OPINIONS:
            raise Malformed(f"there are more than {MOST_OPINIONS} annotations of it")
        opinions.append(pack(label))

    def paint(self, name: str, regions: Iterable[tuple[int, Region]]) -> None:
        """Keep what somebody said of an image's pixels, a class per region; a later one covers an earlier one.

        Raises:
            Malformed: nothing is labelled.
        """
        width, height = self.known[name]
        mask = np.full((height, width), IGNORED if self.background is None else self.background, dtype=np.uint8)
        meant = False
        for number, region in regions:
            region.of(mask)[region.bits] = number
            meant = meant or (number == IGNORED and bool(region.bits.any()))
        self.add_mask(name, mask, meant=meant)

    def paint_by_size(self, name: str, regions: Iterable[tuple[int, Region]]) -> None:
        """Keep what somebody said of an image's pixels; a smaller region covers a larger one, of one size the later.

        Raises:
            Malformed: nothing is labelled.
        """
        width, height = self.known[name]
        # The size of the region that a pixel belongs to, so that no region is kept or made a second time.
        owner = np.full((height, width), width * height, dtype=np.uint32)

        def on_top() -> Iterator[tuple[int, Region]]:
            for number, region in regions:
                size, below = np.count_nonzero(region.bits), region.of(owner)
                bits = region.bits & (below >= size)
                below[bits] = size
                yield number, region._replace(bits=bits)

        self.paint(name, on_top())

    def settle(self, on_disagreement: OnDisagreement) -> Imported:
        """Return what was found, one label an image; where annotators differ, as `on_disagreement` says."""
        labels: dict[str, int | PackedMask] = {}
        disagreements: list[tuple[str, float]] = []
        for name, packed in sorted(self.opinions.items()):
            labels[name] = packed[0]
            if packed.count(packed[0]) == len(packed):
                continue
            opinions = [unpack(one) for one in packed]
            share = agreement(opinions)
            disagreements.append((name, share))
            if on_disagreement == "stop":
                self.problems.append(f"{shown(name)}: {_stopped(len(opinions), share, self.kind)}.")
            elif on_disagreement == "ignore-pixels":
                labels[name] = pack(_in_common(opinions))
        return Imported(Labels({} if self.problems else labels), self.problems, disagreements, self.notes)


def agreement(opinions: Sequence[Label]) -> float:
    """Return the share that annotators agree on, the mean over pairs of them.

    A pair's share is 0 or 1 for classes, and for masks that of equal pixels among those that one of the two labelled.
    """
    shares = []
    for one, other in combinations(opinions, 2):
        labelled = (np.asarray(one) != IGNORED) | (np.asarray(other) != IGNORED)
        equal = np.asarray(one) == np.asarray(other)
        shares.append(float(equal[labelled].mean()) if labelled.any() else 1.0)
    return sum(shares) / len(shares) if shares else 1.0


def _in_common(opinions: Sequence[Label]) -> Mask:
    first = np.array(opinions[0], dtype=np.uint8)
    for other in opinions[1:]:
        first[first != other] = IGNORED
    return first


def _stopped(count: int, share: float, kind: Kind) -> str:
    what = "pairs of annotators name one class" if kind == "image" else "of the labelled pixels are the same"
    text = f"{count} annotations of it differ ({100 * share:.1f} % {what}); withdraw all but one, or say "
    return text + "--on-disagreement first" + (" or ignore-pixels" if kind == "pixel" else "")
