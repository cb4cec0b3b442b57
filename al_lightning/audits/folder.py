"""Folders of images to audit, with or without masks; class names are not needed, and files may be damaged."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from al_lightning.data.binary_masks import are_binary, binary_table
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.headers import NAMED
from al_lightning.data.images import Array, Images
from al_lightning.data.inventory import not_used
from al_lightning.data.known_files import KnownFiles
from al_lightning.data.labelled_files import MaskFiles
from al_lightning.data.mappings import find_mapping, load_mapping
from al_lightning.data.mask_folders import MaskFolders, Pair, mask_folders, shared_label
from al_lightning.data.masks import Colours
from al_lightning.data.pool_split import Progress
from al_lightning.data.read import read
from al_lightning.data.remarks import Remark
from al_lightning.data.turned_images import turned_images
from al_lightning.errors import DatasetError, from_home
from al_lightning.labels.content import count_of

_IDS: Array = np.arange(256, dtype=np.uint8)
"""The identity mapping of label ids. 255 means ignore; 254 marks unknown ids and is reported."""


LABEL_FOLDERS = {"masks", "labels", "annotations", "segmentationclass"}
"""Names of folders, in small letters, that usually hold labels."""


class FolderImages(MaskFiles):
    """Image files, each with a mask; a mask of several images cannot be read."""

    def __init__(self, pairs: Sequence[Pair], table: Array | Colours, size: tuple[int, int] | None) -> None:
        super().__init__(pairs, table, size)
        self.images_of: dict[Path, list[Path]] = defaultdict(list)
        for image, mask in pairs:
            self.images_of[mask].append(image)

    def label(self, index: int) -> Array:
        """Read the mask's label ids, or its classes where a mapping gives them, (H, W) uint8."""
        mask = self.pairs[index][1]
        if len(images := self.images_of[mask]) > 1:
            raise shared_label(images[0], images[1], mask)
        return super().label(index)


class AuditFolder(PoolDataset):
    """A folder of images as a dataset for the audit.

    Its folders of a training set and a test set (`train` and `test`, in other spellings too) are pool and test set.
    Without these two, all images are the pool, and there is no test set. A mask has the relative path of its image
    below the folder of masks, with the suffix .png.

    Masks hold label ids, which need no names here, or colours, whose classes a mapping names.

    Args:
        images: folder of the images, including its subfolders.
        masks: folder of the masks; None without masks.
        sequence_pattern: regular expression over the stems of file names, with groups `sequence` and `frame`.
        mapping: file with the class of each colour or label id, as `data.mapping` of `MaskFolder`.
        size: (height, width) to which images are resized; None keeps their sizes.
        **options: see PoolDataset.
    """

    folder = "images"
    left_out: Collection[Path] = ()
    """Images that are left out, set before the dataset is read. A recipe names the files, so no argument is needed."""

    def __init__(
        self,
        images: Path,
        masks: Path | None = None,
        sequence_pattern: str | None = None,
        mapping: str | None = None,
        size: tuple[int, int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(root=str(images), **options)
        self.size = size
        self.masks = from_home("--masks", masks) if masks is not None else None
        self.sequence_pattern = sequence_pattern
        self.mapping_file = mapping
        self.mapping = load_mapping(find_mapping(mapping, root=self.root)) if mapping else None

    @cached_property
    def found(self) -> MaskFolders:
        """What the folders hold. Without masks, each image is paired with a file that nobody reads."""
        for folder, option in ((self.root, "--images"), (self.masks, "--masks")):
            if folder is not None and not folder.is_dir():
                raise DatasetError(f"There is no folder {folder}; name an existing one with {option} DIR.")
        found = mask_folders(self.root, self.masks or self.root)
        if not found.inventory.images:
            left_out = "".join(f"; {sentence}" for sentence in not_used(self.root, found.unused))
            raise DatasetError(f"{self.root} and its subfolders hold no images ({NAMED}){left_out}.")
        if not self.left_out:
            return found
        train, test = (
            [pair for pair in pairs or () if pair[0] not in self.left_out] for pairs in (found.train, found.test)
        )
        return replace(found, train=train, test=test if found.test is not None else None)

    @cached_property
    def is_binary(self) -> bool:
        """Whether the masks that exist hold the ids 0 and 255 alone, which are two classes then."""
        by_id = self.masks is not None and self.mapping is None
        pairs = [*self.found.train, *(self.found.test or ())] if by_id else ()
        return are_binary([mask for _, mask in pairs], KnownFiles(None, self.root))

    def _images(self, pairs: Sequence[Pair]) -> FolderImages:
        ids = binary_table() if self.is_binary else _IDS
        return FolderImages(pairs, self.mapping.table if self.mapping is not None else ids, self.size)

    def build_train(self) -> Images:
        """Return the pool."""
        return self._images(self.found.train)

    def build_test(self) -> Images:
        """Return the test set; it may be empty."""
        return self._images(self.found.test or ())

    @property
    def class_names(self) -> Sequence[str]:
        """The mapping's classes, else a name for each possible label id."""
        if self.mapping is not None:
            return self.mapping.classes
        return [f"label id {value}" for value in ((0, 255) if self.is_binary else range(255))]

    def remarks(self) -> Sequence[Remark]:
        """Return what was taken for what, what of the folder is not used, and how many images are turned."""
        sentences = [*self.found.sentences(), *self._likely_masks()]
        if self.is_binary:
            sentences.append("the masks hold the ids 0 and 255 alone, which are two classes then: 255 is not ignored")
        sentences += turned_images(self.image_files(), KnownFiles(None, self.root), self.masks is not None)
        return [Remark(sentence) for sentence in sentences]

    def _likely_masks(self) -> list[str]:
        """Return a sentence for each folder below ROOT that is called as labels are, where no masks are named."""
        if self.masks is not None:
            return []
        places = [image.relative_to(self.root).parts[0] for image, _ in self.found.train]
        counts = Counter(place for place in places if place.lower() in LABEL_FOLDERS)
        return [
            f"{count_of(count, 'file')} in {self.root / place} count as images; if they are labels, name the folders "
            f"of both: --images DIR --masks {self.root / place}"
            for place, count in sorted(counts.items())
        ]


def folder_to_encode(images: Path, like: PoolDataset, left_out: Collection[Path] = ()) -> AuditFolder:
    """Return a folder of any images, read as the images of another dataset are: in its size, normalised as these.

    Args:
        images: the folder.
        like: the other dataset.
        left_out: images that are left out.
    """
    mean, std = like.mean.flatten().tolist(), like.std.flatten().tolist()
    folder = AuditFolder(
        images.resolve(),
        size=getattr(like, "size", None),
        eval_batch_size=like.eval_batch_size,
        workers=like.workers,
        mean=tuple(mean),
        std=tuple(std),
        cache=like.cache,
        timeout=like.timeout,
    )
    folder.left_out = frozenset(left_out)
    return folder


def broken_images(folder: AuditFolder, progress: Progress) -> list[Path]:
    """Read each image once, in parallel; return the files of those that cannot be read.

    Args:
        folder: the images.
        progress: called with (what, done, total) to show progress.
    """
    broken = []
    for images in folder.file_sets:
        workers = min(8, os.cpu_count() or 1)
        contents = read(images, folder.num_classes, False, workers, partial(progress, "reading images"))
        lost = sorted(set(range(len(images))).difference(contents.positions))
        broken += [images.sources(index)[0] for index in lost]
    return broken
