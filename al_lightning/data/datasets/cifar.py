"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), through torchvision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from al_lightning.data.datasets.bases import SplitDataset
from al_lightning.data.datasets.official import absent, check_counts
from al_lightning.data.images import ArrayImages
from al_lightning.data_sources import SOURCES
from al_lightning.errors import ALError, DatasetError, UsageError
from al_lightning.runs.lock import Lock

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FINE = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree
wolf woman worm
"""
CIFAR100 = tuple(FINE.split())
COUNTS = 50_000, 10_000
"""Numbers of training and test images."""


class CIFAR(SplitDataset):
    """CIFAR-10 or CIFAR-100: 50,000 images of 32 x 32 in the pool, 10,000 for test; torchvision checks the files.

    Args:
        classes: 10, or 100 (the fine ones).
        download: fetch the data into `root` where they are missing.
        complete: refuse other numbers of images than the official ones.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["CIFAR"]
    labels = "image"
    class_names: Sequence[str] = ()

    def __init__(
        self, classes: Literal[10, 100] = 10, download: bool = False, complete: bool = True, **options: Any
    ) -> None:
        super().__init__(**options)
        if classes not in (10, 100):
            raise UsageError(f"data.classes is {classes}; CIFAR has 10 or 100.")
        self.fine = classes == 100
        self.class_names = CIFAR100 if self.fine else CIFAR10
        self.download = download
        self.complete = complete

    @cached_property
    def _sets(self) -> tuple[ArrayImages, ArrayImages]:
        kind = self._torchvision()
        try:
            train, test = self._read(kind)
        except RuntimeError as error:
            if not self.download:
                raise self._wrong(kind) from error
            self._fetch(kind)
            train, test = self._read(kind)
        if self.complete:
            check_counts(self.root / kind.base_folder, (len(train), len(test)), COUNTS)
        return self._images(train, "train"), self._images(test, "test")

    def _torchvision(self) -> Any:
        from torchvision import datasets

        return datasets.CIFAR100 if self.fine else datasets.CIFAR10

    def _read(self, kind: Any) -> tuple[Any, Any]:
        return kind(str(self.root), train=True), kind(str(self.root), train=False)

    def _images(self, data: Any, split: str) -> ArrayImages:
        names = [f"{split} {index:05d}" for index in range(len(data))]  # in the official order
        return ArrayImages(np.ascontiguousarray(data.data), np.asarray(data.targets, dtype=np.int64), names)

    def _fetch(self, kind: Any) -> None:
        """Download and unpack missing files; the run's other processes wait, and then find the files."""
        try:
            with Lock(self.root / f".{kind.base_folder}.lock") as lock:
                lock.take(wait=True)
                kind(str(self.root), download=True)
        except (ALError, OSError, RuntimeError, EOFError) as error:  # EOFError: a damaged archive
            raise DatasetError(
                f"{kind.url} could not be fetched into {self.root} ({error}); put the archive {kind.filename} there "
                "yourself and run the same command again."
            ) from error

    def _wrong(self, kind: Any) -> DatasetError:
        """Return the error for data that torchvision cannot find, or with another than the official checksum."""
        from torchvision.datasets.utils import check_integrity

        folder = self.root / kind.base_folder
        if not folder.is_dir():
            return absent(self, folder, kind.base_folder)
        official = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
        bad = next((folder / name for name, md5 in official if not check_integrity(folder / name, md5)), folder)
        if not bad.is_file():
            return self.missing(bad)
        return DatasetError(
            f"{bad} is not the official file (its checksum differs); delete {folder} and fetch it anew with "
            "--data.download true."
        )

    def image_files(self) -> Iterator[Path]:
        """Yield the archives' files."""
        kind = self._torchvision()
        for name, _ in [*kind.train_list, *kind.test_list]:
            yield self.root / kind.base_folder / name

    def classes(self) -> Sequence[int]:
        """Return the class of each training image."""
        return [int(value) for value in self._sets[0].labels]
