"""CamVid (Brostow et al. 2008), 11 classes as in SegNet's version: driving video at 1 Hz."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from al_lightning.data.datasets.mask_folder import MaskFolder
from al_lightning.data.mask_folders import Pair
from al_lightning.data_sources import SOURCES

CLASSES = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]


class CamVid(MaskFolder):
    """CamVid: the pool is `train` (367 images), the test set is `test` (233); `val` (101) is not used.

    In the sequence 0001TP, the frames of test follow those of train; Seq05VD is in test only.

    Args:
        size: (height, width) to which images and labels are resized; the files are 360 x 480.
        use_val: add `val` to the pool: a clip of 6.7 s at 15 Hz from a gap in train, 101 near-duplicates.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["CamVid"]

    def __init__(self, size: tuple[int, int] | None = (180, 240), use_val: bool = False, **options: Any) -> None:
        super().__init__(
            classes=CLASSES,
            ignore=11,
            size=size,
            train_list="train.txt",
            test_list="test.txt",
            sequence_pattern=r"(?P<sequence>[^_]+)_f?(?P<frame>\d+)",
            **options,
        )
        self.use_val = use_val

    def pair_of_line(self, image: str, label: str) -> Pair:
        """Return the last two parts of each path below root: SegNet's lists have paths of their authors' machine."""
        image_parts, label_parts = (PurePosixPath(name).parts[-2:] for name in (image, label))
        return self.root.joinpath(*image_parts), self.root.joinpath(*label_parts)

    def pairs_of_list(self, name: str) -> list[Pair]:
        """Read a list file; with `use_val`, the list of val is added to that of train."""
        pairs = super().pairs_of_list(name)
        return pairs + super().pairs_of_list("val.txt") if self.use_val and name == self.train_list else pairs
