"""Weights: what fits is loaded whole, and anything else is refused. Nothing is downloaded."""

import logging
import os
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from al_lightning.errors import UsageError
from al_lightning.networks import ResNet
from al_lightning.networks.weights import fill, load_weights
from tests.support.errors import raises
from tests.support.networks import stir


def test_no_weights_leave_the_initialisation():
    net = nn.Linear(2, 2)
    before = net.weight.clone()
    load_weights(net, None, "linear")
    assert torch.equal(net.weight, before)


def test_missing_weights_are_named():
    with raises(UsageError, Path("nowhere/resnet18.pt"), "`imagenet`", "null"):
        ResNet(18, weights="nowhere/resnet18.pt")


def small_net():
    return nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.Linear(4, 2))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda state: state.pop("1.bias"), "lack '1.bias' (1 such)"),
        (lambda state: [state.pop("1.bias"), state.pop("0.weight")], "lack '0.weight' (2 such)"),
        (lambda state: state.update(extra=torch.zeros(1)), "have unknown 'extra' (1 such)"),
        (
            lambda state: state.update({"0.weight": torch.zeros(4, 3, 3, 3)}),
            "have another shape for '0.weight' (1 such)",
        ),
    ],
    ids=["missing", "two missing", "unknown", "shape"],
)
def test_weights_that_do_not_fit_are_refused_whole(change, problem, tmp_path):
    path, net, state = tmp_path / "weights.pt", small_net(), small_net().state_dict()
    change(state)
    torch.save(state, path)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with raises(UsageError, path, "small", problem):
        load_weights(net, str(path), "small", ignore=("2.",))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_ignored_names_need_not_be_there_and_are_left_alone(tmp_path):
    path, net, other = tmp_path / "weights.pt", small_net(), small_net()
    head = net[2].weight.clone()
    state = other.state_dict()
    state["2.weight"], state["2.extra"] = torch.zeros(7, 7), torch.zeros(1)
    torch.save(state, path)
    load_weights(net, str(path), "small", ignore=("2.",))
    assert torch.equal(net[0].weight, other[0].weight)
    assert torch.equal(net[2].weight, head)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"other": torch.zeros(1)}, path)
    with raises(UsageError, path, "resnet18", "lack 'bn1.bias' (120 such)"):
        ResNet(18, weights=str(path))


@pytest.mark.parametrize(
    "content",
    [torch.zeros(3), {"epoch": 3}, {"state_dict": 7}, [torch.zeros(1)], {0: torch.zeros(1)}],
    ids=["tensor", "numbers", "number", "list", "numbered"],
)
def test_files_without_a_state_dict_are_refused(content, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with raises(UsageError, path, "not a state dict"):
        ResNet(18, weights=str(path))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"not a checkpoint")
    with raises(UsageError, path, "no plain weights"):
        ResNet(18, weights=str(path))


def test_a_failed_download_says_what_to_do(monkeypatch):
    class Offline:
        class DEFAULT:
            @staticmethod
            def get_state_dict():
                raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda model: Offline)
    with raises(UsageError, "resnet18", "no route to host"):
        ResNet(18, weights="imagenet")


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_an_evil_pickle_is_not_executed(tmp_path):
    path, folder = tmp_path / "weights.pt", tmp_path / "owned"
    torch.save({"state_dict": Evil(str(folder))}, path)
    with raises(UsageError, path, "no plain weights"):
        ResNet(18, weights=str(path))
    assert not folder.exists()
    torch.load(path, weights_only=False)
    assert folder.exists(), "the pickle is not evil, so the test proves nothing"


def counterless(net):
    return {name: tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")}


def test_files_from_before_batchnorm_counted_are_loaded(caplog):
    net, other = (
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)),
    )
    stir(other)
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        fill(net, counterless(other), "old.pth", "small")
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in counterless(other).items())
    assert caplog.messages == ["weights of small (old.pth)"]
