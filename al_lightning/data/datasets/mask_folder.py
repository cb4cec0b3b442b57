"""Images with a label file each: a PNG of label ids, or of colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from al_lightning.data.binary_masks import are_binary, binary_table
from al_lightning.data.class_names import check_class_names
from al_lightning.data.datasets.bases import FileDataset
from al_lightning.data.datasets.official import lines_of, paths_of, pool_of_list
from al_lightning.data.images import Array, check_size, repeats
from al_lightning.data.inventory import check_name
from al_lightning.data.labelled_files import MaskFiles
from al_lightning.data.mappings import find_mapping, load_mapping
from al_lightning.data.mask_folders import MaskFolders, Masks, Pair, first_shared, mask_folders, shared_label, spelled
from al_lightning.data.masks import Colours, label_table
from al_lightning.data.remarks import Remark
from al_lightning.data.splits import role_of
from al_lightning.data_sources import SOURCES
from al_lightning.errors import DatasetError, UsageError, from_home, require

_MOST = 30
"""Classes that a run's first lines name."""


class MaskFolder(FileDataset):
    """Images and PNG labels, by list file (an image path and a label path per line) or by folder (same names).

    Where the folder of the images holds folders of a training set and a test set (train and test, Training and Testing
    ...), these are pool and test set, unless a test set is named. In a list, a tab separates paths with blanks. A run's
    first lines say what was taken for what.

    Where people label the images (`--oracle files`), any number of label files may be missing. A line of a list may
    then be an image path alone; the image's label is searched below `masks`.

    Where two classes are named and all labels that exist hold the ids 0 and 255 alone, these are the two classes: most
    programs draw one object on a background in that way.

    Args:
        classes: class names in the order of their label ids 0, 1, ...
        ignore: label id that is neither scored nor trained on, in addition to 255; None where nothing is ignored, so
            that 255 is an unknown id.
        size: (height, width) to which images and labels are resized; None where all have one size.
        images: folder of the images, below root.
        masks: folder of their labels, below root; IMAGE's label is IMAGE.png.
        train_list: list file below root, instead of `images` and `masks`.
        test_images: folder of the test images; none by default.
        test_masks: folder of the labels of the test images.
        test_list: list file of the test set, instead of `test_images` and `test_masks`.
        test_share: share of the pool that is held out as test set where none is named, the same for every seed: whole
            sequences with a sequence_pattern, else whole groups of near-duplicates. Where
            people label, the held-out images are labelled first, and 0 means that there is no test set.
        sequence_pattern: for images from videos, a regular expression over the file's name without ending, with groups
            `sequence` and `frame`.
        mapping: instead of classes, a YAML file with the class of each colour or label id (data/mappings describes its
            format); in the working directory or below root.
        duplicates: treatment of images that the pool's list repeats: an error, `drop` to leave repeats out, or `keep`
            to have an image in the pool as often as it is listed.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["MaskFolder"]
    labels = "pixel"
    pixels = 2
    class_names: Sequence[str] = ()
    people_may_label = True

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
            shown = "null" if ignore is None else ignore
            raise UsageError(f"data.ignore is {shown}, but the mapping names what is ignored; leave one of them out.")
        if duplicates not in ("error", "drop", "keep"):
            raise UsageError(f"data.duplicates is {duplicates!r}; error, drop or keep was expected.")
        if (test_images is None) != (test_masks is None):
            raise UsageError("--data.test_images and --data.test_masks belong together.")
        self.mapping = load_mapping(find_mapping(mapping, root=self.root)) if mapping else None
        if self.mapping is not None:
            self.class_names = self.mapping.classes
            self.table: Array | Colours = self.mapping.table
        else:
            self.class_names = check_class_names(classes or (), per_pixel=True)
            self.table = label_table(len(self.class_names), ignore)
        self.ignore = ignore
        self.size = check_size(size)
        self.images, self.masks = _below("images", images), _below("masks", masks)
        self.test_images, self.test_masks = _below("test_images", test_images), _below("test_masks", test_masks)
        self.train_list, self.test_list = _below("train_list", train_list), _below("test_list", test_list)
        require("data.test_share", test_share, least=0, below=1)
        self.test_share = test_share
        self.sequence_pattern = sequence_pattern
        self.duplicates: Literal["error", "drop", "keep"] = duplicates

    @cached_property
    def _lists(self) -> tuple[list[Pair], list[Pair]]:
        """(pairs of the pool, pairs of the test set)."""
        train, test = self._pairs()
        if leaked := {image for image, _ in train}.intersection(image for image, _ in test):
            raise DatasetError(
                f"The image {min(leaked)} is in the pool and in the test set ({len(leaked)} such images); "
                "take it out of one of them."
            )
        return train, test

    @cached_property
    def is_binary(self) -> bool:
        """Whether two classes are named, and the labels that exist hold the ids 0 and 255 alone: these are the two."""
        if self.mapping is not None or len(self.class_names) != 2 or self.ignore not in (None, 255):
            return False
        train, test = self._lists
        return are_binary([label for _, label in (*train, *test)], self.known_files("ids"))

    @cached_property
    def _sets(self) -> tuple[MaskFiles, MaskFiles]:
        table = binary_table() if self.is_binary else self.table
        train, test = (MaskFiles(pairs, table, self.size) for pairs in self._lists)
        return train, test

    def _pairs(self) -> tuple[list[Pair], list[Pair]]:
        train = self.pairs_of_list(self.train_list) if self.train_list else self._check(self._folders.train)
        if self.test_list:
            return train, self.pairs_of_list(self.test_list)
        if self._test_folders is not None:
            return train, self._check(self._test_folders.train)
        if not self.train_list and self._folders.test is not None:
            return train, self._check(self._folders.test)
        kept, held = self._hold_out(MaskFiles(train, self.table, self.size), ["image"] * len(train))
        return [train[position] for position in kept], [train[position] for position in held]

    @cached_property
    def _masks(self) -> Masks:
        """The folder `masks`, for images that a list names alone."""
        return Masks(self.root / self.masks)

    @cached_property
    def _folders(self) -> MaskFolders:
        """The images that `images` and `masks` name."""
        named = self.test_list is not None or self.test_images is not None
        return self._by_folder(self.images, self.masks, one_set=named)

    @cached_property
    def _test_folders(self) -> MaskFolders | None:
        """The images that `test_images` and `test_masks` name."""
        if self.test_list or not self.test_images or not self.test_masks:
            return None
        return self._by_folder(self.test_images, self.test_masks, one_set=True)

    def _by_folder(self, images: str, masks: str, one_set: bool) -> MaskFolders:
        folder, labels = self.root / images, self.root / masks
        for needed in (folder, labels) if self.label_folder is None else (folder,):
            if not needed.is_dir():
                raise self._sets_apart(images, masks) or self.missing(needed)
        found = mask_folders(folder, labels, one_set)
        if not found.train:
            raise self.missing(folder / "*.jpg")
        self._check_shared([*found.train, *(found.test or ())])
        return found

    def _sets_apart(self, images: str, masks: str) -> DatasetError | None:
        """Return the error for folders of images and masks in the folders of the sets; None where there are none."""
        sets = sorted(
            path.name for path in self.root.glob("*/") if (path / images).is_dir() and (path / masks).is_dir()
        )
        by_role = {role[0]: name for name in sets if (role := role_of(name)) is not None}
        if "train" not in by_role:
            return None
        options = f"--data.images {by_role['train']}/{images} --data.masks {by_role['train']}/{masks}"
        if test := by_role.get("test") or by_role.get("validation"):
            options += f" --data.test_images {test}/{images} --data.test_masks {test}/{masks}"
        return DatasetError(f"There is no {self.root / images}, but {' and '.join(sets)} are there: give {options}.")

    def pairs_of_list(self, name: str) -> list[Pair]:
        """Read a list file below root."""
        path = self.root / name
        if not path.is_file():
            raise self.missing(path)
        listed = [self._of_line(line, f"{path}, line {number}") for number, line in lines_of(path)]
        pairs = [self._pair(paths) for paths in listed]
        self._check_shared([pair for pair, paths in zip(pairs, listed, strict=True) if len(paths) == 1])
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

    def _of_line(self, line: str, where: str) -> list[str]:
        """Return the paths in a line of a list; where people label, it may be an image alone."""
        people = self.label_folder is not None
        parts = paths_of(line, (1, 2) if people else (2,), lambda paths: self._pair(paths)[0].is_file())
        if parts is None:
            raise DatasetError(
                f"{where}: an image and a label path were expected, not {line!r}; paths with blanks need a tab between "
                "them."
            )
        return parts

    def _pair(self, paths: Sequence[str]) -> Pair:
        if len(paths) == 2:
            return self.pair_of_line(paths[0], paths[1])
        below = Path(paths[0])
        below = below.relative_to(self.images) if below.is_relative_to(self.images) else below
        return spelled(self.root, paths[0]), self._masks.of(below)

    def pair_of_line(self, image: str, label: str) -> Pair:
        """Return the paths of the image and the label that a line of a list file names."""
        return spelled(self.root, image), spelled(self.root, label)

    def _check(self, pairs: list[Pair]) -> list[Pair]:
        """Return the pairs, all of whose files exist."""
        for pair in pairs:
            for path, what in zip(pair, ("image", "label"), strict=True):
                if not path.is_file() and (what == "image" or self.label_folder is None):
                    hint = " With --oracle files people label the images." if what == "label" else ""
                    raise DatasetError(f"The {what} {path} does not exist; every image needs a file and a label.{hint}")
            check_name(pair[0])
        return pairs

    def _check_shared(self, pairs: Sequence[Pair]) -> None:
        """Raise SharedLabel where two images have one label by their names; labels of people go by the whole name."""
        if (shared := first_shared(pairs)) is not None and (self.label_folder is None or shared[2].is_file()):
            raise shared_label(*shared)

    def remarks(self) -> Sequence[Remark]:
        """Return the classes, what was taken for what, and what of the folders is not used."""
        pool, test = self._sets
        names = [f"{number} {name}" for number, name in enumerate(self.class_names[:_MOST])]
        more = f" and {self.num_classes - _MOST} more" if self.num_classes > _MOST else ""
        counts = f"images in pool + test set: {len(pool):,} + {len(test):,}"
        sentences = [f"{self.num_classes} classes: {', '.join(names)}{more}; {counts}"]
        if self.is_binary:
            first, second = self.class_names
            sentences.append(
                f"the labels hold the ids 0 and 255 alone, and two classes are named: 0 is {first}, 255 is {second}; a "
                "mapping file, --data.mapping, would say otherwise"
            )
        sentences += self._folders.sentences() if not self.train_list else []
        sentences += self._test_folders.sentences() if self._test_folders is not None else []
        return [*super().remarks(), *(Remark(sentence) for sentence in sentences)]

    def label_advice(self) -> str:
        """Return how to name the class of each id."""
        if self.mapping is not None:
            return "Look at what the mapping file says of each id or colour."
        ids = ", ".join(f"{number}: {name}" for number, name in enumerate(self.class_names[:-1]))
        return (
            "Where an id stands for a class, say so in a file, --data.mapping FILE instead of --data.classes: "
            f"`classes: [{', '.join(self.class_names)}]` and `ids: {{{ids}, 255: {self.class_names[-1]}}}`."
        )

    def details(self) -> str:
        """Return the hash of the mapping, where there is one, or that 255 is a class.

        Labels of people come later. Until all labels are there, they say nothing on the meaning of positions.
        """
        if self.mapping is not None:
            return self.mapping.digest()
        whole = self.is_binary and all(label.is_file() for pairs in self._lists for _, label in pairs)
        return "ids 0 and 255" if whole else ""


def _below(name: str, path: Any) -> Any:
    """Return a path below root, or of its own where it begins with ~ or /; None for None."""
    return None if path is None else str(from_home(f"data.{name}", path))
