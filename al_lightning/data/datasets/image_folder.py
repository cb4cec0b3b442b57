"""Images in one folder per class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from al_lightning.data.class_folders import NO_CLASS, ClassFolders, class_folders
from al_lightning.data.class_names import check_class_names
from al_lightning.data.datasets.bases import FileDataset
from al_lightning.data.images import check_size
from al_lightning.data.labelled_files import ClassFiles
from al_lightning.data.remarks import Remark
from al_lightning.data.splits import UNLABELLED
from al_lightning.data_sources import SOURCES
from al_lightning.errors import DatasetError, require

_MOST = 20
"""Classes that a run's first lines count."""


class ImageFolder(FileDataset):
    """Images in one folder per class: ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or only ROOT/CLASS/*.jpg.

    Classes are the folder names, sorted. Other spellings of train and test (Training, seg_test ...) are found, too; a
    validation set is the test set where there is no other, and else is not used. Without a test set, a share of each
    class is held out, the same for every seed, in whole groups of near-duplicates. A run's first lines say what was
    taken for what.

    Where people label the images (`--oracle files`), images below ROOT/unlabelled, at any depth, belong to the pool
    too. With `classes`, so do images in ROOT itself and below ROOT/images, and no folder of a class is needed. Images
    without a class come after those in classes' folders, by path. Labelling moves no file and changes no position.

    Args:
        size: (height, width) to which images are resized; None where all have one size.
        test_share: share of each class that is held out where there is no test folder: whole sequences with a
            sequence_pattern, else whole groups of near-duplicates. Where people label, the held-out images are labelled
            first, and 0 means that there is no test set.
        sequence_pattern: for images from videos, a regular expression over the file's name without ending, with groups
            `sequence` and `frame`.
        classes: names of the classes, in the order of their labels; by default the folders' names, sorted.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["ImageFolder"]
    labels = "image"
    pixels = 2
    people_may_label = True

    def __init__(
        self,
        size: tuple[int, int] | None = (224, 224),
        test_share: float = 0.2,
        sequence_pattern: str | None = None,
        classes: list[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.named = check_class_names(classes) if classes is not None else None
        self.size = check_size(size)
        require("data.test_share", test_share, least=0, below=1)
        self.test_share = test_share
        self.sequence_pattern = sequence_pattern

    @cached_property
    def _found(self) -> ClassFolders:
        if not self.root.is_dir():
            raise self.missing(self.root)
        found = class_folders(self.root, self.named, self.label_folder is not None)
        train, test = found.splits.train, found.splits.test
        if not found.names:
            raise self.missing(self.root.joinpath(*train) / "CLASS")
        for images, folder in ((found.train, train), (found.test, test)):
            if images is not None and not images:
                raise self.missing(self.root.joinpath(*(folder or ())) / "*" / "*.jpg")
            loose = [path for path, label in images or () if label == NO_CLASS]
            if loose and self.label_folder is None:
                raise DatasetError(
                    f"{len(loose)} images have no class, the first {loose[0]}; with --oracle files people label them, "
                    f"without it take them out of {self.root}."
                )
        return found

    @cached_property
    def _sets(self) -> tuple[ClassFiles, ClassFiles]:
        train, test = self._found.train, self._found.test
        if test is None:
            names = (*self._found.names, UNLABELLED)  # NO_CLASS, -1, is the last one
            kept, held = self._hold_out(self._files(train), [names[label] for _, label in train])
            train, test = [train[place] for place in kept], [train[place] for place in held]
        return self._files(train), self._files(test)

    def _files(self, images: Sequence[tuple[Path, int]]) -> ClassFiles:
        return ClassFiles([path for path, _ in images], [label for _, label in images], self.size)

    def remarks(self) -> Sequence[Remark]:
        """Return the classes with their images, what was taken for what, and what of the root is not used."""
        sentences = [self._counts(), *self._found.sentences()]
        return [*super().remarks(), *(Remark(sentence) for sentence in sentences)]

    def _counts(self) -> str:
        """Return a sentence about the classes."""
        pool, test = (Counter(images.classes) for images in self._sets)
        counts = [f"{name} {pool[label]:,} + {test[label]:,}" for label, name in enumerate(self.class_names)]
        if pool[NO_CLASS] or test[NO_CLASS]:
            counts.insert(0, f"in no class's folder {pool[NO_CLASS]:,} + {test[NO_CLASS]:,}")
        more = f" and {len(counts) - _MOST} more" if len(counts) > _MOST else ""
        return f"{self.num_classes} classes, images in pool + test set: {', '.join(counts[:_MOST])}{more}"

    @property
    def class_names(self) -> Sequence[str]:
        """The `classes` that were given, else the folders' names, sorted."""
        return self._found.names

    def classes(self) -> Sequence[int] | None:
        """Return the class of each training image; None where images lack a class."""
        classes = self._sets[0].classes
        return None if NO_CLASS in classes else classes
