"""Image files with their labels: a class each, or a label file each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from al_lightning.data.class_folders import NO_CLASS
from al_lightning.data.images import Array, ImageFiles, read_image, repeats
from al_lightning.data.mask_folders import Pair
from al_lightning.data.masks import Colours, read_mask
from al_lightning.errors import DatasetError


class ClassFiles(ImageFiles):
    """Image files, each with one class, or without a class so far (`NO_CLASS`)."""

    def __init__(self, files: Sequence[Path], classes: Sequence[int], size: tuple[int, int] | None) -> None:
        self.files = files
        self.classes = classes
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def image(self, index: int) -> Array:
        """Read the file."""
        return read_image(self.files[index], self.size)

    def sources(self, index: int) -> Sequence[Path]:
        """Return the file."""
        return (self.files[index],)

    def has_label(self, index: int) -> bool:
        """Return whether the image is in a class's folder."""
        return self.classes[index] != NO_CLASS

    def label(self, index: int) -> int:
        """Return the folder's class."""
        if not self.has_label(index):
            raise DatasetError(f"The image {self.files[index]} is in no class's folder.")
        return self.classes[index]

    def name(self, index: int) -> str:
        """Return the path."""
        return str(self.files[index])


class MaskFiles(ImageFiles):
    """Image files, each with a label file.

    Args:
        pairs: (image, label) paths.
        table: (256,) class of each label id, as `label_table` returns it, or the classes of colours.
        size: (height, width) to which both are resized; None keeps their sizes.
    """

    def __init__(self, pairs: Sequence[Pair], table: Array | Colours, size: tuple[int, int] | None) -> None:
        self.pairs = pairs
        self.table = table
        self.size = size
        self.repeats = repeats([image for image, _ in pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def image(self, index: int) -> Array:
        """Read the file."""
        return read_image(self.pairs[index][0], self.size)

    def sources(self, index: int) -> Sequence[Path]:
        """Return the image file and the label file."""
        return self.pairs[index]

    def has_label(self, index: int) -> bool:
        """Return whether the label file exists."""
        return self.pairs[index][1].is_file()

    def label(self, index: int) -> Array:
        """Read the label as classes."""
        image, label = self.pairs[index]
        return read_mask(label, self.table, self.size, image)

    def name(self, index: int) -> str:
        """Return the image's path; repeats of it are numbered."""
        number = self.repeats.get(index)
        return f"{self.pairs[index][0]}{f', repeat {number}' if number else ''}"
