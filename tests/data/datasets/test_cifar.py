"""CIFAR on a tiny tree of the official layout, with mistakes planted."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from torchvision import datasets

from al_lightning.data import CIFAR
from al_lightning.errors import DatasetError, UsageError
from al_lightning.pool import Pool
from tests.support import trees_study as trees
from tests.support.errors import raises
from tests.support.runs import journal
from tests.support.trees_study import part


@pytest.fixture(params=[10, 100])
def cifar(request, tmp_path, monkeypatch):
    """(root, torchvision's class, number of classes)."""
    kind = {10: datasets.CIFAR10, 100: datasets.CIFAR100}[request.param]
    return trees.write_cifar(tmp_path / "data", kind, monkeypatch), kind, request.param


def test_cifar_in_the_official_order_with_names_and_classes(cifar):
    root, kind, count = cifar
    data = part(CIFAR, root, classes=count)
    batches = 5 if count == 10 else 1
    assert (len(data.train), len(data.test)) == (2 * count * batches, count)
    assert data.num_classes == count
    assert list(data.classes()) == [label for _ in range(batches) for label in range(count) for _ in range(2)]
    assert [data.test.label(index) for index in range(count)] == list(range(count))
    assert (data.train.name(0), data.test.name(7)) == ("train 00000", "test 00007")
    assert data.names([13, 2]) == ["train 00013", "train 00002"]
    assert data.pool() == Pool(len(data.train))
    official = kind(str(root), train=False)
    assert all(np.array_equal(data.test.image(i), np.asarray(official[i][0])) for i in range(count))
    assert (data.train.image(0).shape, data.train.image(0).dtype) == ((32, 32, 3), np.uint8)


def test_cifar_knows_its_class_names_without_data(tmp_path):
    ten, hundred = (CIFAR(root=str(tmp_path), classes=count).class_names for count in (10, 100))
    assert (len(set(ten)), ten[0], ten[3], ten[9]) == (10, "airplane", "cat", "truck")
    assert (len(set(hundred)), hundred[0], hundred[99]) == (100, "apple", "worm")
    assert list(hundred) == sorted(hundred), "the fine classes are numbered by alphabet"
    with raises(UsageError, "data.classes is 20", 10, 100):
        CIFAR(classes=20)


def test_cifar_must_be_whole(cifar):
    root, kind, count = cifar
    there = 100 if count == 10 else 200
    with raises(DatasetError, root / kind.base_folder, there, count, 50_000, 10_000, "--data.complete false"):
        CIFAR(root=str(root), classes=count).pool()


def test_cifar_that_is_not_there_says_how_to_get_it(tmp_path):
    with raises(DatasetError, tmp_path / "no/cifar-10-batches-py", "--data.root DIR", "--data.download true"):
        CIFAR(root=str(tmp_path / "no")).pool()


def test_cifar_with_a_missing_or_an_altered_file_names_it(cifar):
    root, kind, count = cifar
    path = root / kind.base_folder / kind.test_list[0][0]
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with raises(DatasetError, path, "checksum", "--data.download true"):
        part(CIFAR, root, classes=count).pool()
    path.unlink()
    with raises(DatasetError, path, "--data.root DIR"):
        part(CIFAR, root, classes=count).pool()


def test_cifar_named_a_level_too_deep_or_too_high(cifar):
    root, kind, count = cifar
    name = kind.base_folder
    for given in (root / name, root.parent):
        with raises(DatasetError, given / name, root / name, f"--data.root {root}."):
            part(CIFAR, given, classes=count).pool()


def test_cifar_is_downloaded_once_and_only_when_asked(cifar, monkeypatch, tmp_path):
    root, kind, count = cifar
    trees.pack_cifar(root, kind, monkeypatch, tmp_path / kind.filename)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/{kind.filename}"
        monkeypatch.setattr(kind, "url", url)
        with raises(DatasetError, root, "--data.download true"):
            part(CIFAR, root, classes=count).pool()
        assert len(part(CIFAR, root, classes=count, download=True).test) == count
        server.shutdown()
        thread.join()
    assert len(part(CIFAR, root, classes=count, download=True).test) == count
    with raises(DatasetError, url, tmp_path / "other", f"archive {kind.filename}"):
        part(CIFAR, tmp_path / "other", classes=count, download=True).pool()
    (tmp_path / "other" / kind.filename).write_bytes((tmp_path / kind.filename).read_bytes())
    assert len(part(CIFAR, tmp_path / "other", classes=count, download=True).test) == count


def test_cifars_real_checksums_stand(monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        trees.write_cifar(tmp_path, datasets.CIFAR10, patched)
        assert len(part(CIFAR, tmp_path).test) == 10
    with raises(DatasetError, tmp_path, "checksum"):
        part(CIFAR, tmp_path).pool()


SMALL = ["--data.complete", "false", "--data.workers", 0, "--steps", 2, "--budget.cycles", 0, "--run_dir", "r"]


def test_cifar_by_the_command_line(al, here, monkeypatch):
    root = trees.write_cifar(here / "data", datasets.CIFAR10, monkeypatch)
    options = ["--data.root", root, "--data.batch_size", 8, "--network.depth", 10, "--network.width", 1]
    answer = al("fit", "--config", "cifar10_random", *options, *SMALL, "--budget.initial", 20)
    assert answer.code == 0, answer.err
    head, cycle = journal(here / "r")
    classes = part(CIFAR, root).classes()
    assert sorted(classes[index] for index in head["initial"]) == sorted([*range(10)] * 2), "balanced"
    assert (cycle["labelled"], "accuracy" in cycle["metrics"]) == (20, True)
