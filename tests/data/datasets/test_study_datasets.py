"""The study's public datasets on tiny trees of their official layouts, with mistakes planted, and their configs."""

import pytest
import torch
import yaml
from PIL import Image

from al_lightning.config.experiment import configure
from al_lightning.data import VOC, Cityscapes, PoolDataset
from al_lightning.errors import DatasetError
from tests.support import trees_study as trees
from tests.support.errors import refused
from tests.support.runs import journal
from tests.support.trees_study import part


@pytest.fixture
def voc(tmp_path):
    return trees.write_voc(tmp_path / "data")


@pytest.fixture
def cityscapes(tmp_path):
    return trees.write_cityscapes(tmp_path / "data")


def test_nothing_is_decoded_before_it_is_asked_for(voc, cityscapes, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("an image was opened"))
    for kind in (VOC, Cityscapes):
        data = part(kind, voc)
        assert data.pool().size == len(data.train) > 0
        assert len(data.fingerprint()) == 64


def test_the_official_counts_pass(voc, cityscapes, monkeypatch):
    for module, kind, counts in (("voc", VOC, (5, 2)), ("cityscapes", Cityscapes, (6, 3))):
        monkeypatch.setattr(f"al_lightning.data.datasets.{module}.COUNTS", counts)
        assert kind(root=str(voc)).pool().size == counts[0]


NETWORKS = {"cifar10": (10, 1_467_610), "cifar100": (100, 1_479_220), "voc": (21, None), "cityscapes": (19, None)}


@pytest.mark.parametrize("name", NETWORKS)
def test_configs_print_and_their_real_networks_have_the_right_classes(name, al, here):
    answer = al("fit", "--config", f"{name}_random", "--print_config")
    assert answer.code == 0, answer.err
    content = yaml.safe_load(answer.out)
    assert content["epochs"] == (150 if name.startswith("cifar") else 100)
    experiment = configure([f"{name}_random"], run_dir="r")
    assert isinstance(experiment.data, PoolDataset)
    classes, parameters = NETWORKS[name]
    assert experiment.data.num_classes == classes
    size = (32, 32) if parameters else experiment.data.augmentation.crop
    with torch.device("meta"):
        network = experiment.network(classes).eval()
        logits = network(torch.empty(2, 3, *size)).logits
    assert logits.shape == ((2, classes) if parameters else (2, classes, *size))
    assert sum(p.numel() for p in network.parameters()) == (parameters or {21: 137_104_448, 19: 137_103_936}[classes])


SMALL = ["--data.complete", "false", "--data.workers", 0, "--steps", 2, "--budget.cycles", 0, "--run_dir", "r"]


@pytest.mark.parametrize(
    ("name", "write", "options", "labelled"),
    [
        ("voc_unet_random", trees.write_voc, ["--data.augmentation.crop", "[16, 16]"], 2),
        ("cityscapes_unet_random", trees.write_cityscapes, ["--data.size", "[32, 64]"], 3),
    ],
)
def test_segmentation_by_the_command_line(name, write, options, labelled, al, here):
    root = write(here / "data")
    options = [*options, "--data.root", root, "--data.batch_size", 2, "--training.head_lr_factor", 1, *SMALL]
    answer = al("fit", "--config", name, *options, "--budget.initial", 50)
    assert answer.code == 0, answer.err
    cycle = journal(here / "r")[1]
    assert cycle["labelled"] == labelled
    assert 0 <= cycle["metrics"]["miou"] <= 1


def test_missing_data_by_the_command_line(al, here):
    for name in NETWORKS:
        answer = al("fit", "--config", f"{name}_random", "--data.root", "nothing")
        assert refused(answer, DatasetError, "nothing", "--data.root DIR")
        assert "Traceback" not in answer.err
