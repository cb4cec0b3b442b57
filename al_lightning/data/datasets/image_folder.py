"""Images in one folder per class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from al_lightning.data.datasets.bases import FileDataset
from al_lightning.data.images import SUFFIXES, Array, ImageFiles, check_size, list_images, read_image
from al_lightning.errors import DatasetError, UsageError, nearest, require

NO_CLASS = -1
UNLABELLED = "unlabelled"
"""The folder of images without a class."""


class ClassFiles(ImageFiles):
    """Image files, each with one class, or without a class so far (`NO_CLASS`)."""

    def __init__(self, files: Sequence[Path], classes: Sequence[int], size: tuple[int, int] | None) -> None:
        self.files = files
        self.classes = classes
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def image(self, index: int) -> Array:
        """Read the file."""
        return read_image(self.files[index], self.size)

    def sources(self, index: int) -> Sequence[Path]:
        """Return the file."""
        return (self.files[index],)

    def has_label(self, index: int) -> bool:
        """Return whether the image is in a class's folder."""
        return self.classes[index] != NO_CLASS

    def label(self, index: int) -> int:
        """Return the folder's class."""
        if not self.has_label(index):
            raise DatasetError(f"The image {self.files[index]} is in no class's folder.")
        return self.classes[index]

    def name(self, index: int) -> str:
        """Return the path."""
        return str(self.files[index])


class ImageFolder(FileDataset):
    """Images in one folder per class: ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or only ROOT/CLASS/*.jpg.

    Classes are the folder names, sorted. Without train and test folders, a share of each class is held out as test set,
    the same for every seed; docs/datasets.md says how near-duplicates stay on one side.

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

    folder = "image_folder"
    labels = "image"
    people_may_label = True
    where = (
        "They look like ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg "
        "(png, bmp, tif, webp too); images that people are to label like ROOT/unlabelled/*.jpg, with --oracle files."
    )

    def __init__(
        self,
        size: tuple[int, int] | None = (32, 32),
        test_share: float = 0.2,
        sequence_pattern: str | None = None,
        classes: list[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if classes is not None and (len(set(classes)) != len(classes) or len(classes) < 2 or not all(classes)):
            raise UsageError(f"data.classes is {classes}; two or more different names were expected.")
        self.named = tuple(classes) if classes is not None else None
        self.size = check_size(size)
        require("data.test_share", test_share, least=0, below=1)
        self.test_share = test_share
        self.sequence_pattern = sequence_pattern

    @cached_property
    def _contents(self) -> tuple[tuple[str, ...], ClassFiles, ClassFiles | None]:
        """(class names, training files, test files); without a test folder (class names, all files, None)."""
        if not self.root.is_dir():
            raise self.missing(self.root)
        separate, tested = (self.root / "train").is_dir(), self.root / "test"
        # Without a train folder, one called test is a class, unless images without a class are the pool.
        has_test = tested.is_dir() and (separate or self.named is not None or (self.root / UNLABELLED).is_dir())
        home = self.root / "train" if separate else self.root
        no_classes = set() if separate else {UNLABELLED} | ({"test"} if has_test else set())
        names = self._names(home, no_classes, tested if has_test else None)
        train = self._files(home, names, self._loose(home, names, no_classes))
        if has_test:
            if unknown := sorted(set(_folders(tested)) - set(names) - {UNLABELLED}):
                raise DatasetError(f"{tested / unknown[0]} is a class that {home} does not have.")
            return names, train, self._files(tested, names, self._allowed(list_images(tested / UNLABELLED)))
        return names, train, None

    @cached_property
    def _sets(self) -> tuple[ClassFiles, ClassFiles]:
        names, train, test = self._contents
        if test is not None:
            return train, test
        kept, held = (
            ClassFiles([train.files[i] for i in part], [train.classes[i] for i in part], self.size)
            for part in self._hold_out(train, [(*names, UNLABELLED)[label] for label in train.classes])
        )
        return kept, held

    def _names(self, home: Path, no_classes: set[str], tested: Path | None) -> tuple[str, ...]:
        """Return the names of the classes: the `classes` that were given, or the folders' names."""
        if self.named is not None:
            return self.named
        names = tuple(name for name in _folders(home) if name not in no_classes)
        if not names and tested is not None:
            names = tuple(name for name in _folders(tested) if name != UNLABELLED)
        name_them = "name the classes: --data.classes '[cat, dog]'."
        if not names and (self.root / UNLABELLED).is_dir():
            raise DatasetError(f"{self.root / UNLABELLED} is there, but no folder of a class; {name_them}")
        if not names:
            raise self.missing(home / "CLASS")
        if len(names) < 2:
            raise DatasetError(
                f"{home} has the single class folder {names[0]!r}; at least two classes are needed. Where images have "
                f"no class yet, {name_them}"
            )
        return names

    def _loose(self, home: Path, names: Sequence[str], no_classes: set[str]) -> list[Path]:
        """Return the images outside of classes' folders, sorted."""
        paths = list_images(self.root / UNLABELLED)
        if self.named is not None:
            paths += _images_in(home) + ([] if "images" in names else list_images(home / "images"))
            for name in _folders(home):
                if name not in {*names, *no_classes, "images"} and _images_in(home / name):
                    raise DatasetError(
                        f"{home / name} is none of the classes {', '.join(names)}.{nearest(name, names)} Images "
                        f"without a class belong below {self.root / UNLABELLED}."
                    )
        return self._allowed(sorted(paths))

    def _allowed(self, loose: list[Path]) -> list[Path]:
        """Return images without a class, if people label them."""
        if loose and self.label_folder is None:
            raise DatasetError(
                f"{len(loose)} images have no class, the first {loose[0]}; with --oracle files people label them, "
                f"without it take them out of {self.root}."
            )
        return loose

    def _files(self, folder: Path, names: Sequence[str], loose: Sequence[Path]) -> ClassFiles:
        labelled = [(path, label) for label, name in enumerate(names) for path in list_images(folder / name)]
        labelled += [(path, NO_CLASS) for path in loose]
        if not labelled:
            raise self.missing(folder / "*" / "*.jpg")
        return ClassFiles([path for path, _ in labelled], [label for _, label in labelled], self.size)

    @property
    def class_names(self) -> Sequence[str]:
        """The `classes` that were given, else the folders' names, sorted."""
        return self._contents[0]

    def classes(self) -> Sequence[int] | None:
        """Return the class of each training image; None where images lack a class."""
        classes = self._sets[0].classes
        return None if NO_CLASS in classes else classes


def _folders(home: Path) -> list[str]:
    """Return the sorted names of the folders in a folder, without hidden ones."""
    return sorted(path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images_in(folder: Path) -> list[Path]:
    """Return the images directly in a folder."""
    return [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
