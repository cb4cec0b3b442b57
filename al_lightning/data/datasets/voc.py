"""PASCAL VOC 2012 (Everingham et al. 2010) with the labels of SBD (Hariharan et al. 2011), 21 classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from al_lightning.data.datasets.bases import FileDataset
from al_lightning.data.datasets.official import absent, check_counts, lines_of, names_in
from al_lightning.data.images import Array, check_size
from al_lightning.data.labelled_files import MaskFiles
from al_lightning.data.mask_folders import Pair
from al_lightning.data.masks import in_view, label_table, resize_label
from al_lightning.data_sources import SOURCES
from al_lightning.errors import DatasetError, MissingFile, UnknownLabel

NAMES = """
background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant
sheep sofa train tvmonitor
"""
CLASSES = tuple(NAMES.split())
TABLE = label_table(len(CLASSES), 255)
"""(256,) class of each label id."""
COUNTS = 10_582, 1_449
"""Numbers of training and test images."""


def read_sbd(path: Path, size: tuple[int, int] | None, image: Path) -> Array:
    """Read one of SBD's label files, MATLAB with ids under GTcls.Segmentation, as `read_mask` reads a PNG.

    Raises:
        DatasetError: the file is missing, is not one of SBD's, has another size than its image, or an unknown id.
    """
    from scipy.io import loadmat

    try:
        ids = np.asarray(loadmat(path)["GTcls"]["Segmentation"][0, 0])
    except FileNotFoundError as error:
        raise MissingFile(f"The label {path} does not exist.") from error
    except Exception as error:  # on a damaged file, scipy raises errors of many kinds
        reason = f"{type(error).__name__}: {error}"
        raise DatasetError(f"The label {path} cannot be read ({reason}); unpack benchmark.tgz anew.") from error
    if ids.ndim != 2 or ids.dtype != np.uint8:
        raise DatasetError(
            f"The label {path} has GTcls.Segmentation of type {ids.dtype} and shape {ids.shape}, where SBD has a map "
            "of uint8; unpack benchmark.tgz anew."
        )
    ids = np.asarray(in_view(Image.fromarray(ids), path, image))
    classes: Array = TABLE[ids]
    if (classes == 254).any():
        raise UnknownLabel(
            f"The label {path} has the label id {ids[classes == 254][0]}, where SBD has 0 to 20; unpack benchmark.tgz "
            "anew."
        )
    return resize_label(classes, size)


class Files:
    """Image files or label files by the image's id, each in the first of the existing folders that has it."""

    def __init__(self, what: str, folders: Sequence[Path], suffix: str) -> None:
        self.what = what
        self.first = folders[0]
        self.suffix = suffix
        self.known = {folder: names_in(folder) for folder in folders if folder.is_dir()}

    def path(self, identifier: str, source: str) -> Path:
        """Return the file of an id that `source` lists; raise MissingFile where there is none."""
        name = identifier + self.suffix
        for folder, names in self.known.items():
            if name in names:
                return folder / name
        raise MissingFile(
            f"{source} names {identifier}, but its {self.what} {self.first / name} does not exist; unpack the archive "
            "anew, or take the name out."
        )


class VOCFiles(MaskFiles):
    """Image files, each with a PNG of label ids or one of SBD's MATLAB files; arguments as for MaskFiles."""

    def label(self, index: int) -> Array:
        """Read the label as classes."""
        image, label = self.pairs[index]
        return read_sbd(label, self.size, image) if label.suffix == ".mat" else super().label(index)


class VOC(FileDataset):
    """PASCAL VOC 2012 with SBD: 10,582 images in the pool, VOC's 1,449 validation images as test set.

    The pool is VOC's `train` and all of SBD, without VOC's `val`. Labels of VOC's `train` and `val` are VOC's own, with
    a void border around each object. All others are SBD's, without a border, from SBD's MATLAB files or, where ROOT or
    VOC2012 has a folder SegmentationClassAug, from its PNGs.

    The images have many sizes. A training batch needs a crop, or `size`. Without `size`, test and scoring need
    eval_batch_size 1: an image is used at its own size, since padding would be scored too.

    Args:
        size: (height, width) to which images and labels are resized; None keeps their sizes.
        complete: refuse other numbers of images than the official ones.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["VOC"]
    labels = "pixel"
    class_names = CLASSES

    def __init__(self, size: tuple[int, int] | None = None, complete: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.size = check_size(size)
        self.complete = complete

    @property
    def _voc(self) -> Path:
        """The folder VOC2012."""
        for folder in (self.root / "VOCdevkit" / "VOC2012", self.root / "VOC2012", self.root):
            if (folder / "JPEGImages").is_dir():
                return folder
        raise absent(self, self.root / "VOCdevkit" / "VOC2012" / "JPEGImages", "VOCdevkit", "VOC2012", "JPEGImages")

    @cached_property
    def _sets(self) -> tuple[VOCFiles, VOCFiles]:
        """(training set, sorted by id, and test set)."""
        trained, tested = self._pairs()
        if self.complete:
            check_counts(self.root, (len(trained), len(tested)), COUNTS)
        return VOCFiles(trained, TABLE, self.size), VOCFiles(tested, TABLE, self.size)

    def _pairs(self) -> tuple[list[Pair], list[Pair]]:
        voc, sbd = self._voc, self.root / "benchmark_RELEASE" / "dataset"
        places = (voc / "SegmentationClassAug", self.root / "SegmentationClassAug")
        ready = next((folder for folder in places if folder.is_dir()), None)
        lists, own = voc / "ImageSets" / "Segmentation", voc / "SegmentationClass"
        train, test = self._ids(lists / "train.txt"), self._ids(lists / "val.txt")
        if ready is not None:
            more = {Path(name).stem: f"{ready}" for name in names_in(ready) if name.endswith(".png")}
            others = Files("label", [ready], ".png")
        else:
            more = self._sbd_ids(sbd)
            others = Files("label", [sbd / "cls"], ".mat")
            if not own.is_dir():
                raise self.missing(own)
        images = Files("image", [voc / "JPEGImages", sbd / "img"], ".jpg")
        labels = Files("label", [own, *([ready] if ready else [])], ".png")

        pool = {**more, **train}
        trained = [
            (images.path(name, pool[name]), (labels if name in train else others).path(name, pool[name]))
            for name in sorted(pool.keys() - test.keys())
        ]
        tested = [(images.path(name, source), labels.path(name, source)) for name, source in test.items()]
        return trained, tested

    def _ids(self, path: Path) -> dict[str, str]:
        """Read a list of image ids: {id: where it is listed}."""
        if not path.is_file():
            raise self.missing(path)
        listed: dict[str, str] = {}
        for number, name in lines_of(path):
            if name in listed:
                raise DatasetError(f"{path}, line {number}: {name} is listed twice; list every image once.")
            listed[name] = f"{path}, line {number},"
        return listed

    def _sbd_ids(self, sbd: Path) -> dict[str, str]:
        for needed in ("train.txt", "val.txt", "cls"):
            if not (sbd / needed).exists():
                raise absent(self, sbd / needed, "benchmark_RELEASE")
        return {**self._ids(sbd / "train.txt"), **self._ids(sbd / "val.txt")}
