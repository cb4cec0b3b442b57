"""BatchNorm folded into the convolution before it: the same function in fewer passes over memory."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock, Bottleneck

from al_lightning.networks.base import Network

_TORCHVISION: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    BasicBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    Bottleneck: (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
}


def folded(network: nn.Module) -> nn.Module:
    """Return a copy of a network in which BatchNorm is part of the convolution before it, for eval mode alone.

    Weights are scaled by gamma / sqrt(variance + epsilon), biases shifted: outputs are the same up to rounding. What is
    folded: neighbours in an `nn.Sequential`, torchvision's residual blocks, and the pairs that a block names in
    `folds`.

    Args:
        network: left as it is. One that does not say `foldable`, whose modules have hooks, or that cannot be copied is
            returned itself. Parts that say they are not foldable, as backbones do unless told otherwise, are shared
            with the copy.
    """
    modules = list(network.modules())
    if not (isinstance(network, Network) and network.foldable) or any(_is_watched(module) for module in modules):
        return network
    try:
        network = copy.deepcopy(network, {id(part): part for part in modules if not _may_fold(part)}).eval()
    except Exception:  # one that keeps, for example, a tensor with a history
        return network
    for block in list(_blocks(network)):
        for (parent, name), (norm_parent, norm_name) in _neighbours(block):
            conv, norm = parent._modules[name], norm_parent._modules[norm_name]
            # Not their subclasses: some of timm's do more than their name says.
            if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.running_var is not None:
                parent._modules[name] = fuse_conv_bn_eval(conv, norm)
                norm_parent._modules[norm_name] = nn.Identity()
    return network


Place = tuple[nn.Module, str]
"""A module by its parent and name."""


def _may_fold(module: nn.Module) -> bool:
    return getattr(module, "foldable", True)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """Yield a module and what it consists of, without the parts that are not foldable."""
    if _may_fold(module):
        yield module
        for child in module.children():
            yield from _blocks(child)


def _neighbours(block: nn.Module) -> Iterator[tuple[Place, Place]]:
    """Yield places whose first module's output is read by the second, and by nothing else."""
    if _is_chain(block):
        flat = list(_flat(block))
        yield from itertools.pairwise(flat)
    for first, second in _TORCHVISION.get(type(block), ()) or getattr(block, "folds", ()):
        yield (block, first), (block, second)


def _flat(chain: nn.Module) -> Iterator[Place]:
    for name, module in chain.named_children():
        if _is_chain(module):
            yield from _flat(module)
        else:
            yield chain, name


def _is_chain(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward and _may_fold(module)


def _is_watched(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)
