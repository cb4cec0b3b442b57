"""BatchNorm folded into the preceding convolution: the same function in fewer passes over memory."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock, Bottleneck

from al_lightning.networks.base import Network

Slot = tuple[nn.Module, str]
"""The parent of a module, and the module's name in it."""
_TORCHVISION: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    BasicBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    Bottleneck: (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
}


def folded(network: nn.Module) -> nn.Module:
    """Return a copy of a network for eval mode, in which BatchNorm is part of the preceding convolution.

    Weights are scaled by gamma / sqrt(variance + epsilon), biases shifted: outputs are equal up to rounding. It folds
    neighbours in an `nn.Sequential`, the pairs of torchvision's residual blocks, and the pairs that a block lists in
    `folds`.

    Args:
        network: stays unchanged. It is returned itself if it is not `foldable`, has modules with hooks, or cannot be
            copied. Parts that are not foldable, as backbones by default, are shared with the copy.
    """
    modules = list(network.modules())
    watched = any(module._forward_hooks or module._forward_pre_hooks for module in modules)
    if not (isinstance(network, Network) and network.foldable) or watched:
        return network
    try:
        network = copy.deepcopy(network, {id(part): part for part in modules if not _may_fold(part)}).eval()
    except Exception:  # for example a tensor with a gradient history
        return network
    for block in list(_blocks(network)):
        for (parent, name), (norm_parent, norm_name) in _neighbours(block):
            conv, norm = parent._modules[name], norm_parent._modules[norm_name]
            # Exact types: some subclasses in timm add an activation.
            if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.running_var is not None:
                parent._modules[name] = fuse_conv_bn_eval(conv, norm)
                norm_parent._modules[norm_name] = nn.Identity()
    return network


def _may_fold(module: nn.Module) -> bool:
    return getattr(module, "foldable", True)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """Yield a module and its descendants, without those that are not foldable."""
    if _may_fold(module):
        yield module
        for child in module.children():
            yield from _blocks(child)


def _neighbours(block: nn.Module) -> Iterator[tuple[Slot, Slot]]:
    """Yield pairs of slots: the second module alone reads the output of the first."""
    if _is_chain(block):
        yield from itertools.pairwise(list(_flat(block)))
    for first, second in _TORCHVISION.get(type(block), ()) or getattr(block, "folds", ()):
        yield (block, first), (block, second)


def _flat(chain: nn.Module) -> Iterator[Slot]:
    for name, module in chain.named_children():
        if _is_chain(module):
            yield from _flat(module)
        else:
            yield chain, name


def _is_chain(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward and _may_fold(module)
