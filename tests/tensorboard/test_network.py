"""A network is left as it was."""

import random

import torch

from al_lightning.tensorboard.network import undisturbed
from tests.support.errors import raises


def test_a_network_is_left_as_it_was() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.Dropout())
    network[1].eval()
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    state, other = torch.get_rng_state(), random.getstate()
    with undisturbed(network, torch.device("cpu")):
        assert not any(module.training for module in network.modules())
        network(torch.rand(3, 2))
    assert [module.training for module in network] == [True, False, True]
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == other
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    with raises(KeyError), undisturbed(network, torch.device("cpu")):
        raise KeyError
    assert [module.training for module in network] == [True, False, True]
