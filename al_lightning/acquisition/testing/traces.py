"""State that a strategy must not change: the network, the global generators, and the strategy itself."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from al_lightning.networks.base import Network


def contents(networks: Sequence[Network]) -> dict[str, Tensor]:
    """Return copies of all parameters and buffers."""
    return {
        f"{name} (member {member})": tensor.clone()
        for member, network in enumerate(networks)
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]
    }


def modes(networks: Sequence[Network]) -> list[tuple[str, bool]]:
    """Return the name of each layer, and whether it is in training mode."""
    return [(name, module.training) for network in networks for name, module in network.named_modules()]


def global_state() -> dict[str, bytes]:
    """Return the states of the global generators, by library."""
    return {
        "torch": pickle.dumps(torch.get_rng_state().tolist()),
        "numpy": pickle.dumps(np.random.get_state()),
        "Python": pickle.dumps(random.getstate()),
    }


def restore(state: dict[str, bytes]) -> None:
    """Set the global generators to a state that `global_state` returned."""
    torch.set_rng_state(torch.tensor(pickle.loads(state["torch"]), dtype=torch.uint8))
    np.random.set_state(pickle.loads(state["numpy"]))
    random.setstate(pickle.loads(state["Python"]))


def upset_global_generators(seed: int) -> None:
    """Seed the global generators, so that a strategy that draws from them gives another result with another seed."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def held(value: Any) -> int:
    """Return the bytes of a value's tensors and arrays plus the lengths of its containers."""
    if isinstance(value, (Tensor, np.ndarray)):
        return int(value.nbytes)
    if isinstance(value, dict):
        return len(value) + held(list(value.values()))
    return len(value) + sum(held(part) for part in value) if isinstance(value, (list, tuple, set)) else 0
