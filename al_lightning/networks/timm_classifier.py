"""Any timm model for classification: its pooled features, dropout, and a new linear classifier."""

from __future__ import annotations

from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.errors import UsageError, require
from al_lightning.networks.base import LossPredictor, Network
from al_lightning.networks.dropout import MCDropout
from al_lightning.networks.timm_models import TimmEncoder, check_model, load_weights_of_timm
from al_lightning.types import Features, NetworkOutput


class TimmClassifier(Network):
    """A timm model, convolutional or a vision transformer, with dropout and a linear layer as its classifier.

    The embedding is what timm's model hands to its own classifier, (B, D): the pooled last map, or a transformer's
    pooled tokens. EfficientNet-Lite and MobileNetV2 have 1,280 features.

    Args:
        num_classes: number of classes.
        model: timm's name, for example `tf_efficientnet_lite0`, `resnet50`, `vit_small_patch16_224`.
        weights: `imagenet` (timm's own, downloaded once), `package` (from an installed Python package, see `PACKAGED`
            in `packaged.py`), a path to a state dict with timm's names, or none. The classifier's are never loaded.
            Mean and deviation of the images are the dataset's options.
        freeze: `none`; `trunk`, so that the classifier alone is trained; or `all`, for a training method that sets the
            classifier without gradients. A frozen encoder's BatchNorm, dropout and stochastic depth stay in eval mode.
        dropout: probability before the classifier; BALD samples it.
        image_size: side to which `encode` resizes images, in pixels, bilinearly and with antialiasing: for images that
            are smaller than the model's weights expect, such as CIFAR's. None keeps their size.
        loss_predictor: whether a loss predictor reads the model's intermediate maps.
    """

    predicts = "image"

    def __init__(
        self,
        num_classes: int,
        model: str = "tf_efficientnet_lite0",
        weights: str | None = None,
        freeze: Literal["none", "trunk", "all"] = "none",
        dropout: float = 0.0,
        image_size: int | None = None,
        loss_predictor: bool = False,
    ) -> None:
        super().__init__()
        import timm

        check_model(model, weights)
        if image_size is not None:
            require("network.image_size", image_size, least=1, most=4096)
        net: Any = timm.create_model(model, pretrained=False, num_classes=0)
        if weights is not None:
            load_weights_of_timm(net, model, weights)
        if loss_predictor and not hasattr(net, "forward_intermediates"):
            raise UsageError(f"timm's {model} gives no intermediate maps, which a loss predictor reads.")
        self.encoder = TimmEncoder(net, model, frozen=freeze != "none")
        self.image_size = image_size
        self.dropout = MCDropout(dropout)
        self.classifier = nn.Linear(net.head_hidden_size, num_classes).requires_grad_(freeze != "all")
        taps = [stage["num_chs"] for stage in net.feature_info] if loss_predictor else []
        self.loss_predictor = LossPredictor(taps) if loss_predictor else None

    def trunk(self) -> nn.Module:
        """Return the encoder."""
        return self.encoder

    def encode(self, image: Tensor) -> Features:
        """Return the pooled features as embedding; the intermediate maps as taps where a loss predictor reads them.

        Raises:
            UsageError: the model takes images of one size, and these have another; or a batch of one image is so small
                that BatchNorm sees one value a channel while it trains.
        """
        size = (image.shape[-2], image.shape[-1])
        if self.image_size is not None:
            image = F.interpolate(image, (self.image_size,) * 2, mode="bilinear", antialias=True)
        try:
            embedding, taps = self._embedding_and_taps(image)
        except ValueError as error:
            if not self.training or len(image) > 1 or "more than 1 value per channel" not in str(error):
                raise
            raise UsageError(
                f"timm's {self.encoder.model} trains on batches of at least 2 images a process where these are "
                f"{image.shape[-2]} x {image.shape[-1]} (BatchNorm over a map of one pixel); give a larger "
                "--data.batch_size or --data.size."
            ) from error
        return Features((), embedding, taps, size)

    def _embedding_and_taps(self, image: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        if self.loss_predictor is None:
            return self.encoder(image), ()
        self.encoder.check_size(image)
        net: Any = self.encoder.net
        last, taps = net.forward_intermediates(image)
        return net.forward_head(last, pre_logits=True), tuple(taps)

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C)."""
        return NetworkOutput(self.classifier(self.dropout(features.embedding)), self.predicted_loss(features))
