"""Bases of datasets: both sets made at once; image files with an order in time and a held-out test set."""

from __future__ import annotations

import itertools
import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from al_lightning.data.cache.recipe import hash_of_files, key_of
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import ImageFiles, Images
from al_lightning.data.known_files import DECODED
from al_lightning.data.name_order import time_order
from al_lightning.data.pool_split import FORMAT, QUIET, Reading, Split, divide_images, read_split, write_split
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
    _reading: Reading = QUIET
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
        """Return how the test set was held out; of one's own images also their size as read, and how many are turned.

        Official files are as they were published, so their headers are not looked at.
        """
        split = self.find_split()
        held_out = split.remarks if split is not None else ()
        if not self.people_may_label:
            return [*super().remarks(), *held_out]
        turned = turned_images(self.image_files(), self.known_files("orientations"), self.labels == "pixel")
        return [*super().remarks(), Remark(self._read_size()), *held_out, *map(Remark, turned)]

    def _read_size(self) -> str:
        """Return a sentence about the size at which images are read."""
        if (size := self._sets[0].size) is None:
            return "images are read at the sizes of their files"
        return f"images are read at {size[0]} x {size[1]} (height x width); --data.size '[H, W]' changes that"

    def find_split(self, reading: Reading = QUIET) -> Split | None:
        """Return how the images are split where no test set is named; the first call may read them all."""
        self._reading = reading
        try:
            _ = self._sets
        finally:
            self._reading = QUIET
        return self._split

    def cache_split(self) -> None:
        """Write the split into the folder of the caches, where later runs on the same files find it.

        Raises:
            ALError: it cannot be written.
        """
        split = self.find_split()
        if split is None or self._whole is None or (file := self._cache_of_split(self._whole)) is None:
            return
        if read_split(file, split.origin) is None:
            write_split(file, split)

    def _hold_out(self, images: ImageFiles, classes: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return the positions of pool and test set among images with these classes; see `hold_out.divide`."""
        if self.label_folder is not None and self.test_share == 0:
            return list(range(len(images))), []
        names = [images.name(index).removeprefix(f"{self.root}{os.sep}") for index in range(len(images))]
        origin = origin_of(arguments=repr(sorted(self.arguments.items())), names=names)
        if self._split is None:
            self._whole = images
            self._split = self._make_split(images, names, classes, origin)
        elif self._split.origin != origin:  # taken from a dataset on the same files with another size of images
            self._split = replace(self._split, origin=origin)
        return self._split.positions(names)

    def _make_split(self, images: ImageFiles, names: Sequence[str], classes: Sequence[str], origin: str) -> Split:
        """Return the split that the run or a cache keeps; without one, read the images and divide them."""
        if split := read_split(self.split_file, origin) or read_split(self._cache_of_split(images), origin):
            return split
        reading, decoded = self._reading, self.known_files(DECODED)
        workers = self.workers if reading.workers is None else reading.workers
        division = divide_images(images, classes, self.test_share, self.sequence_pattern, reading, workers, decoded)
        test, left_out = (tuple(itertools.compress(names, part)) for part in (division.held, division.left_out))
        return Split(test, left_out, division.remarks, origin)

    def _cache_of_split(self, images: ImageFiles) -> Path | None:
        """Return the file of the split in the folder of the caches; None without caches."""
        if self.cache_folder is None:
            return None
        files = hash_of_files(self.root, (images,))
        recipe = {"format": str(FORMAT), **self.maker(), "near-duplicates": LOOK_ALIKE, "files": files}
        return self.cache_folder / f"split_{key_of(recipe)}.json"
