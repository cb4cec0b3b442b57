"""Folders of images to audit, with masks or without: no names of classes are needed, and no file has to be right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, Images, list_images, read_image, read_mask
from al_lightning.errors import DatasetError, from_home

Pair = tuple[Path, Path | None]
_IDS: Array = np.arange(256, dtype=np.uint8)
"""Label ids as they are; 255 means ignore, and 254 is reported, for it is what marks an unknown id."""


class FolderImages(Images):
    """Image files as they are, each with a mask or without.

    Args:
        pairs: (image, mask) paths; a mask that is not there is reported when it is read.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def image(self, index: int) -> Array:
        """Read the image at its own size."""
        return read_image(self.pairs[index][0])

    def label(self, index: int) -> Array:
        """Read the mask's label ids."""
        image, mask = self.pairs[index]
        if mask is None:
            raise DatasetError(f"The image {image} has no mask: none were named.")
        return read_mask(mask, _IDS, None, image)

    def name(self, index: int) -> str:
        """Return the image's path."""
        return str(self.pairs[index][0])


class AuditFolder(PoolDataset):
    """A folder of images, for the audit alone: nothing about it has to be known or right beforehand.

    Where the folder has the folders `train` and `test`, they are pool and test set; otherwise all images are the pool,
    and there is no test set. Masks have their image's path and name, ending in .png, below their own folder.

    Args:
        images: folder of the images; those in folders below count too.
        masks: folder of the masks, one channel of label ids; None where there are none.
        sequence_pattern: regular expression over the file's name without ending, with groups `sequence` and `frame`.
    """

    folder = "images"

    def __init__(self, images: Path, masks: Path | None = None, sequence_pattern: str | None = None) -> None:
        super().__init__(root=str(images))
        self.masks = from_home("--masks", masks) if masks is not None else None
        self.sequence_pattern = sequence_pattern

    @cached_property
    def _splits(self) -> tuple[FolderImages, FolderImages]:
        for folder, option in ((self.root, "--images"), (self.masks, "--masks")):
            if folder is not None and not folder.is_dir():
                raise DatasetError(f"There is no folder {folder}; name an existing one with {option} DIR.")
        files = list_images(self.root)
        if not files:
            raise DatasetError(f"{self.root} holds no images (jpg, png, bmp, tif, webp, ppm), nor do folders below it.")
        split = all((self.root / side).is_dir() for side in ("train", "test"))
        sides: dict[str, list[Pair]] = {"train": [], "test": []}
        for path in files:
            part = path.relative_to(self.root)
            if split and part.parts[0] not in sides:
                continue
            mask = (self.masks / part).with_suffix(".png") if self.masks is not None else None
            sides[part.parts[0] if split else "train"].append((path, mask))
        return FolderImages(sides["train"]), FolderImages(sides["test"])

    def build_train(self) -> Images:
        """Return the pool."""
        return self._splits[0]

    def build_test(self) -> Images:
        """Return the test set, which may be empty."""
        return self._splits[1]

    @property
    def class_names(self) -> Sequence[str]:
        """All label ids that there can be."""
        return [f"label id {value}" for value in range(255)]
