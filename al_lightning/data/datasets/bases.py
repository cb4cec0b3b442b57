"""Bases of datasets: both sets made at once; image files with an order in time and a held-out test set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import ImageFiles, Images, time_order
from al_lightning.data.split import hold_out
from al_lightning.pool import Pool


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

    def _time_order(self, files: Sequence[Path]) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
        return time_order([path.stem for path in files], self.sequence_pattern)

    def _hold_out(self, files: Sequence[Path], groups: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return (kept, held out) positions: the last images of each sequence, or random ones of each group."""
        if self.label_folder is not None and self.test_share == 0:
            return list(range(len(files))), []
        sequence, frame = self._time_order(files)
        return hold_out(sequence or groups, self.test_share, frame)
