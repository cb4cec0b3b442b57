"""Bases of datasets: both sets made at once; image files with an order in time and a held-out test set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import ImageFiles, Images, time_order
from al_lightning.data.remarks import Remark
from al_lightning.data.turned_images import turned_images
from al_lightning.errors import DatasetError, require
from al_lightning.pool import Pool
from al_lightning.seeding import generator


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

    @property
    @abstractmethod
    def _sets(self) -> tuple[ImageFiles, ImageFiles]: ...

    def pool(self) -> Pool:
        """Return the pool, with the sequence and frame that `sequence_pattern` reads from file names."""
        images = self._sets[0]
        files = [images.file(index) for index in range(len(images))]
        return Pool(len(files), (), *self._time_order(files))

    def remarks(self) -> Sequence[Remark]:
        """Return how many images are turned by their EXIF orientation; official files are as they were published."""
        files = self.image_files() if self.people_may_label else ()
        turned = turned_images(files, self.known_files("orientations"))
        return [*super().remarks(), *map(Remark, turned.sentences(self.labels == "pixel"))]

    def _time_order(self, files: Sequence[Path]) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
        return time_order([path.stem for path in files], self.sequence_pattern)

    def _hold_out(self, files: Sequence[Path], groups: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return (kept, held out) positions: the last images of each sequence, or random ones of each group."""
        if self.label_folder is not None and self.test_share == 0:
            return list(range(len(files))), []
        sequence, frame = self._time_order(files)
        return hold_out(sequence or groups, self.test_share, frame)


def hold_out(groups: Sequence[int], share: float, order: Sequence[int] | None = None) -> tuple[list[int], list[int]]:
    """Split positions into (kept, held out), with about the same share of every group.

    Args:
        groups: (N,) group of each image: its class, or its sequence.
        share: share of each group that is held out, 0 < share < 1; at least one image of a group with two or more.
        order: (N,) time within the group. With it, the last images of each group are held out, since neighbours in
            time are near-duplicates and must not be on both sides; without it, random ones.

    Raises:
        UsageError: the share is not between 0 and 1.
        DatasetError: each group has a single image.
    """
    require("data.test_share", share, above=0, below=1)
    group = np.asarray(groups)
    rank = np.asarray(order) if order is not None else generator("holdout", len(group)).permutation(len(group))
    held: list[int] = []
    for value in np.unique(group):
        members = np.flatnonzero(group == value)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        held.extend(int(member) for member in members[np.argsort(rank[members], kind="stable")][len(members) - count :])
    if not held:
        raise DatasetError(
            f"No test set can be held out: each of the {len(np.unique(group))} groups (classes or sequences) has "
            "a single image. Name a test set."
        )
    out = set(held)
    return [position for position in range(len(group)) if position not in out], sorted(out)
