"""The files of a cache: the same pixels as the images, whole or not there, and damage is noticed."""

import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from al_lightning.data import ImageFolder, MaskFolder
from al_lightning.data.cache.files import with_checksum, without_checksum
from al_lightning.data.labelled_files import MaskFiles
from al_lightning.data.streams import PaddedBatches, Stream
from al_lightning.data.workers import parcel
from al_lightning.errors import DatasetError
from tests.support.caches import CLASSES, boxes, is_cached, make, same_sets
from tests.support.errors import lacking, raises

pytestmark = pytest.mark.usefixtures("small_shards")


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Where the first test that asks for it leaves images with their cache."""
    return tmp_path_factory.mktemp("cached") / "boxes"


@pytest.fixture
def where(masks, kept, small_shards):
    """The cache of `boxes(masks)`: copies keep the files' times, so that one is enough for all tests."""
    if not kept.is_dir():
        make(boxes(masks))
        shutil.copytree(masks, kept)
    else:
        shutil.rmtree(masks)
        shutil.copytree(kept, masks)
    (folder,) = (path for path in (masks / ".al_cache").iterdir() if path.is_dir())
    assert is_cached(boxes(masks))
    return folder


@pytest.mark.parametrize("size", [None, (16, 24)], ids=["as they are", "resized"])
def test_a_cache_holds_the_pixels_labels_and_names_of_the_files(masks, size, said):
    plain = boxes(masks, size=size, cache=False)
    where, lines = make(boxes(masks, size=size), 2)
    assert where.parent == masks / ".al_cache"
    assert lines[-1].startswith("20 images decoded, in ")
    data = boxes(masks, size=size)
    assert is_cached(data)
    assert not is_cached(plain)
    same_sets(data, plain)
    assert [lacking(line, [16, 4, where]) for line in said] == [[]]
    assert data.pool() == plain.pool()


@pytest.mark.parametrize("size", [None, (7, 9)])
def test_images_of_one_class_each_are_cached_too(class_folders, size):
    make(ImageFolder(root=str(class_folders), size=size))
    data, plain = (ImageFolder(root=str(class_folders), size=size, cache=cache) for cache in (True, False))
    assert is_cached(data)
    same_sets(data, plain)
    assert data.classes() == plain.classes()
    assert (len(data.train), len(data.test)) == (30, 12)


def test_images_of_different_sizes_keep_theirs(masks):
    for number, size in ((0, (11, 50)), (3, (64, 1)), (19, (5, 5))):
        path = masks / "images" / f"drive{number // 4}_{number % 4:03d}.png"
        pixels = np.random.default_rng(number).integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        Image.fromarray((pixels[..., 0] % 2).astype(np.uint8)).save(masks / "masks" / path.name)
    make(boxes(masks, size=None))
    data = boxes(masks, size=None)
    assert is_cached(data)
    same_sets(data, boxes(masks, size=None, cache=False))
    assert len({data.train.image(index).shape for index in range(len(data.train))}) >= 3


class NoTest(MaskFolder):
    """A pool alone."""

    def build_test(self):
        return MaskFiles([], self.table, self.size)


def test_a_set_without_images_is_no_trouble(masks):
    make(NoTest(CLASSES, root=str(masks)))
    data = NoTest(CLASSES, root=str(masks))
    assert is_cached(data)
    same_sets(data, NoTest(CLASSES, root=str(masks), cache=False))
    assert (len(data.train), len(data.test)) == (16, 0)


@pytest.mark.usefixtures("where")
def test_loaders_give_the_same_batches_with_two_workers(masks):
    data, plain = boxes(masks), boxes(masks, cache=False)
    for one, other in (
        [PaddedBatches(part.test, range(4), 3, True) for part in (data, plain)],
        [Stream(part.train, range(16), 5, part.augmentation, (0, 0, 0), "labelled") for part in (data, plain)],
    ):
        batches = [
            list(DataLoader(part, batch_size=None, sampler=range(2), num_workers=2, collate_fn=parcel))
            for part in (one, other)
        ]
        assert all(torch.equal(x, y) for a, b in zip(*batches, strict=True) for x, y in zip(a[:3], b[:3], strict=True))


@pytest.mark.usefixtures("where")
def test_workers_get_a_path_and_no_data(masks):
    train = boxes(masks).train
    train.image(0)
    sent = pickle.dumps(train)
    assert len(sent) < 500
    assert b"drive0" not in sent
    again = pickle.loads(sent)
    assert np.array_equal(again.image(3), train.image(3))
    assert again.name(3) == train.name(3)


@pytest.mark.usefixtures("where")
def test_what_else_a_set_can_tell_is_asked_of_the_files_set(masks):
    data = boxes(masks)
    assert data.train.pairs == data.file_sets[0].pairs
    with raises(AttributeError, "no_such_thing"):
        _ = data.train.no_such_thing


def test_data_may_be_moved_with_their_cache(masks, where, tmp_path):
    moved = tmp_path / "elsewhere"
    masks.rename(moved)
    data = boxes(moved)
    assert is_cached(data)
    assert data.train.name(0).startswith(f"{moved}/images/")
    same_sets(data, boxes(moved, cache=False))


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_cache_may_lie_elsewhere(masks, tmp_path, monkeypatch, how):
    options = {"cache": str(tmp_path / "fast")} if how == "argument" else {}
    home = tmp_path / "fast"
    if how == "environment":
        monkeypatch.setenv("AL_CACHE", str(tmp_path / "fast"))
        home /= "mask_folder"
    where, _ = make(boxes(masks, **options))
    assert where.parent == home
    assert is_cached(boxes(masks, **options))
    assert not (masks / ".al_cache").exists()


def test_a_cache_of_another_format_is_refused(masks, where):
    held = without_checksum(where / "manifest.json")
    held["recipe"]["format"] = "1"
    (where / "manifest.json").write_bytes(with_checksum(held))
    old = where.rename(where.with_name("0123456789abcdef"))
    for _ in range(2):
        with raises(DatasetError, old, "format 1", "al-lightning prepare", "--data.cache false"):
            _ = boxes(masks).train
    assert not is_cached(boxes(masks, cache=False))
    make(boxes(masks))
    assert is_cached(boxes(masks))


@pytest.mark.parametrize(
    ("file", "spoil", "why"),
    [
        ("train_00001.bin", lambda content: content[:-1], "bytes long"),
        ("train_00001.bin", None, "missing"),
        ("test.rows.npy", lambda content: content[:-3] + b"\1\1\1", ""),
        ("train.names", lambda content: content.replace(b"drive0", b"drive1"), ""),
        ("manifest.json", lambda content: content.replace(b'"shards": [', b'"shards": [1'), ""),
        ("manifest.json", lambda content: content[:40], ""),
        ("manifest.json", lambda content: b"\xff\xfe", ""),
        ("manifest.json", None, "No such file"),
    ],
)
def test_a_damaged_cache_is_refused_and_prepare_mends_it(masks, where, file, spoil, why):
    path = where / file
    content = path.read_bytes()
    path.unlink() if spoil is None else path.write_bytes(spoil(content))
    data = boxes(masks)
    for _ in range(2):  # and not only the first time
        with raises(DatasetError, where, f"{file}: ", why, "al-lightning prepare", "--data.cache false"):
            _ = data.train
    _, lines = make(boxes(masks))
    assert any(not lacking(line, [where, "damaged"]) for line in lines)
    remade = 3 if file.endswith(".bin") else 0
    assert lines[-1].startswith(f"{remade} images decoded, {20 - remade} kept from before, in ")
    assert path.read_bytes() == content
    same_sets(boxes(masks), boxes(masks, cache=False))


def test_a_flipped_bit_is_noticed_when_it_is_read_and_by_prepare(masks, where):
    path = where / "train_00000.bin"
    content = bytearray(path.read_bytes())
    content[16 * 24 * 3 + 5] ^= 1  # in the first label
    path.write_bytes(content)
    data = boxes(masks)
    assert is_cached(data)
    assert data.train.image(0).shape == (16, 24, 3)
    with raises(DatasetError, where, "train_00000.bin", "at 1152"):
        data.train.label(0)
    _, lines = make(boxes(masks))
    assert lines[-1].startswith("3 images decoded, 17 kept from before")
    same_sets(boxes(masks), boxes(masks, cache=False))


def test_a_cache_that_is_cut_short_during_a_run_ends_it_with_a_sentence(masks, where):
    data = boxes(masks)
    last = len(data.train) - 1
    (where / "train_00005.bin").write_bytes(b"")
    with raises(DatasetError, where, "train_00005.bin", "missing"):
        data.train.image(last)
    shutil.rmtree(where)
    with raises(DatasetError, where, "train_00000.bin", "No such file"):
        data.train.image(0)
