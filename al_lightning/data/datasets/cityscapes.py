"""Cityscapes (Cordts et al. 2016): streets of 21 cities with fine annotations, in the benchmark's 19 classes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from al_lightning.data.datasets.bases import FileDataset
from al_lightning.data.datasets.official import absent, check_counts, names_in
from al_lightning.data.images import Array, check_size
from al_lightning.data.labelled_files import MaskFiles
from al_lightning.data.mask_folders import Pair
from al_lightning.data_sources import SOURCES
from al_lightning.errors import DatasetError

CLASSES = {
    "road": 7,
    "sidewalk": 8,
    "building": 11,
    "wall": 12,
    "fence": 13,
    "pole": 17,
    "traffic light": 19,
    "traffic sign": 20,
    "vegetation": 21,
    "terrain": 22,
    "sky": 23,
    "person": 24,
    "rider": 25,
    "car": 26,
    "truck": 27,
    "bus": 28,
    "train": 31,
    "motorcycle": 32,
    "bicycle": 33,
}
"""The label id of each class, in the order of the train ids; the other ids up to 33 are not scored."""
COUNTS = 2_975, 500
"""Numbers of training and test images."""
IMAGES, LABELS = "leftImg8bit", "gtFine"
IMAGE_END, LABEL_END = "_leftImg8bit.png", "_gtFine_labelIds.png"


def train_ids() -> Array:
    """Return the (256,) table from label id to class: 255 for ids without one, 254 for ids that do not exist."""
    table = np.full(256, 254, dtype=np.uint8)
    table[:34] = 255
    table[255] = 255  # the license plate's -1
    table[list(CLASSES.values())] = np.arange(len(CLASSES))
    return table


class Cityscapes(FileDataset):
    """Cityscapes: the pool is `train` (2,975 images), the test set is `val` (500), of other cities.

    A file's name begins CITY_SEQUENCE_FRAME. In most cities each sequence has one annotated frame; in some, such as
    Hamburg, few long sequences have many.

    Args:
        size: (height, width) to which images and labels are resized; the files are 1024 x 2048.
        complete: refuse other numbers of images than the official ones.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["Cityscapes"]
    labels = "pixel"
    class_names = tuple(CLASSES)
    sequence_pattern = rf"(?P<sequence>.+_\d+)_(?P<frame>\d+){IMAGE_END.removesuffix('.png')}$"

    def __init__(self, size: tuple[int, int] | None = (512, 1024), complete: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.size = check_size(size)
        self.complete = complete

    @cached_property
    def _sets(self) -> tuple[MaskFiles, MaskFiles]:
        """(training set, test set), sorted by city and name."""
        images, labels = self._half(IMAGES), self._half(LABELS)
        train, test = (self._pairs(images / split, labels / split) for split in ("train", "val"))
        seen: dict[str, Path] = {}
        for path, _ in (*train, *test):
            if (first := seen.setdefault(path.name, path)) is not path:
                raise DatasetError(f"{first} and {path} are the same image; take one of them out.")
        if self.complete:
            check_counts(self.root, (len(train), len(test)), COUNTS)
        table = train_ids()
        return MaskFiles(train, table, self.size), MaskFiles(test, table, self.size)

    def _half(self, name: str) -> Path:
        """Return the folder of the images or of the labels."""
        for folder in (self.root / name, self.root / f"{name}_trainvaltest" / name):
            if folder.is_dir():
                return folder
        raise absent(self, self.root / name, name)

    def _pairs(self, images: Path, labels: Path) -> list[Pair]:
        for folder in (images, labels):
            if not folder.is_dir():
                raise self.missing(folder)
        pairs = []
        for city in sorted(name for name in names_in(images) if (images / name).is_dir()):
            known = names_in(labels / city) if (labels / city).is_dir() else frozenset()
            for name in sorted(names_in(images / city)):
                if not name.endswith(IMAGE_END):
                    continue
                label = name.removesuffix(IMAGE_END) + LABEL_END
                if label not in known:
                    raise DatasetError(
                        f"The image {images / city / name} has no label {labels / city / label}; unpack "
                        "gtFine_trainvaltest.zip anew."
                    )
                pairs.append((images / city / name, labels / city / label))
        if not pairs:
            raise self.missing(images / "CITY" / f"*{IMAGE_END}")
        return pairs
