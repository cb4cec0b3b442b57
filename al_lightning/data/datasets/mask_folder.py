"""Images with a label file each: a PNG of label ids, or of colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from al_lightning.data.datasets.bases import FileDataset
from al_lightning.data.datasets.official import lines_of, pool_of_list
from al_lightning.data.images import (
    Array,
    Colours,
    ImageFiles,
    check_size,
    label_table,
    list_images,
    read_image,
    read_mask,
    repeats,
)
from al_lightning.data.mappings import check_count, find_mapping, load_mapping
from al_lightning.errors import DatasetError, UsageError, require

Pair = tuple[Path, Path]
"""An image file and its label file."""


class MaskFiles(ImageFiles):
    """Image files, each with a label file.

    Args:
        pairs: (image, label) paths.
        table: (256,) class of each label id, as `label_table` returns it, or the classes of colours.
        size: (height, width) to which both are resized; None keeps their sizes.
    """

    def __init__(self, pairs: Sequence[Pair], table: Array | Colours, size: tuple[int, int] | None) -> None:
        self.pairs = pairs
        self.table = table
        self.size = size
        self.repeats = repeats([image for image, _ in pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def image(self, index: int) -> Array:
        """Read the image."""
        return read_image(self.pairs[index][0], self.size)

    def sources(self, index: int) -> Sequence[Path]:
        """Return the image file and the label file."""
        return self.pairs[index]

    def has_label(self, index: int) -> bool:
        """Return whether the label file exists."""
        return self.pairs[index][1].is_file()

    def label(self, index: int) -> Array:
        """Read the label as classes."""
        image, label = self.pairs[index]
        return read_mask(label, self.table, self.size, image)

    def name(self, index: int) -> str:
        """Return the image's path; repeats of it are numbered."""
        number = self.repeats.get(index)
        return f"{self.pairs[index][0]}{f', repeat {number}' if number else ''}"


class MaskFolder(FileDataset):
    """Images and PNG labels, by list file (an image path and a label path per line) or by folder (same names).

    Where people label the images (`--oracle files`), any number of label files may be missing. A line of a list may
    then be an image path alone; the image's label is searched below `masks`.

    Args:
        classes: class names in the order of their label ids 0, 1, ...
        ignore: label id that is neither scored nor trained on, in addition to 255.
        size: (height, width) to which images and labels are resized; None where all have one size.
        images: folder of the images, below root.
        masks: folder of their labels, below root; IMAGE's label is IMAGE.png.
        train_list: list file below root, instead of `images` and `masks`.
        test_images: folder of the test images; none by default.
        test_masks: folder of the labels of the test images.
        test_list: list file of the test set, instead of `test_images` and `test_masks`.
        test_share: share of the pool that is held out as test set where none is named, the same for every seed: whole
            sequences with a sequence_pattern, else whole groups of near-duplicates (docs/datasets.md says how). Where
            people label, the held-out images are labelled first, and 0 means that there is no test set.
        sequence_pattern: for images from videos, a regular expression over the file's name without ending, with groups
            `sequence` and `frame`.
        mapping: instead of classes, a YAML file with the class of each colour or label id (data/mappings describes its
            format); in the working directory or below root.
        duplicates: treatment of images that the pool's list repeats: an error, `drop` to leave repeats out, or `keep`
            to have an image in the pool as often as it is listed.
        **options: see PoolDataset.
    """

    folder = "mask_folder"
    labels = "pixel"
    class_names: Sequence[str] = ()
    people_may_label = True
    where = (
        "They look like ROOT/images/NAME.jpg and ROOT/masks/NAME.png (one channel of label ids, or colours with "
        "--data.mapping); other folders by --data.images and --data.masks, or a file with an image and a label path a "
        "line by --data.train_list. Images that people are to label need no masks: --oracle files."
    )

    def __init__(
        self,
        classes: list[str] | None = None,
        ignore: int | None = 255,
        size: tuple[int, int] | None = None,
        images: str = "images",
        masks: str = "masks",
        train_list: str | None = None,
        test_images: str | None = None,
        test_masks: str | None = None,
        test_list: str | None = None,
        test_share: float = 0.2,
        sequence_pattern: str | None = None,
        mapping: str | None = None,
        duplicates: Literal["error", "drop", "keep"] = "error",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not classes and not mapping:
            raise UsageError(
                f"{type(self).__name__} needs the names of its classes, in the order of their label ids: "
                "--data.classes '[road, car, tree]'; or a file with the class of each colour or id: --data.mapping."
            )
        if classes and mapping:
            raise UsageError("--data.classes and --data.mapping both name the classes; give one of them.")
        if mapping and ignore != 255:
            raise UsageError(f"data.ignore is {ignore}, but the mapping names what is ignored; leave one of them out.")
        if duplicates not in ("error", "drop", "keep"):
            raise UsageError(f"data.duplicates is {duplicates!r}; error, drop or keep was expected.")
        if (test_images is None) != (test_masks is None):
            raise UsageError("--data.test_images and --data.test_masks belong together.")
        self.mapping = load_mapping(find_mapping(mapping, root=self.root)) if mapping else None
        if self.mapping is not None:
            self.class_names = self.mapping.classes
            self.table: Array | Colours = self.mapping.table
        else:
            self.class_names = tuple(classes or ())
            check_count(self.class_names)
            self.table = label_table(len(self.class_names), ignore)
        self.size = check_size(size)
        self.images, self.masks, self.train_list = images, masks, train_list
        self.test_images, self.test_masks, self.test_list = test_images, test_masks, test_list
        require("data.test_share", test_share, least=0, below=1)
        self.test_share = test_share
        self.sequence_pattern = sequence_pattern
        self.duplicates: Literal["error", "drop", "keep"] = duplicates

    @cached_property
    def _sets(self) -> tuple[MaskFiles, MaskFiles]:
        train, test = self._pairs()
        if leaked := {image for image, _ in train}.intersection(image for image, _ in test):
            raise DatasetError(
                f"The image {min(leaked)} is in the pool and in the test set ({len(leaked)} such images); "
                "take it out of one of them."
            )
        return MaskFiles(train, self.table, self.size), MaskFiles(test, self.table, self.size)

    def _pairs(self) -> tuple[list[Pair], list[Pair]]:
        train = self.pairs_of_list(self.train_list) if self.train_list else self._by_folder(self.images, self.masks)
        if self.test_list:
            return train, self.pairs_of_list(self.test_list)
        if self.test_images and self.test_masks:
            return train, self._by_folder(self.test_images, self.test_masks)
        kept, held = self._hold_out(MaskFiles(train, self.table, self.size), ["image"] * len(train))
        return [train[position] for position in kept], [train[position] for position in held]

    def _by_folder(self, images: str, masks: str) -> list[Pair]:
        folder, labels = self.root / images, self.root / masks
        for needed in (folder, labels) if self.label_folder is None else (folder,):
            if not needed.is_dir():
                raise self.missing(needed)
        pairs = [(path, (labels / path.relative_to(folder)).with_suffix(".png")) for path in list_images(folder)]
        if not pairs:
            raise self.missing(folder / "*.jpg")
        return self._check(pairs)

    def pairs_of_list(self, name: str) -> list[Pair]:
        """Read a list file below root."""
        path = self.root / name
        if not path.is_file():
            raise self.missing(path)
        pairs = []
        for number, line in lines_of(path):
            parts = line.split()
            if len(parts) == 1 and self.label_folder is not None:
                below = Path(parts[0])
                below = below.relative_to(self.images) if below.is_relative_to(self.images) else below
                parts.append(str(Path(self.masks) / below.with_suffix(".png")))
            if len(parts) != 2:
                raise DatasetError(f"{path}, line {number}: an image and a label path were expected, not {line!r}.")
            pairs.append(self.pair_of_line(parts[0], parts[1]))
        images = [image for image, _ in pairs]
        if name != self.train_list or self.duplicates == "error":
            if repeated := repeats(images):
                raise DatasetError(
                    f"The image {images[min(repeated)]} is listed twice; list every image once. In a pool's list "
                    "--data.duplicates drop leaves repeats out, and --data.duplicates keep keeps them."
                )
        else:
            pairs = pool_of_list(pairs, images, self.duplicates == "keep", path)
        return self._check(pairs)

    def pair_of_line(self, image: str, label: str) -> Pair:
        """Return the paths of the image and the label that a line of a list file names."""
        return self.root / image, self.root / label

    def _check(self, pairs: list[Pair]) -> list[Pair]:
        """Return the pairs, all of whose files exist."""
        for pair in pairs:
            for path, what in zip(pair, ("image", "label"), strict=True):
                if not path.is_file() and (what == "image" or self.label_folder is None):
                    hint = " With --oracle files people label the images." if what == "label" else ""
                    raise DatasetError(f"The {what} {path} does not exist; every image needs a file and a label.{hint}")
        return pairs

    def details(self) -> str:
        """Return the hash of the mapping, where there is one."""
        return self.mapping.digest() if self.mapping is not None else ""
