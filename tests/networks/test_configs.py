"""Configurations of the networks: what they set, and the normalisation that their weights need."""

from dataclasses import astuple

import pytest
import torch
import yaml

from al_lightning.config.layers import read_layers
from al_lightning.config.names import shipped
from al_lightning.data.normalize import normalise
from al_lightning.networks.packaged import PACKAGED
from al_lightning.types import Batch
from tests.support.runs import TINY, journal

TASKS = ["al_lightning.tasks.Classification", "al_lightning.tasks.Segmentation"]

PACKAGES = ["efficientnet", "efficientnet_lite1", "efficientnet_lite2", "mobilenetv2", "hypercolumns"]


@pytest.mark.parametrize("name", PACKAGES)
def test_the_configs_mean_and_deviation_are_the_weights_own(name):
    path = shipped() / f"networks/{name}.yaml"
    for task in TASKS if name != "hypercolumns" else TASKS[1:]:
        values = read_layers([path], task)
        network = values["network"]["init_args"]
        network = network["backbone"]["init_args"] if "backbone" in network else network
        encoder = PACKAGED[network["model"]]
        assert network["weights"] == "package"
        assert (tuple(values["data"]["init_args"]["mean"]), tuple(values["data"]["init_args"]["std"])) == (
            pytest.approx(encoder.mean, abs=1e-12),
            pytest.approx(encoder.std, abs=1e-12),
        )


def test_efficientnets_images_are_normalised_as_its_package_says():
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in astuple(PACKAGED["tf_efficientnet_lite0"])[5:7])
    image = torch.arange(256, dtype=torch.uint8).repeat(3, 1).view(1, 3, 16, 16)
    batch = normalise(Batch(image, torch.zeros(1), torch.zeros(1)), mean, std, torch.contiguous_format)
    torch.testing.assert_close(batch.image, (image.float() - 127) / 128, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "options", "network"),
    [
        (
            "mask_folder_wrn38_entropy",
            ["--data.classes", "[a, b]", "--network.init_args.backbone.init_args.weights", "wider_resnet38.pth.tar"],
            {"backbone": "wider_resnet38.pth.tar", "linear_projections": True, "channels": 256, "mean": 0.485},
        ),
        (
            "camvid_efficientnet_entropy",
            [],
            {"backbone": "package", "linear_projections": False, "channels": 128, "mean": 127 / 255},
        ),
        ("digits_resnet18_250-250_random", ["--network.init_args.weights", "null"], {"weights": None, "depth": 18}),
        (
            "cifar10_efficientnet_250-250_bald",
            [],
            {
                "weights": "package",
                "model": "tf_efficientnet_lite0",
                "image_size": 128,
                "dropout": 0.1,
                "mean": 127 / 255,
            },
        ),
        ("cifar100_mobilenetv2_random", [], {"model": "mobilenetv2_100", "image_size": 128, "mean": 0.485}),
        ("digits_efficientnet_lite2_random", [], {"model": "tf_efficientnet_lite2", "image_size": None}),
        ("camvid_hypercolumns_bald", [], {"weights": "package", "freeze": "trunk", "dropout": 0.1, "mean": 127 / 255}),
        ("digits_resnet18_250-250_random", [], {"weights": "imagenet", "dropout": 0.0, "mean": 0.485}),
    ],
)
def test_configs_of_the_networks_parse(al, here, config, options, network):
    answer = al("fit", "--config", config, *options, "--print_config")
    assert answer.code == 0, answer.err
    content = yaml.safe_load(answer.out)
    found = dict(content["network"]["init_args"])
    found["mean"] = content["data"]["init_args"]["mean"][0]
    if "backbone" in found:
        found["backbone"] = found["backbone"]["init_args"]["weights"]
    assert {name: found[name] for name in network} == network


def test_photos_begin_with_the_packaged_encoder_and_masks_can_use_its_maps(al, here, class_folders, masks):
    short = [*TINY, "--steps", 2, "--data.batch_size", 4, "--budget.initial", 20, "--budget.query", 20]
    short += ["--budget.cycles", 1]
    photos = ["--data.root", class_folders, "--data.size", "[32, 32]", "--run_dir", "photos"]
    done = al("fit", "--config", "image_folder_bald", *short, *photos)
    assert done.code == 0, done.err
    assert "weights of tf_efficientnet_lite0 (package)" in done.err
    assert "images are read at 32 x 32" in done.err
    pixels = ["--data.root", masks, "--data.classes", "[ground, box]", "--run_dir", "pixels"]
    done = al("fit", "--config", "mask_folder_hypercolumns_bald", *short, *pixels)
    assert done.code == 0, done.err
    for run in ("photos", "pixels"):
        first, second = journal(here / run)[1:]
        assert second["labelled"] == first["labelled"] + len(first["chosen"]) > first["labelled"]
