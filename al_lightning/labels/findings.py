"""What an import finds: labels image by image, problems, and who disagrees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from al_lightning.errors import nearest
from al_lightning.labels.names import Names
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, shown

Mask = npt.NDArray[np.uint8]
Label = int | Mask
OnDisagreement = Literal["stop", "first", "ignore-pixels"]
IGNORED = 255
IGNORE = "ignore"
"""A label for pixels that no class is to be learned from; people may paint it as they paint a class."""
MOST_REGIONS = 10_000
MOST_OPINIONS = 100


@dataclass(frozen=True)
class Imported:
    """What was read.

    Attributes:
        labels: by image, its class, or its mask (H, W) uint8 with 255 = ignore. Empty where there are problems.
        problems: a sentence each; with any, nothing may be applied.
        disagreements: image, and the share that its annotators agree on, 0 to 1.
        notes: what was left out and is not wrong.
    """

    labels: dict[str, Label]
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
    opinions: dict[str, list[Label]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = Names(self.known)
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
        near = nearest(name, self.classes) if isinstance(name, str) and len(name) < 100 else ""
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
        """Keep a problem: where it is, and what."""
        self.problems.append(f"{where}: {error}.")

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
        opinions.append(label)

    def paint(self, name: str, regions: Iterable[tuple[int, npt.NDArray[np.bool_]]]) -> None:
        """Keep what somebody said of an image's pixels, a class per region; a later one covers an earlier one.

        Raises:
            Malformed: nothing is labelled.
        """
        width, height = self.known[name]
        mask = np.full((height, width), IGNORED if self.background is None else self.background, dtype=np.uint8)
        meant = False
        for number, region in regions:
            mask[region] = number
            meant = meant or (number == IGNORED and bool(region.any()))
        self.add_mask(name, mask, meant=meant)

    def settle(self, on_disagreement: OnDisagreement) -> Imported:
        """Return what was found, one label an image; where annotators differ, as `on_disagreement` says."""
        labels: dict[str, Label] = {}
        disagreements: list[tuple[str, float]] = []
        for name, opinions in sorted(self.opinions.items()):
            share = agreement(opinions)
            labels[name] = opinions[0]
            if share == 1:
                continue
            disagreements.append((name, share))
            if on_disagreement == "stop":
                self.problem(shown(name), _stopped(len(opinions), share, self.kind))
            elif on_disagreement == "ignore-pixels":
                labels[name] = _in_common(opinions)
        return Imported({} if self.problems else labels, self.problems, disagreements, self.notes)


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
