"""Folders of images to audit, with or without masks; class names are not needed, and files may be damaged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from al_lightning.data.binary_masks import are_binary, binary_table
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.headers import NAMED
from al_lightning.data.images import Array, Images, read_image
from al_lightning.data.inventory import Inventory, inventory_of, not_used
from al_lightning.data.known_files import KnownFiles
from al_lightning.data.mask_folders import Masks, shared_label, sides_of
from al_lightning.data.masks import read_mask
from al_lightning.data.remarks import Remark
from al_lightning.data.splits import Splits, splits_of
from al_lightning.data.turned_images import turned_images
from al_lightning.errors import DatasetError, from_home

Pair = tuple[Path, Path | None]
_IDS: Array = np.arange(256, dtype=np.uint8)
"""The identity mapping of label ids. 255 means ignore; 254 marks unknown ids and is reported."""


class FolderImages(Images):
    """Image files at their own size, each with or without a mask.

    Args:
        pairs: (image, mask) paths; reading a mask that is missing, or that belongs to several images, is an error.
        table: (256,) class of each label id.
    """

    def __init__(self, pairs: Sequence[Pair], table: Array = _IDS) -> None:
        self.pairs = pairs
        self.table = table
        self.images_of: dict[Path | None, list[Path]] = defaultdict(list)
        for image, mask in pairs:
            self.images_of[mask].append(image)

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
        if len(images := self.images_of[mask]) > 1:
            raise shared_label(images[0], images[1], mask)
        return read_mask(mask, self.table, None, image)

    def name(self, index: int) -> str:
        """Return the image's path."""
        return str(self.pairs[index][0])


class AuditFolder(PoolDataset):
    """A folder of images as a dataset for the audit.

    Its folders of a training set and a test set (`train` and `test`, in other spellings too) are pool and test set.
    Without these two, all images are the pool, and there is no test set. A mask has the relative path of its image
    below the folder of masks, with the suffix .png.

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
    def inventory(self) -> Inventory:
        """What the folder of the images holds."""
        for folder, option in ((self.root, "--images"), (self.masks, "--masks")):
            if folder is not None and not folder.is_dir():
                raise DatasetError(f"There is no folder {folder}; name an existing one with {option} DIR.")
        found = inventory_of(self.root)
        if not found.images:
            left_out = "".join(f"; {sentence}" for sentence in not_used(self.root, found.unused))
            raise DatasetError(f"{self.root} and its subfolders hold no images ({NAMED}){left_out}.")
        return found

    @cached_property
    def splits(self) -> Splits | None:
        """The folders of pool and test set; None where all images are the pool."""
        return splits_of(self.inventory)

    @cached_property
    def _pairs(self) -> tuple[list[Pair], list[Pair]]:
        """(pairs of the pool, pairs of the test set)."""
        train, test, _ = sides_of(self.inventory, self.splits, self.masks)
        masks = Masks(self.masks) if self.masks is not None else None
        pool, held = (
            [(image, masks.of(Path(*self.inventory.below(image))) if masks is not None else None) for image in images]
            for images in (train, test)
        )
        return pool, held

    @property
    def pool_files(self) -> list[Path]:
        """The image files of the pool."""
        return [image for image, _ in self._pairs[0]]

    @cached_property
    def is_binary(self) -> bool:
        """Whether the masks that exist hold the ids 0 and 255 alone, which are two classes then."""
        masks = [mask for pairs in self._pairs for _, mask in pairs if mask is not None]
        return are_binary(masks, KnownFiles(None, self.root))

    def _images(self, pairs: Sequence[Pair]) -> FolderImages:
        return FolderImages(pairs, binary_table() if self.is_binary else _IDS)

    def build_train(self) -> Images:
        """Return the pool."""
        return self._images(self._pairs[0])

    def build_test(self) -> Images:
        """Return the test set; it may be empty."""
        return self._images(self._pairs[1])

    @property
    def class_names(self) -> Sequence[str]:
        """A name for each possible label id."""
        return [f"label id {value}" for value in ((0, 255) if self.is_binary else range(255))]

    def remarks(self) -> Sequence[Remark]:
        """Return what was taken for what, what of the folder is not used, and how many images are turned."""
        sentences = list(self.splits.sentences(self.root)) if self.splits is not None else []
        sentences += not_used(self.root, sides_of(self.inventory, self.splits, self.masks)[2])
        if self.is_binary:
            sentences.append("the masks hold the ids 0 and 255 alone, which are two classes then: 255 is not ignored")
        sentences += turned_images(self.image_files(), KnownFiles(None, self.root)).sentences(self.masks is not None)
        return [Remark(sentence) for sentence in sentences]
