"""The key of features: the texts that say all that the output of a network's `encode` for an image depends on."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from al_lightning.networks.base import Network
from al_lightning.runs.seals import digest_of
from al_lightning.types import Features

T = TypeVar("T")
LIBRARIES = ("torch", "torchvision", "timm")
"""Packages whose version says what their modules compute; of other modules the file counts."""
NOTES = ("training", "trained_on")
"""Attributes of modules that do not change what an encoder in eval mode computes."""


def encoder_key(network: Network, image: Tensor) -> tuple[dict[str, str], Features]:
    """Return the parts of a key that describe the encoder, and the features of an image.

    What only `decode` calls does not count, so that features serve any head: its number of classes, its initial
    weights and its dropout may differ.

    Args:
        network: in eval mode.
        image: (1, 3, H, W) float32, normalised.
    """
    with torch.inference_mode():
        features, encoding = _called(network, lambda: network.encode(image))
        _, decoding = _called(network, lambda: network.decode(features))
    heads = decoding - encoding
    parts = {name: module for name, module in network.named_modules() if module not in heads}
    return {
        "encoder": f"{type(network).__module__}.{type(network).__qualname__}",
        "weights": _digest(_tensors(parts, network.linear_head())),
        "structure": _digest(_settings(parts)),
        "code": _digest(_code(parts)),
        "versions": ", ".join(f"{name} {_version(name)}" for name in LIBRARIES),
    }, features


def _called(network: Network, work: Callable[[], T]) -> tuple[T, set[nn.Module]]:
    """Return what a function returns, and which modules without parts it called."""
    seen: set[nn.Module] = set()
    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [leaf.register_forward_pre_hook(lambda module, inputs: seen.add(module)) for leaf in leaves]
    try:
        return work(), seen
    finally:
        for hook in hooks:
            hook.remove()


def _digest(parts: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _tensors(modules: dict[str, nn.Module], head: tuple[list[Tensor], Tensor] | None) -> Iterator[bytes]:
    """Yield names, types and numbers of the tensors that modules themselves have, but for a head's."""
    left_out = {id(tensor) for tensor in (*head[0], head[1])} if head is not None else set()
    for prefix, module in modules.items():
        own = {name: value for name, value in vars(module).items() if isinstance(value, Tensor)}
        own |= {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}
        for name, tensor in sorted(own.items()):
            if id(tensor) in left_out:
                continue
            yield f"{prefix}.{name} {tensor.dtype} {tuple(tensor.shape)}".encode()
            yield tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _settings(modules: dict[str, nn.Module]) -> Iterator[bytes]:
    """Yield the class of each module, and its attributes that are plain data: stride, padding, epsilon ..."""
    for name, module in modules.items():
        plain = {key: value for key, value in vars(module).items() if key not in NOTES and _is_plain(value)}
        yield json.dumps([name, type(module).__qualname__, plain], sort_keys=True).encode()


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _code(modules: dict[str, nn.Module]) -> Iterator[bytes]:
    """Yield name and SHA-256 of each file, other than the libraries', that defines a class of the modules."""
    names = {kind.__module__ for module in modules.values() for kind in type(module).__mro__}
    for name in sorted(names):
        file = getattr(sys.modules.get(name), "__file__", None)
        if name.split(".")[0] not in LIBRARIES and file and Path(file).is_file():
            yield f"{name} {digest_of(Path(file))}".encode()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
