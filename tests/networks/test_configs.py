"""Configurations of the networks: what they set, and the normalisation that their weights need."""

import pytest
import torch
import yaml

from al_lightning.config.names import shipped
from al_lightning.data.normalize import normalise
from al_lightning.types import Batch


def test_the_configs_mean_and_deviation_are_the_weights_own():
    arguments = yaml.load((shipped() / "networks/efficientnet.yaml").read_text(), Loader=Tolerant)["data"]["init_args"]
    mean, std = (torch.tensor(arguments[name]).view(3, 1, 1) for name in ("mean", "std"))
    image = torch.arange(256, dtype=torch.uint8).repeat(3, 1).view(1, 3, 16, 16)
    batch = normalise(Batch(image, torch.zeros(1), torch.zeros(1)), mean, std, torch.contiguous_format)
    torch.testing.assert_close(batch.image, (image.float() - 127) / 128, rtol=0, atol=1e-6)


class Tolerant(yaml.SafeLoader):
    """Reads `!replace` as the mapping it stands for."""


Tolerant.add_constructor("!replace", lambda loader, node: loader.construct_mapping(node, deep=True))


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
