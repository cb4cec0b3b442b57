"""Datasets and the datamodule that manages what of them is labelled."""

from al_lightning.data.a2d2 import A2D2
from al_lightning.data.augmentation import Augmentation, ImageAugmentation, NoAugmentation, SegmentationAugmentation
from al_lightning.data.bcss import BCSS
from al_lightning.data.camvid import CamVid
from al_lightning.data.cifar import CIFAR
from al_lightning.data.cityscapes import Cityscapes
from al_lightning.data.digits import Digits
from al_lightning.data.driving_video import DrivingVideo
from al_lightning.data.image_folder import ImageFolder
from al_lightning.data.images import Images
from al_lightning.data.mask_folder import MaskFolder
from al_lightning.data.module import PoolDataModule
from al_lightning.data.views import Unlabelled
from al_lightning.data.voc import VOC

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
    "PoolDataModule",
    "SegmentationAugmentation",
    "Unlabelled",
]
