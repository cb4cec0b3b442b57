"""Datasets, and the loaders of labelled, unlabelled, test and pool images."""

from al_lightning.data.augmentation import Augmentation, ImageAugmentation, NoAugmentation, SegmentationAugmentation
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.datasets.a2d2 import A2D2
from al_lightning.data.datasets.bcss import BCSS
from al_lightning.data.datasets.camvid import CamVid
from al_lightning.data.datasets.cifar import CIFAR
from al_lightning.data.datasets.cityscapes import Cityscapes
from al_lightning.data.datasets.digits import Digits
from al_lightning.data.datasets.driving_video import DrivingVideo
from al_lightning.data.datasets.image_folder import ImageFolder
from al_lightning.data.datasets.mask_folder import MaskFolder
from al_lightning.data.datasets.voc import VOC
from al_lightning.data.images import Images
from al_lightning.data.views import Unlabelled

__all__ = [
    "A2D2",
    "BCSS",
    "CIFAR",
    "VOC",
    "Augmentation",
    "CamVid",
    "Cityscapes",
    "Digits",
    "DrivingVideo",
    "ImageAugmentation",
    "ImageFolder",
    "Images",
    "MaskFolder",
    "NoAugmentation",
    "PoolDataset",
    "SegmentationAugmentation",
    "Unlabelled",
]
