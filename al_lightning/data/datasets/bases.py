"""Bases of datasets: both sets made at once; image files with an order in time and a held-out test set."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from al_lightning.data.cache.recipe import decoders, hash_of_files, key_of
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import ImageFiles, Images
from al_lightning.data.name_order import time_order
from al_lightning.data.pool_split import (
    FORMAT,
    Progress,
    Reading,
    Say,
    Split,
    divide_images,
    log,
    read_split,
    write_split,
)
from al_lightning.data.remarks import Remark
from al_lightning.data.turned_images import turned_images
from al_lightning.duplicates.relation import LOOK_ALIKE
from al_lightning.pool import Pool
from al_lightning.runs.seals import origin_of


class SplitDataset(PoolDataset):
    """A dataset that makes both sets at once, in `_sets`, instead of in `build_train` and `build_test`."""

    @property
    @abstractmethod
    def _sets(self) -> tuple[Images, Images]:
        """(training set, test set), which a subclass makes once."""

    def build_train(self) -> Images:
        """Return the training set."""
        return self._sets[0]

    def build_test(self) -> Images:
        """Return the test set."""
        return self._sets[1]


class FileDataset(SplitDataset):
    """A dataset of image files."""

    sequence_pattern: str | None = None
    """Regular expression over a file's name without ending, with groups `sequence` and `frame`."""
    test_share: float = 0.0
    """Share of the pool that is held out as test set where the data have no test set."""
    _split: Split | None = None
    _reading: Reading | None = None
    _whole: ImageFiles | None = None
    """The images before the split, where this object made or found it."""

    @property
    @abstractmethod
    def _sets(self) -> tuple[ImageFiles, ImageFiles]: ...

    def pool(self) -> Pool:
        """Return the pool, with the sequence and frame that `sequence_pattern` reads from file names."""
        images = self._sets[0]
        stems = [images.file(index).stem for index in range(len(images))]
        return Pool(len(stems), (), *time_order(stems, self.sequence_pattern))

    def remarks(self) -> Sequence[Remark]:
        """Return how the test set was held out, where none is named, and how many images are turned by their EXIF data.

        Official files are as they were published, so their headers are not looked at.
        """
        split = self.find_split()
        files = self.image_files() if self.people_may_label else ()
        turned = turned_images(files, self.known_files("orientations"))
        held_out = split.remarks if split is not None else ()
        return [*super().remarks(), *held_out, *map(Remark, turned.sentences(self.labels == "pixel"))]

    def find_split(
        self,
        say: Say = log.info,
        progress: Progress = lambda what, done, total: None,
        workers: int | None = None,
    ) -> Split | None:
        """Return how the images are split where no test set is named; the first call may read them all."""
        self._reading = Reading(say, progress, self.workers if workers is None else workers)
        try:
            _ = self._sets
        finally:
            self._reading = None
        return self._split

    def take_split(self, split: Split | None) -> None:
        """Use the split that another process found."""
        self._split = split

    def cache_split(self) -> None:
        """Write the split into the folder of the caches, where later runs on the same files find it.

        Raises:
            ALError: it cannot be written.
        """
        split, folder = self.find_split(), self.cache_folder
        if split is None or folder is None or self._whole is None:
            return
        file = self._cache_of_split(folder, self._whole)
        if read_split(file, split.origin) is None:
            write_split(file, split)

    def _hold_out(self, images: ImageFiles, classes: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return the positions of pool and test set among images with these classes; see `hold_out.divide`."""
        if self.label_folder is not None and self.test_share == 0:
            return list(range(len(images))), []
        names = [images.name(index).removeprefix(f"{self.root}{os.sep}") for index in range(len(images))]
        if self._split is None:
            self._whole = images
            self._split = self._make_split(images, names, classes)
        return self._split.positions(names)

    def _make_split(self, images: ImageFiles, names: Sequence[str], classes: Sequence[str]) -> Split:
        """Return the split that the run or a cache keeps; without one, read the images and divide them."""
        origin = origin_of(arguments=repr(sorted(self.arguments.items())), names=list(names))
        if self.split_file is not None and (kept := read_split(self.split_file, origin)) is not None:
            return kept
        folder = self.cache_folder
        if folder is not None and folder.is_dir():
            cached = read_split(self._cache_of_split(folder, images), origin)
            if cached is not None:
                return cached
        reading = self._reading or Reading(log.info, lambda what, done, total: None, self.workers)
        division = divide_images(images, classes, self.test_share, self.sequence_pattern, reading)
        test, left_out = (
            tuple(name for name, chosen in zip(names, part, strict=True) if chosen)
            for part in (division.held, division.left_out)
        )
        return Split(test, left_out, division.remarks, origin)

    def _cache_of_split(self, folder: Path, images: ImageFiles) -> Path:
        """Return the file of the split in the folder of the caches."""
        recipe = {
            "format": str(FORMAT),
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "pixels": str(self.pixels),
            "decoders": decoders(),
            "near-duplicates": LOOK_ALIKE,
            "arguments": repr(sorted(self.arguments.items())),
            "files": hash_of_files(self.root, (images,)),
        }
        return folder / f"split_{key_of(recipe)}.json"
