"""Networks: `encode` an image into features, `decode` features into logits."""

from al_lightning.networks.backbones import Backbone, MobileNetV3, ResNet
from al_lightning.networks.base import LossPredictor, Network
from al_lightning.networks.deeplab import DeepLabV3Plus
from al_lightning.networks.dropout import MCDropout
from al_lightning.networks.folding import folded
from al_lightning.networks.hypercolumns import HypercolumnClassifier
from al_lightning.networks.resnet import ResNetClassifier
from al_lightning.networks.timm_backbone import Timm
from al_lightning.networks.timm_classifier import TimmClassifier
from al_lightning.networks.unet import UNet
from al_lightning.networks.vector_classifier import VectorClassifier
from al_lightning.networks.wide_resnet import WideResNet
from al_lightning.networks.wider_resnet import WiderResNet38

__all__ = [
    "Backbone",
    "DeepLabV3Plus",
    "HypercolumnClassifier",
    "LossPredictor",
    "MCDropout",
    "MobileNetV3",
    "Network",
    "ResNet",
    "ResNetClassifier",
    "Timm",
    "TimmClassifier",
    "UNet",
    "VectorClassifier",
    "WideResNet",
    "WiderResNet38",
    "folded",
]
