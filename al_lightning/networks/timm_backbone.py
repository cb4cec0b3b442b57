"""Backbones for dense prediction from timm."""

from __future__ import annotations

from torch import Tensor

from al_lightning.errors import UsageError
from al_lightning.networks.backbones import Backbone, check_stride
from al_lightning.networks.timm_models import check_model, feature_maps, load_weights_of_timm


class Timm(Backbone):
    """A timm model with feature maps at output stride 8 or 16.

    The stages are the maps from stride 4 on. The fine map has stride 4, or 2 if there is no map at 4.

    Args:
        model: timm's name, for example `tf_efficientnet_lite0`, `resnet50`, `convnext_tiny`.
        output_stride: 8 or 16.
        weights: `imagenet` (timm's own, downloaded once), `package` (from an installed Python package, see `PACKAGED`
            in `packaged.py`, with the mean and deviation that its images need), a path to a state dict with the names
            of timm's whole model, or none. The head's tensors are not used.
    """

    def __init__(
        self, model: str = "tf_efficientnet_lite0", output_stride: int = 16, weights: str | None = None
    ) -> None:
        super().__init__()
        check_stride(output_stride)
        check_model(model, weights)
        self.net = feature_maps(model, output_stride=output_stride)
        strides, channels = self.net.feature_info.reduction(), self.net.feature_info.channels()
        if strides[-1] != output_stride or not {2, 4} & set(strides):
            raise UsageError(
                f"timm's {model} gives feature maps at strides {strides}, but {output_stride} was asked of the last "
                "map and 4 or 2 of another; take another model."
            )
        if weights is not None:
            load_weights_of_timm(self.net, model, weights)
        self.fine = strides.index(4 if 4 in strides else 2)
        self.kept = [number for number, stride in enumerate(strides) if stride >= 4]
        self.channels = (channels[self.fine], channels[-1])
        self.stage_channels = tuple(channels[number] for number in self.kept)
        self.output_stride = output_stride

    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Return the maps from stride 4 on, the fine map, and the last map."""
        maps = self.net(image)
        return tuple(maps[number] for number in self.kept), maps[self.fine], maps[-1]
