"""Images in a folder per class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from al_lightning.data.holdout import hold_out
from al_lightning.data.images import Array, Images, check_size, list_images, read_image, time_order
from al_lightning.data.module import PoolDataModule
from al_lightning.errors import DatasetError
from al_lightning.pool import Pool


class ClassFiles(Images):
    """Image files, each with one class.

    Args:
        files: paths.
        classes: the class of each.
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

    def label(self, index: int) -> int:
        """Return the folder's class."""
        return self.classes[index]

    def name(self, index: int) -> str:
        """Return the path."""
        return str(self.files[index])


class ImageFolder(PoolDataModule):
    """Images in a folder per class: ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg alone.

    Classes are the folder names, sorted. Without train and test folders, a share of each class is held out as test set,
    the same for every seed.

    Args:
        size: (height, width) to which images are resized; None where all have one size.
        test_share: share of each class held out where there is no test folder; with a sequence_pattern the last images
            of each sequence.
        sequence_pattern: regular expression over the file's name without ending, with groups `sequence` and `frame`,
            where images come from videos.
        **options: see PoolDataModule.
    """

    folder = "image_folder"
    labels: ClassVar[Literal["image", "pixel", "any"]] = "image"
    where = (
        "They look like ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg "
        "(png, bmp, tif, webp too)."
    )

    def __init__(
        self,
        size: tuple[int, int] | None = (32, 32),
        test_share: float = 0.2,
        sequence_pattern: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.size = check_size(size)
        self.test_share = test_share
        self.sequence_pattern = sequence_pattern

    @cached_property
    def _splits(self) -> tuple[tuple[str, ...], ClassFiles, ClassFiles]:
        """(class names, training files, test files)."""
        if not self.root.is_dir():
            raise self.missing(self.root)
        separate = (self.root / "train").is_dir()
        names = self._class_folders(self.root / "train" if separate else self.root)
        train = self._files(self.root / "train" if separate else self.root, names)
        if (self.root / "test").is_dir() and separate:
            test_names = tuple(path.name for path in sorted((self.root / "test").iterdir()) if path.is_dir())
            if unknown := sorted(set(test_names) - set(names)):
                raise DatasetError(
                    f"{self.root / 'test' / unknown[0]} is a class that {self.root / 'train'} does not have."
                )
            return names, train, self._files(self.root / "test", names)
        sequence, frame = self._time_order(train)
        kept, held = hold_out(sequence or train.classes, self.test_share, frame)
        parts = [
            ClassFiles([train.files[i] for i in part], [train.classes[i] for i in part], self.size)
            for part in (kept, held)
        ]
        return names, parts[0], parts[1]

    def _class_folders(self, folder: Path) -> tuple[str, ...]:
        names = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
        if not names:
            raise self.missing(folder / "CLASS")
        if len(names) < 2:
            raise DatasetError(f"{folder} has the single class folder {names[0]!r}; at least two classes are needed.")
        return names

    def _files(self, folder: Path, names: Sequence[str]) -> ClassFiles:
        found = [(path, label) for label, name in enumerate(names) for path in list_images(folder / name)]
        if not found:
            raise self.missing(folder / "*" / "*.jpg")
        return ClassFiles([path for path, _ in found], [label for _, label in found], self.size)

    @property
    def class_names(self) -> Sequence[str]:
        """The folders' names, sorted."""
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

    def classes(self) -> Sequence[int]:
        """Return the class of each training image."""
        return self._splits[1].classes
