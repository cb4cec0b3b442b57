"""Folders of images to audit, with or without masks; class names are not needed, and files may be damaged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from al_lightning.data.binary_masks import are_binary, binary_table
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, Images, list_images, read_image, read_mask
from al_lightning.data.known_files import KnownFiles
from al_lightning.data.remarks import Remark
from al_lightning.errors import DatasetError, from_home

Pair = tuple[Path, Path | None]
_IDS: Array = np.arange(256, dtype=np.uint8)
"""The identity mapping of label ids. 255 means ignore; 254 marks unknown ids and is reported."""


class FolderImages(Images):
    """Image files at their own size, each with or without a mask.

    Args:
        pairs: (image, mask) paths; reading a missing mask is an error.
        table: (256,) class of each label id.
    """

    def __init__(self, pairs: Sequence[Pair], table: Array = _IDS) -> None:
        self.pairs = pairs
        self.table = table

    def __len__(self) -> int:
        return len(self.pairs)

    def image(self, index: int) -> Array:
        """Read the image, (H, W, 3) uint8."""
        return read_image(self.pairs[index][0])

    def label(self, index: int) -> Array:
        """Read the mask's label ids, (H, W) uint8."""
        image, mask = self.pairs[index]
        if mask is None:
            raise DatasetError(f"The image {image} has no mask: no folder of masks was given.")
        return read_mask(mask, self.table, None, image)

    def name(self, index: int) -> str:
        """Return the image's path."""
        return str(self.pairs[index][0])


class AuditFolder(PoolDataset):
    """A folder of images as a dataset for the audit.

    Its subfolders `train` and `test` are pool and test set. Without these two, all images are the pool, and there is no
    test set. A mask has the relative path of its image below the folder of masks, with the suffix .png.

    Args:
        images: folder of the images, including its subfolders.
        masks: folder of the masks, one channel of label ids; None without masks.
        sequence_pattern: regular expression over the stems of file names, with groups `sequence` and `frame`.
    """

    folder = "images"

    def __init__(self, images: Path, masks: Path | None = None, sequence_pattern: str | None = None) -> None:
        super().__init__(root=str(images))
        self.masks = from_home("--masks", masks) if masks is not None else None
        self.sequence_pattern = sequence_pattern

    @cached_property
    def _pairs(self) -> dict[str, list[Pair]]:
        """The pairs of the folders `train` and `test`."""
        for folder, option in ((self.root, "--images"), (self.masks, "--masks")):
            if folder is not None and not folder.is_dir():
                raise DatasetError(f"There is no folder {folder}; name an existing one with {option} DIR.")
        files = list_images(self.root)
        if not files:
            raise DatasetError(f"{self.root} and its subfolders hold no images (jpg, png, bmp, tif, webp, ppm).")
        split = all((self.root / side).is_dir() for side in ("train", "test"))
        sides: dict[str, list[Pair]] = {"train": [], "test": []}
        for path in files:
            part = path.relative_to(self.root)
            if split and part.parts[0] not in sides:
                continue
            mask = (self.masks / part).with_suffix(".png") if self.masks is not None else None
            sides[part.parts[0] if split else "train"].append((path, mask))
        return sides

    @cached_property
    def is_binary(self) -> bool:
        """Whether the masks that exist hold the ids 0 and 255 alone, which are two classes then."""
        masks = [mask for pairs in self._pairs.values() for _, mask in pairs if mask is not None]
        return are_binary(masks, KnownFiles(None, self.root))

    def _images(self, side: str) -> FolderImages:
        return FolderImages(self._pairs[side], binary_table() if self.is_binary else _IDS)

    def build_train(self) -> Images:
        """Return the pool."""
        return self._images("train")

    def build_test(self) -> Images:
        """Return the test set; it may be empty."""
        return self._images("test")

    @property
    def class_names(self) -> Sequence[str]:
        """A name for each possible label id."""
        return [f"label id {value}" for value in ((0, 255) if self.is_binary else range(255))]

    def remarks(self) -> Sequence[Remark]:
        """Return what the ids 0 and 255 were taken for."""
        text = "The masks hold the ids 0 and 255 alone, which are two classes then: 255 is none to ignore."
        return [Remark(text)] if self.is_binary else []
