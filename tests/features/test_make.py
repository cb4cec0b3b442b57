"""Features of a dataset: what the network gives, however the work was split or interrupted, and under which key."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from al_lightning.data import ImageFolder
from al_lightning.distributed.processes import Processes
from al_lightning.errors import DatasetError, UsageError
from al_lightning.features import make
from al_lightning.features.make import find_or_make
from al_lightning.networks import UNet, WideResNet
from al_lightning.networks.base import Network, pooled
from al_lightning.networks.from_features import FromFeatures
from al_lightning.progress import Reporter
from al_lightning.types import Features, NetworkOutput
from tests.support.caches import boxes
from tests.support.errors import lacking, raises
from tests.support.networks import stir

ONE = Processes()


class Attributed(Network):
    """Its encoder has a number that is neither a parameter nor a module's."""

    predicts = "image"

    def __init__(self, power=1.0, dropout=0.0, classes=3):
        super().__init__()
        self.power = power
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(4, classes))
        nn.init.constant_(self.conv.weight, 0.1)
        nn.init.constant_(self.conv.bias, 0.0)

    def encode(self, image):
        return Features((), pooled(self.conv(image)).abs() ** self.power, (), tuple(image.shape[-2:]))

    def decode(self, features):
        return NetworkOutput(self.head(features.embedding))


def network(seed=0, **options):
    torch.manual_seed(seed)
    return stir(WideResNet(3, **{"depth": 10, "width": 1, **options})).eval()


def data(root, **options):
    return ImageFolder(root=str(root), **{"size": (12, 12), "workers": 0, "eval_batch_size": 4, **options})


def found(dataset, net, **options):
    """The features and what was said."""
    out = io.StringIO()
    sets = find_or_make(dataset, net, ONE, Reporter(stream=out), **options)
    return sets, out.getvalue()


def stores(root):
    return sorted(path for path in (root / ".al_cache/features").iterdir() if path.is_dir())


def files(root):
    return [{path.name: path.read_bytes() for path in store.iterdir()} for store in stores(root)]


def test_they_are_what_encode_gives(class_folders):
    dataset, net = data(class_folders), network()
    sets, said = found(dataset, net)
    assert not lacking(said, [30, 12, "12 x 12", 64, class_folders])
    for images, features in ((dataset.train, sets.train), (dataset.test, sets.test)):
        pixels = torch.from_numpy(np.stack([images.image(n) for n in range(len(images))])).permute(0, 3, 1, 2)
        with torch.no_grad():
            expected = net.encode((pixels / 255 - dataset.mean) / dataset.std).embedding
        got = features.rows(range(len(images)))
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    again, said = found(dataset, net)
    assert torch.equal(again.train.rows([29]), sets.train.rows([29]))
    assert "come from" in said


def test_maps_are_kept_in_half_precision(masks):
    dataset, net = boxes(masks, workers=0, eval_batch_size=4), stir(UNet(2, width=4)).eval()
    sets, _ = found(dataset, net)
    rows = sets.train.rows([5, 2])
    inner = FromFeatures(net, sets.train.layout)
    pixels = torch.from_numpy(np.stack([dataset.train.image(n) for n in (5, 2)])).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = net.encode((pixels / 255 - dataset.mean) / dataset.std)
        whole, stored = net.decode(expected).logits, inner(rows).logits
    assert rows.dtype == torch.float16
    torch.testing.assert_close(stored, whole, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("count", [2, 3])
def test_processes_share_the_work_and_the_bytes_are_the_same(class_folders, monkeypatch, count):
    """Each process's share after the other; `test_processes` in `tests/cli/test_features.py` starts real ones."""
    dataset, net = data(class_folders), network()
    found(dataset, net)
    alone = files(class_folders)
    (stores(class_folders)[0] / "test.npy").unlink()
    (stores(class_folders)[0] / "manifest.json").unlink()
    fill = make._fill

    def shared(store, missing, dataset, encoder, processes, reporter):
        for rank in range(count):
            fill(store, missing, dataset, encoder, Processes(rank, count), reporter)

    monkeypatch.setattr(make, "_fill", shared)
    found(dataset, net)
    assert files(class_folders) == alone


@pytest.mark.parametrize(("blocks", "images"), [(0, None), (3, 12), (10, 38)])
def test_a_kill_in_the_middle_gives_the_same_bytes(class_folders, monkeypatch, blocks, images):
    dataset, net = data(class_folders), network()
    write, written = make.Store.write, []

    def killed(store, *rest):
        if len(written) == blocks:
            raise KeyboardInterrupt
        written.append(rest)
        write(store, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(make.Store, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            found(dataset, net)
    assert [path.suffix for path in stores(class_folders)] == [".part"]
    _, said = found(dataset, net)
    assert not lacking(said, [f"{images} of 42"] if images else [])
    assert ("already" in said) == bool(images)
    resumed = files(class_folders)
    for path in stores(class_folders):
        path.rename(class_folders / "resumed")
    found(dataset, net)
    assert files(class_folders) == resumed


def test_a_damaged_block_is_made_again_with_a_line(class_folders):
    dataset, net = data(class_folders), network()
    found(dataset, net)
    before, path = files(class_folders), stores(class_folders)[0] / "train.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    _, said = found(dataset, net)
    assert not lacking(said, ["damaged", 1, path.parent])
    assert files(class_folders) == before


def test_the_key_is_all_that_the_features_depend_on(class_folders):
    """Heads do not count: any number of classes, weights and dropout of theirs is served by one store."""
    found(data(class_folders), Attributed())
    for net in (Attributed(classes=7), Attributed(dropout=0.5)):
        assert "come from" in found(data(class_folders, batch_size=2, workers=1), net)[1]
    other = Attributed()
    nn.init.constant_(other.conv.bias, 0.1)
    padded = Attributed()
    padded.conv.padding = (1, 1)
    brighter = class_folders / "train/red"
    changes = [
        (data(class_folders), other, {}),
        (data(class_folders), padded, {}),
        (data(class_folders), Attributed(power=2.0), {}),
        (data(class_folders, size=(14, 12)), Attributed(), {}),
        (data(class_folders, std=(0.5, 0.5, 0.5)), Attributed(), {}),
        (data(class_folders, eval_batch_size=5), Attributed(), {}),  # it changes the last bits
        (data(class_folders), Attributed(), {"options": {"precision": "bf16-mixed"}}),
    ]
    for count, (dataset, net, options) in enumerate(changes, start=1):
        assert "features are made" in found(dataset, net, **options)[1]
        assert len(stores(class_folders)) == count + 1
    image = next(iter(brighter.iterdir()))
    Image.fromarray(np.asarray(Image.open(image)) // 2).save(image)
    assert "features are made" in found(data(class_folders), Attributed())[1]


def test_a_network_without_weights_is_told(class_folders):
    assert "random weights" in found(data(class_folders), network(), pretrained=False)[1]


def test_without_a_cache_they_lie_in_the_run(class_folders, tmp_path):
    dataset = data(class_folders, cache=False)
    with raises(UsageError, "data.cache"):
        found(dataset, network())
    dataset.run_folder = tmp_path / "run"
    found(dataset, network())
    assert len(list((tmp_path / "run/features").glob("*/train.npy"))) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_is_named(class_folders, workers):
    path = sorted((class_folders / "train/red").iterdir())[3]
    path.write_bytes(path.read_bytes()[:60])
    with raises(DatasetError, path):
        found(data(class_folders, workers=workers), network())


def test_features_that_are_no_numbers_are_named(class_folders):
    net = network()
    dataset = data(class_folders)
    nn.init.constant_(net.stem.weight, float("nan"))
    with raises(DatasetError, dataset.train.name(0), 3):
        found(dataset, net)


def test_images_of_other_sizes_are_named(class_folders):
    dataset = data(class_folders, size=None, eval_batch_size=1)
    path = sorted((class_folders / "train/red").iterdir())[3]
    Image.new("RGB", (20, 16)).save(path)
    with raises(DatasetError, path, "16 x 20", "12 x 12", "--data.size"):
        found(dataset, network())


def test_what_features_cannot_serve_is_refused(class_folders):
    with raises(UsageError, "WideResNet", "loss predictor"):
        found(data(class_folders), network(loss_predictor=True))
    with raises(UsageError, "64-true", "bf16-mixed"):
        found(data(class_folders), network(), options={"precision": "64-true"})


def test_copied_data_have_their_features(class_folders, tmp_path):
    found(data(class_folders), network())
    copied = Path(shutil.copytree(class_folders, tmp_path / "elsewhere", copy_function=shutil.copyfile))
    for path in copied.rglob("*.png"):
        os.utime(path, (1, 1))  # another time of change
    assert "come from" in found(data(copied), network())[1]


def test_an_image_of_other_content_has_other_features(class_folders):
    found(data(class_folders), network())
    path = min(class_folders.rglob("*.png"))
    with Image.open(path) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    assert "features are made of" in found(data(class_folders), network())[1]
    assert len(stores(class_folders)) == 2


def test_a_file_whose_content_cannot_be_read(class_folders, monkeypatch):
    def failing(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(make, "digest_of", failing)
    with raises(DatasetError, class_folders, "cannot be read", "Input/output error"):
        found(data(class_folders), network())
