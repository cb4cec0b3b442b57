"""Pretrained weights: from torchvision, from a path, or none; a partial load is an error."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from al_lightning.errors import UsageError, from_home

log = logging.getLogger(__name__)

CLASSIFIERS = ("classifier", "fc", "head")
"""Names of a network's last layers: these give way to the task's own classes, which goes without saying."""


def load_weights(net: nn.Module, weights: str | None, model: str, ignore: tuple[str, ...] = ()) -> None:
    """Load a state dict into a network, and log whose weights these are and which layers are left aside.

    Args:
        net: the network; changed in place.
        weights: `imagenet` for torchvision's default weights of `model`, a path to a state dict, possibly under a
            `state_dict` key, or None to leave the initialisation.
        model: torchvision's name of the network.
        ignore: prefixes of names that are neither required nor loaded, for example the classifier's.

    Raises:
        UsageError: the file is missing or no state dict, or its names or shapes do not fit.
    """
    if weights is None:
        return
    if weights == "imagenet":
        try:
            state: dict[str, Tensor] = dict(torchvision.models.get_model_weights(model).DEFAULT.get_state_dict())
        except (OSError, RuntimeError) as error:  # no network; a download whose hash is wrong
            raise UsageError(
                f"ImageNet weights of {model} could not be downloaded ({error}); fetch torchvision's file elsewhere "
                "and give its path as weights, or train from scratch with weights: null."
            ) from error
    else:
        state = read_state(from_home("weights", weights))
    fill(net, state, weights, model, ignore)


def fill(net: nn.Module, state: dict[str, Tensor], weights: str, model: str, ignore: tuple[str, ...] = ()) -> None:
    """Copy tensors into a network, all or none, and log which were loaded and which ignored.

    Args:
        net: the network; changed in place.
        state: tensors by name, possibly with `module.` before the names. BatchNorm's counters may be missing, as in
            files from before 2018: nothing reads them.
        weights: the option's value, for messages.
        model: the network's name, for messages.
        ignore: prefixes of names that are neither required nor loaded.

    Raises:
        UsageError: names or shapes do not fit.
    """
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    wanted = {name: tensor for name, tensor in net.state_dict().items() if not name.startswith(ignore)}
    ignored = sorted(name for name in state if name.startswith(ignore))
    state = {name: tensor for name, tensor in state.items() if not name.startswith(ignore)}
    missing, unknown = wanted.keys() - state.keys(), state.keys() - wanted.keys()
    counters = {name for name in missing if name.endswith("num_batches_tracked")}
    if counters == missing:
        missing = set()
    wrong = [name for name in wanted.keys() & state.keys() if wanted[name].shape != state[name].shape]
    for problem, names in (("lack", missing), ("have unknown", unknown), ("have another shape for", wrong)):
        if names:
            raise UsageError(
                f"Weights {weights} do not fit {model}: they {problem} {min(names)!r} ({len(names)} such)."
            )
    net.load_state_dict(state, strict=False)
    layers = dict.fromkeys(name.rpartition(".")[0] for name in ignored)
    aside = ", ".join(layer for layer in layers if layer.partition(".")[0] not in CLASSIFIERS)
    log.info("weights of %s (%s)%s", model, weights, f"; left aside: {aside}" if aside else "")


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a file as plain tensors; code in the file does not run.

    Raises:
        UsageError: the file is missing or no state dict.
    """
    if not path.is_file():
        raise UsageError(f"No weights at {path}; give `imagenet`, the path of a state dict, or null.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # torch raises several types here, which mean the same to the user
        # "from None", because torch's message advises a way of loading that runs code in the file.
        raise UsageError(f"{path} holds no plain weights: a state dict that torch.save wrote was expected.") from None
    if isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise UsageError(f"{path} is not a state dict: names with tensors were expected.")
    return content
