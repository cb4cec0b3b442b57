"""What labels hold: pixels and images of each class, and what no network can learn from. Shared by all commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from al_lightning.errors import MissingFile, SeveralImages, SharedLabel, SizesDiffer, TooManyPixels, UnknownLabel

Counts = npt.NDArray[np.int64]

IGNORED = 255
"""The value of pixels that are neither trained on nor scored."""
MOST_IGNORED = 0.5
"""Share of the pixels of a set's labels that may be ignored: beyond it, an id is rather misread than missing."""
LEAST_CLASSES = 2
"""Classes that the labels of a set must hold."""

UNREADABLE_IMAGE, UNREADABLE_LABEL = "unreadable image", "unreadable label"
MISSING, SIZES, UNKNOWN, VOID = "missing label", "sizes differ", "label id outside the mapping", "mask all void"
SEVERAL, SHARED, LARGE = "several images in a file", "label of several images", "too many pixels"
IMAGE_KINDS: Mapping[type[Exception], str] = {SeveralImages: SEVERAL, TooManyPixels: LARGE}
"""Errors of the readers of images, and the kind of trouble that each is; any other is an unreadable image."""
KINDS: Mapping[type[Exception], str] = {
    MissingFile: MISSING,
    SizesDiffer: SIZES,
    UnknownLabel: UNKNOWN,
    SharedLabel: SHARED,
    **IMAGE_KINDS,
}
"""Errors of the readers of labels, and the kind of trouble that each is; any other is an unreadable label."""
WORDS: Mapping[str, tuple[str, str]] = {
    SIZES: ("image and label of different sizes", "images and labels of different sizes"),
    UNKNOWN: ("label with ids outside the mapping", "labels with ids outside the mapping"),
    SEVERAL: ("file that holds several images", "files that hold several images"),
    SHARED: ("image that shares its label with another one", "images that share a label"),
    LARGE: ("image of too many pixels", "images of too many pixels"),
    VOID: ("mask that is all void", "masks that are all void"),
}
"""Singular and plural of the kinds of trouble that do not just take an s."""


@dataclass
class LabelCounts:
    """Counts of the labels of a set.

    Attributes:
        pixels: (B,) pixels of each class (images where there is a class per image); B is at least 256.
        images: (B,) images with each class.
        labels: number of labels.
        per_pixel: whether any label has a class per pixel; 255 then is ignored.
    """

    pixels: Counts
    images: Counts
    labels: int = 0
    per_pixel: bool = False

    @classmethod
    def empty(cls, num_classes: int) -> LabelCounts:
        """Return the counts of no labels."""
        bins = max(256, num_classes)
        return cls(np.zeros(bins, dtype=np.int64), np.zeros(bins, dtype=np.int64))

    def add_label(self, label: npt.NDArray[np.integer]) -> None:
        """Count a label: a class, or (H, W) classes. `fault_of` must have found nothing wrong with it."""
        counts = np.bincount(label.ravel(), minlength=len(self.pixels))
        self.pixels += counts
        self.images += counts > 0
        self.labels += 1
        self.per_pixel |= label.ndim > 0

    def add_classes(self, classes: npt.NDArray[np.integer]) -> None:
        """Count (N,) labels of a class per image."""
        counts = np.bincount(classes, minlength=len(self.pixels))
        self.pixels += counts
        self.images += counts
        self.labels += len(classes)

    def add_pixels(self, pixels: Mapping[int, int], per_pixel: bool) -> None:
        """Count a label by the number of its pixels of each class."""
        for value, count in pixels.items():
            self.pixels[value] += count
            self.images[value] += count > 0
        self.labels += 1
        self.per_pixel |= per_pixel

    def add(self, other: LabelCounts) -> None:
        """Add the counts of other labels."""
        self.pixels += other.pixels
        self.images += other.images
        self.labels += other.labels
        self.per_pixel |= other.per_pixel

    @property
    def ignored(self) -> float:
        """The share of ignored pixels, 0 to 1; 0 where there is a class per image."""
        return float(self.pixels[IGNORED] / max(1, self.pixels.sum())) if self.per_pixel else 0.0

    def absent(self, names: Sequence[str]) -> list[str]:
        """Return the names of the classes that no label has, of the names of all classes; none without labels."""
        return [name for name, images in zip(names, self.images, strict=False) if self.labels and not images]

    def present(self, names: Sequence[str]) -> list[str]:
        """Return the names of the classes that some label has."""
        return [name for name, images in zip(names, self.images, strict=False) if images]


def fault_of(
    label: npt.NDArray[np.integer], shape: tuple[int, int] | None, num_classes: int, name: str
) -> tuple[str, str] | None:
    """Return the kind of what is wrong with a label, and a sentence; None where nothing is.

    Args:
        label: a class, or (H, W) classes.
        shape: (H, W) of its image, where that is known.
        num_classes: C; classes are below C, and pixels may be 255.
        name: of the image.
    """
    if label.ndim and shape is not None and label.shape != shape:
        sizes = f"{label.shape[0]} x {label.shape[1]}, the image {shape[0]} x {shape[1]}"
        return SIZES, f"The label of {name} is {sizes} (height x width)."
    outside = (label < 0) | (label >= num_classes)
    if label.ndim:
        outside &= label != IGNORED
    if outside.any():
        ids = ", ".join(str(value) for value in np.unique(label[outside])[:5])
        return UNKNOWN, f"The label of {name} has unknown label ids {ids}."
    return None


def absent_text(where: str, names: Sequence[str]) -> str:
    """Return that classes are absent, in a sentence; "" where none is."""
    if not names:
        return ""
    are = "class is" if len(names) == 1 else "classes are"
    return f"{len(names)} {are} absent from {where}: {some(names)}."


def doubts(counts: LabelCounts, names: Sequence[str], where: str) -> list[str]:
    """Return why no network can learn from a set's labels, or be tested on them; empty where it can.

    Args:
        counts: of the labels that exist; without any there is no doubt.
        names: of all classes.
        where: the set in words, "the pool".
    """
    if not counts.labels:
        return []
    texts, present = [], counts.present(names)
    if counts.ignored > MOST_IGNORED:
        share = "All" if counts.ignored == 1 else f"{100 * counts.ignored:.1f} % of all"
        texts.append(f"{share} pixels of the labels of {where} are ignored ({IGNORED}).")
    if len(present) < LEAST_CLASSES and counts.ignored < 1:
        what = f"the single class {present[0]}" if present else "none of the classes"
        texts.append(f"The labels of {where} hold {what}; at least two are needed.")
    return texts


def count_of(number: int, noun: str) -> str:
    """Return a number and what it counts, in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def some(names: Sequence[str], most: int = 6) -> str:
    """Return the first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
