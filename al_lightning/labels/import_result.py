"""The result of an import: annotations by image, problems, and the images whose annotators disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np

from al_lightning.errors import DatasetError, nearest
from al_lightning.labels.content import IGNORED, count_of
from al_lightning.labels.filenames import Names, Ranked
from al_lightning.labels.limits import Limits
from al_lightning.labels.packed import Label, Labels, PackedMask, pack, unpack
from al_lightning.labels.shapes.region import Region
from al_lightning.labels.spelling import canonical
from al_lightning.labels.store import Kind, LabelStore, Mask
from al_lightning.labels.untrusted import Malformed, shown

OnDisagreement = Literal["stop", "first", "ignore-pixels"]
IGNORE = "ignore"
"""The label of pixels that are left out of training; people paint it like a class."""
MOST_REGIONS = 10_000
MOST_ANNOTATIONS = 20
"""Of one image: all pairs are compared, and studies of annotators have five to ten."""
MOST_PROBLEMS, HINTED = 10_000, 100
"""Problems that are collected, and problems that name the nearest class; the command shows twenty."""


class TooManyProblems(Exception):
    """There are `MOST_PROBLEMS` problems; the import ends."""


@dataclass(frozen=True)
class Imported:
    """The outcome of an import.

    Attributes:
        labels: by image, its class, or its mask (H, W) uint8 with 255 = ignore. Empty where there are problems.
        problems: a sentence each; with any problem, no label may be stored.
        disagreements: image, and the share that its annotators agree on, 0 to 1.
        notes: sentences on what was inferred, and on valid content that was left out.
    """

    labels: Mapping[str, Label]
    problems: list[str]
    disagreements: list[tuple[str, float]]
    notes: list[str]


@dataclass
class Annotations:
    """Collects the annotations of files.

    Attributes:
        known: (width, height) of every image that may be labelled.
        classes: names of the classes.
        kind: whether a label is a class or a mask.
        background: class of pixels that nobody labelled; None to ignore them.
        ranks: the images' ranks in their batches, which names in a batch begin with.
        store: the labels that the run has so far; None where nothing is known of them.
        by_image: the annotations of each image, one for each annotator.
        ids: masks of label ids, whose ids are given classes once all of them were read: where, image, and mask.
        problems: a sentence each.
        notes: sentences on what was inferred, and on valid content that was left out.
    """

    known: Mapping[str, tuple[int, int]]
    classes: Sequence[str]
    kind: Kind
    background: int | None = None
    ranks: Sequence[Ranked] = ()
    store: LabelStore | None = None
    by_image: dict[str, list[int | PackedMask]] = field(default_factory=dict)
    ids: list[tuple[str, str, int | PackedMask]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names, self.limits = Names(self.known, self.ranks), Limits.of(self.known.values())
        self.numbers = {canonical(name): number for number, name in enumerate(self.classes)}
        self._without_area = self._emptied = 0

    def number(self, name: object) -> int:
        """Return the number of a class, or 255 for `ignore` in masks; raise Malformed for any other name."""
        if isinstance(name, str) and (number := self.numbers.get(canonical(name))) is not None:
            return number
        if self.kind == "pixel" and name == IGNORE:
            return IGNORED
        hinted = isinstance(name, str) and len(name) < 100 and len(self.problems) < HINTED
        near = nearest(str(name), self.classes) if hinted else ""
        known = ", ".join(self.classes[:12]) + (" ..." if len(self.classes) > 12 else "")
        raise Malformed(f"{shown(name)} is no class.{near} Classes: {known}")

    def check_size(self, name: str, width: int, height: int) -> None:
        """Raise Malformed where an image was labelled at another size than its own."""
        if (width, height) != (own := self.known[name]):
            raise Malformed(f"it was labelled at {width} x {height}, its image is {own[0]} x {own[1]} (width, height)")

    def problem(self, where: str, error: Malformed | str) -> None:
        """Add a problem; raise TooManyProblems at the last one of `MOST_PROBLEMS`."""
        self.problems.append(f"{where}: {error}.")
        if len(self.problems) >= MOST_PROBLEMS:
            raise TooManyProblems

    def note(self, where: str, count: int, noun: str, what: str) -> None:
        """Add a note on `count` things, unless it is 0; `what` follows one thing and several alike."""
        if count:
            self.notes.append(f"{where}: {count_of(count, noun)} {what}.")

    def note_inferred(self, where: str) -> None:
        """Add notes on what was inferred or left out of a source since the last call."""
        if respelled := self.names.respelled:
            reference, image = map(shown, respelled[0])
            what = f"matched though a tool respelled it, the first {reference} with {image}"
            self.note(where, len(respelled), "name", what)
        what = "left out, without a pixel to label, such as a polygon of one or two points"
        self.note(where, self._without_area, "region", what)
        what = "without another region; such an image counts as not labelled yet"
        self.note(where, self._emptied, "annotation", what)
        self.names.respelled = []
        self._without_area = self._emptied = 0

    def add_class(self, name: str, number: int) -> None:
        """Add one annotator's class of an image; raise Malformed where the image has too many annotations."""
        self._add(name, number)

    def add_ids(self, where: str, name: str, mask: Mask) -> None:
        """Keep a mask of label ids, (H, W) uint8 of the image's size, for `settle_ids`."""
        self.ids.append((where, name, pack(mask)))

    def settle_ids(self) -> None:
        """Add the masks of label ids: ids are the classes' numbers, and 255 is ignored.

        Where there are two classes, and all masks together hold the ids 0 and 255 alone, these are the classes; but not
        where other labels of the run have ignored pixels.
        """
        seen: set[int] = set()
        for _, _, packed in self.ids if len(self.classes) == 2 else ():
            seen.update(np.unique(unpack(packed)).tolist())
        binary = seen == {0, IGNORED}
        if binary:
            first, second = self.classes
            binary = not self._ignored_before()
            meaning = (
                f"and there are two classes: 0 is {first}, {IGNORED} is {second}"
                if binary
                else f"but other labels of the run have pixels that are not labelled, and so {IGNORED} is not labelled "
                f"here too; where {second} is meant, write 1"
            )
            self.notes.append(f"The masks hold the ids 0 and {IGNORED} alone, {meaning}.")
        for where, name, packed in self.ids:
            mask = np.asarray(unpack(packed))
            if binary:
                mask[mask == IGNORED] = 1
            try:
                self.add_mask(name, mask)
            except Malformed as error:
                self.problem(where, error)

    def _ignored_before(self) -> bool:
        """Whether a label of the run, other than those of the images in `ids`, has ignored pixels."""
        if self.store is None:
            return False
        replaced = {canonical(name) for _, name, _ in self.ids}
        for name in sorted(self.store.names() - replaced):
            try:
                mask = self.store.mask(name)
            except DatasetError:
                continue  # the run says what is wrong with a label that it has
            if mask is not None and (mask == IGNORED).any():
                return True
        return False

    def add_mask(self, name: str, mask: Mask, *, meant: bool = False) -> None:
        """Add one annotator's mask of an image.

        Args:
            name: the image.
            mask: (H, W) uint8 of the image's size.
            meant: whether the annotator painted pixels as `ignore`; a mask without a class is then no mistake.

        Raises:
            Malformed: nothing in the mask is labelled, or the image has too many annotations.
        """
        if not meant and (mask == IGNORED).all():
            raise Malformed(
                "nothing in it is labelled; label it, or leave it out. Where unlabelled pixels are of a class, name it "
                "with --background"
            )
        self._add(name, mask)

    def _add(self, name: str, label: Label) -> None:
        annotations = self.by_image.setdefault(name, [])
        if len(annotations) >= MOST_ANNOTATIONS:
            raise Malformed(f"there are more than {MOST_ANNOTATIONS} annotations of it")
        annotations.append(pack(label))

    def paint(self, name: str, regions: Iterable[tuple[int, Region]]) -> None:
        """Add an annotator's (number of the class, region) as `add_mask` does; a later region covers an earlier one.

        Regions without a pixel are left out, and an annotation of nothing else is no annotation.
        """
        self._paint(name, self._with_area(regions))

    def paint_by_size(self, name: str, regions: Iterable[tuple[int, Region]]) -> None:
        """Add regions as `paint` does, but a smaller region covers a larger one, and of equal ones the later."""
        width, height = self.known[name]
        # Holds the size of the region that each pixel belongs to, so that no region is kept in memory or made twice.
        owner = np.full((height, width), width * height, dtype=np.uint32)

        def visible() -> Iterator[tuple[int, Region]]:
            for number, region in self._with_area(regions):
                size, below = np.count_nonzero(region.bits), region.of(owner)
                bits = region.bits & (below >= size)
                below[bits] = size
                yield number, region._replace(bits=bits)

        self._paint(name, visible())

    def _with_area(self, regions: Iterable[tuple[int, Region]]) -> Iterator[tuple[int, Region]]:
        """Yield the regions that have a pixel, and count those that have none, and polygons without area."""
        for number, region in regions:
            filled = bool(region.bits.any())
            self._without_area += region.left_out if filled else max(1, region.left_out)
            if filled:
                yield number, region

    def _paint(self, name: str, regions: Iterable[tuple[int, Region]]) -> None:
        width, height = self.known[name]
        mask = np.full((height, width), IGNORED if self.background is None else self.background, dtype=np.uint8)
        painted = meant = False
        left_out = self._without_area
        for number, region in regions:
            region.of(mask)[region.bits] = number
            painted, meant = True, meant or (number == IGNORED and bool(region.bits.any()))
        if not painted and self._without_area > left_out:
            self._emptied += 1
        else:
            self.add_mask(name, mask, meant=meant)

    def settle(self, on_disagreement: OnDisagreement) -> Imported:
        """Return one label for each image; `on_disagreement` decides where annotators differ."""
        labels: dict[str, int | PackedMask] = {}
        disagreements: list[tuple[str, float]] = []
        for name, packed in sorted(self.by_image.items()):
            labels[name] = packed[0]
            if packed.count(packed[0]) == len(packed):
                continue
            different = [unpack(label) for label in packed]
            share = agreement(different)
            disagreements.append((name, share))
            if on_disagreement == "stop":
                self.problems.append(f"{shown(name)}: {_differ(len(different), share, self.kind)}.")
            elif on_disagreement == "ignore-pixels":
                labels[name] = pack(_common_pixels(different))
        return Imported(Labels({} if self.problems else labels), self.problems, disagreements, self.notes)


def agreement(labels: Sequence[Label]) -> float:
    """Return the share that the annotators of one image agree on, 0 to 1: the mean over all pairs of annotators.

    A pair's share is 0 or 1 for classes. For masks it is the share of equal pixels among the pixels that at least one
    annotator of the pair labelled.
    """
    shares = []
    for first, second in combinations(map(np.asarray, labels), 2):
        labelled = (first != IGNORED) | (second != IGNORED)
        shares.append(float((first == second)[labelled].mean()) if labelled.any() else 1.0)
    return sum(shares) / len(shares) if shares else 1.0


def _common_pixels(masks: Sequence[Label]) -> Mask:
    common = np.array(masks[0], dtype=np.uint8)
    for mask in masks[1:]:
        common[common != mask] = IGNORED
    return common


def _differ(count: int, share: float, kind: Kind) -> str:
    what = "pairs of annotators name one class" if kind == "image" else "of the labelled pixels are the same"
    text = f"{count} annotations of it differ ({100 * share:.1f} % {what}); withdraw all but one, or say "
    return text + "--on-disagreement first" + (" or ignore-pixels" if kind == "pixel" else "")
