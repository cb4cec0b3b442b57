"""Images in a folder per class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import (
    SUFFIXES,
    Array,
    ImageFiles,
    Images,
    check_size,
    list_images,
    read_image,
    time_order,
)
from al_lightning.data.split import hold_out
from al_lightning.errors import DatasetError, UsageError, nearest, require
from al_lightning.pool import Pool

NO_CLASS = -1
UNLABELLED = "unlabelled"
"""The folder of images without a class."""


class ClassFiles(ImageFiles):
    """Image files, each with one class, or with none yet.

    Args:
        files: paths.
        classes: the class of each, or `NO_CLASS`.
        size: (height, width) to which images are resized; None leaves them.
    """

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
        """Whether the image lies in a class's folder."""
        return self.classes[index] != NO_CLASS

    def label(self, index: int) -> int:
        """Return the folder's class."""
        if not self.has_label(index):
            raise DatasetError(f"The image {self.files[index]} lies in no class's folder.")
        return self.classes[index]

    def name(self, index: int) -> str:
        """Return the path."""
        return str(self.files[index])


class ImageFolder(PoolDataset):
    """Images in a folder per class: ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg alone.

    Classes are the folder names, sorted. Without train and test folders, a share of each class is held out as test set,
    the same for every seed.

    Where people label the images (`--oracle files`), those below ROOT/unlabelled belong to the pool too, at any depth;
    with `classes` also those in ROOT itself and below ROOT/images, so that no folder of a class is needed. They come
    after those that lie in classes' folders, by path: labelling moves no image, and no position.

    Args:
        size: (height, width) to which images are resized; None where all have one size.
        test_share: share of each class held out where there is no test folder; with a sequence_pattern the last images
            of each sequence. Where people label, the held-out images are labelled first, and 0 means that there is no
            test set.
        sequence_pattern: regular expression over the file's name without ending, with groups `sequence` and `frame`,
            where images come from videos.
        classes: names of the classes, in the order of their labels; by default the folders' names, sorted.
        **options: see PoolDataset.
    """

    folder = "image_folder"
    labels = "image"
    may_ask = True
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
    def _splits(self) -> tuple[tuple[str, ...], ClassFiles, ClassFiles]:
        """(class names, training files, test files)."""
        if not self.root.is_dir():
            raise self.missing(self.root)
        separate, tested = (self.root / "train").is_dir(), self.root / "test"
        # Without a train folder, one called test is a class, unless images without a class are the pool.
        has_test = tested.is_dir() and (separate or self.named is not None or (self.root / UNLABELLED).is_dir())
        home = self.root / "train" if separate else self.root
        besides = set() if separate else {UNLABELLED} | ({"test"} if has_test else set())
        names = self._names(home, besides, tested if has_test else None)
        train = self._files(home, names, self._loose(home, names, besides))
        if has_test:
            if unknown := sorted(set(_folders(tested)) - set(names) - {UNLABELLED}):
                raise DatasetError(f"{tested / unknown[0]} is a class that {home} does not have.")
            return names, train, self._files(tested, names, self._allowed(_images_below(tested / UNLABELLED)))
        if self.answers is not None and self.test_share == 0:
            return names, train, ClassFiles([], [], self.size)
        sequence, frame = self._time_order(train)
        kept, held = hold_out(sequence or train.classes, self.test_share, frame)
        parts = [
            ClassFiles([train.files[i] for i in part], [train.classes[i] for i in part], self.size)
            for part in (kept, held)
        ]
        return names, parts[0], parts[1]

    def _names(self, home: Path, besides: set[str], tested: Path | None) -> tuple[str, ...]:
        """Return the names of the classes: those that were given, or the folders'."""
        if self.named is not None:
            return self.named
        names = tuple(name for name in _folders(home) if name not in besides)
        if not names and tested is not None:
            names = tuple(name for name in _folders(tested) if name != UNLABELLED)
        name_them = "name the classes: --data.classes '[cat, dog]'."
        if not names and (self.root / UNLABELLED).is_dir():
            raise DatasetError(f"{self.root / UNLABELLED} holds images, but no folder tells a class; {name_them}")
        if not names:
            raise self.missing(home / "CLASS")
        if len(names) < 2:
            raise DatasetError(
                f"{home} has the single class folder {names[0]!r}; at least two classes are needed. Where images have "
                f"no class yet, {name_them}"
            )
        return names

    def _loose(self, home: Path, names: Sequence[str], besides: set[str]) -> list[Path]:
        """Return the images that lie in no class's folder, sorted."""
        paths = _images_below(self.root / UNLABELLED)
        if self.named is not None:
            paths += _images_in(home) + ([] if "images" in names else _images_below(home / "images"))
            for name in _folders(home):
                if name not in {*names, *besides, "images"} and _images_in(home / name):
                    raise DatasetError(
                        f"{home / name} is none of the classes {', '.join(names)}.{nearest(name, names)} Images "
                        f"without a class belong below {self.root / UNLABELLED}."
                    )
        return self._allowed(sorted(paths))

    def _allowed(self, loose: list[Path]) -> list[Path]:
        """Return images without a class, where people label them.

        Raises:
            DatasetError: nobody does.
        """
        if loose and self.answers is None:
            raise DatasetError(
                f"{len(loose)} images have no class, the first {loose[0]}; with --oracle files people label them, "
                f"without it take them out of {self.root}."
            )
        return loose

    def _files(self, folder: Path, names: Sequence[str], loose: Sequence[Path]) -> ClassFiles:
        labelled = [(path, label) for label, name in enumerate(names) for path in _images_below(folder / name)]
        labelled += [(path, NO_CLASS) for path in loose]
        if not labelled:
            raise self.missing(folder / "*" / "*.jpg")
        return ClassFiles([path for path, _ in labelled], [label for _, label in labelled], self.size)

    @property
    def class_names(self) -> Sequence[str]:
        """The names that were given, else the folders' names, sorted."""
        return self._splits[0]

    def build_train(self) -> Images:
        """Return the training files."""
        return self._splits[1]

    def build_test(self) -> Images:
        """Return the test files."""
        return self._splits[2]

    def pool(self) -> Pool:
        """Return the pool, with sequence and frame where a pattern names them."""
        return Pool(len(self._splits[1]), (), *self._time_order(self._splits[1]))

    def _time_order(self, images: ClassFiles) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
        return time_order([path.stem for path in images.files], self.sequence_pattern)

    def classes(self) -> Sequence[int] | None:
        """Return the class of each training image; None where some have none."""
        classes = self._splits[1].classes
        return None if NO_CLASS in classes else classes


def _folders(home: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones."""
    return sorted(path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images_below(folder: Path) -> list[Path]:
    return list_images(folder) if folder.is_dir() else []


def _images_in(folder: Path) -> list[Path]:
    """Return the images that lie in a folder itself."""
    return [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
