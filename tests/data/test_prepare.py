"""Caches of decoded images: the same pixels, whole or not there, and never the wrong ones."""

import errno
import logging
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from al_lightning.data import CamVid, Digits, DrivingVideo, ImageFolder, Images, MaskFolder, PoolDataset
from al_lightning.data import prepare as preparing
from al_lightning.data.cache import shards
from al_lightning.data.cache.files import CachedImages, seal, unseal
from al_lightning.data.cache.recipe import key_of
from al_lightning.data.datasets.mask_folder import MaskFiles
from al_lightning.data.prepare import prepare
from al_lightning.data.streams import PaddedBatches, Stream
from al_lightning.errors import ALError, DatasetError, DirectoryInUse, UsageError
from tests.support.errors import lacking, raises, refused
from tests.support.runs import SMALL_NETWORK, TINY, journal

CLASSES = ["ground", "box"]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SIZE", 3)
    monkeypatch.delenv("AL_CACHE", raising=False)


@pytest.fixture
def said():
    """What the package's logger says."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("al_lightning.data.cache.files")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)


def boxes(root, **options):
    return MaskFolder(CLASSES, root=str(root), **{"size": (16, 24), **options})


def make(data, processes=2):
    lines = []
    return prepare(data, processes, lines.append), lines


def same_sets(one, other):
    for a, b in ((one.train, other.train), (one.test, other.test)):
        assert len(a) == len(b)
        for index in range(len(a)):
            assert a.name(index) == b.name(index)
            for x, y in ((a.image(index), b.image(index)), (a.label(index), b.label(index))):
                assert type(x) is type(y)
                assert np.array_equal(x, y)
                assert isinstance(x, int) or (x.dtype, x.shape) == (y.dtype, y.shape)
    assert one.fingerprint() == other.fingerprint()
    assert one.names(range(len(one.train))) == other.names(range(len(other.train)))


def is_cached(data):
    return isinstance(data.train, CachedImages) and isinstance(data.test, CachedImages)


# The same pixels


@pytest.mark.parametrize("size", [None, (16, 24)], ids=["as they are", "resized"])
def test_a_cache_holds_the_pixels_labels_and_names_of_the_files(masks, size, said):
    plain = boxes(masks, size=size, cache=False)
    where, lines = make(boxes(masks, size=size))
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
        path = masks / "images" / f"drive{number // 10}_{number % 10:03d}.png"
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


def test_loaders_give_the_same_batches_with_two_workers(masks):
    make(boxes(masks))
    data, plain = boxes(masks), boxes(masks, cache=False)
    for one, other in (
        [PaddedBatches(part.test, range(4), 3, True) for part in (data, plain)],
        [Stream(part.train, range(16), 5, part.augmentation, (0, 0, 0), "labelled") for part in (data, plain)],
    ):
        batches = [
            list(DataLoader(part, batch_size=None, sampler=range(2), num_workers=2, collate_fn=lambda batch: batch))
            for part in (one, other)
        ]
        assert all(torch.equal(x, y) for a, b in zip(*batches, strict=True) for x, y in zip(a, b, strict=True))


def test_workers_get_a_path_and_no_data(masks):
    make(boxes(masks))
    train = boxes(masks).train
    train.image(0)
    sent = pickle.dumps(train)
    assert len(sent) < 500
    assert b"drive0" not in sent
    again = pickle.loads(sent)
    assert np.array_equal(again.image(3), train.image(3))
    assert again.name(3) == train.name(3)


def test_what_else_a_set_can_tell_is_asked_of_the_files_set(masks):
    make(boxes(masks))
    data = boxes(masks)
    assert data.train.pairs == data.file_sets[0].pairs
    with raises(AttributeError, "no_such_thing"):
        _ = data.train.no_such_thing


def test_data_may_be_moved_with_their_cache(masks, tmp_path):
    make(boxes(masks))
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


# Never the wrong ones


def test_a_file_that_changed_is_another_recipe(masks, said):
    where, _ = make(boxes(masks))
    path = masks / "masks" / "drive0_003.png"
    os.utime(path, ns=(1, 1))
    data = boxes(masks)
    assert not is_cached(data)
    assert [lacking(line, [where.parent, "stale", "al-lightning prepare"]) for line in said] == [[]]
    again, lines = make(boxes(masks))
    assert again != where
    assert is_cached(boxes(masks))
    assert not lacking(lines[-1], [where.parent, "0.00 GB", where.name])


@pytest.mark.parametrize(
    ("options", "part"),
    [({"size": (16, 25)}, "arguments"), ({"ignore": 1}, "arguments"), ({"test_share": 0.4}, "fingerprint")],
    ids=["size", "table", "split"],
)
def test_other_settings_are_another_recipe(masks, options, part):
    before, after = boxes(masks).recipe(), boxes(masks, **options).recipe()
    assert part in [key for key in before if before[key] != after[key]]
    make(boxes(masks))
    assert not is_cached(boxes(masks, **options))


def test_what_bears_on_no_pixel_leaves_the_recipe(masks):
    plain = boxes(masks).recipe()
    used = boxes(masks, batch_size=3, workers=0, mean=(0.1, 0.2, 0.3), cache=False)
    assert len(used.pool().label([1]).labelled) == 1
    assert used.train.image(0).shape == (16, 24, 3)
    assert used.recipe() == plain
    assert boxes(masks).recipe() == plain


OWN = """
from pathlib import Path
import numpy as np
from PIL import Image
from al_lightning.data import Images, PoolDataset

class Halves(Images):
    def __init__(self, owner, files):
        self.owner, self.files, self.change = owner, files, lambda pixels: pixels // owner.divide
    def __len__(self): return len(self.files)
    def image(self, index): return self.change(np.asarray(Image.open(self.files[index]).convert("RGB")))
    def label(self, index): return index % 2
    def name(self, index): return f"picture {index}"
    def sources(self, index): return [Path(self.files[index])]

class Mine(PoolDataset):
    folder = "mine"
    class_names = ("a", "b")
    def __init__(self, divide=2, **options):
        super().__init__(**options)
        self.divide = divide
    def build_train(self): return Halves(self, [str(path) for path in sorted(self.root.glob("images/drive0*"))])
    def build_test(self): return Halves(self, sorted(self.root.glob("images/drive1*"))[: len(self.train) // 5])
"""


def own_module(tmp_path, monkeypatch, text):
    (tmp_path / "own_images.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_images", raising=False)
    import own_images

    return own_images.Mine


def test_a_dataset_of_ones_own_says_its_files_and_the_version_of_its_pixels(masks, tmp_path, monkeypatch, said):
    mine = own_module(tmp_path, monkeypatch, OWN)
    where, _ = make(mine(root=str(masks)))
    assert is_cached(mine(2, root=str(masks), batch_size=1))
    same_sets(mine(root=str(masks)), mine(root=str(masks), cache=False))
    assert not is_cached(mine(divide=3, root=str(masks)))
    # Edited code makes other pixels of the same files and arguments.
    edited = own_module(tmp_path, monkeypatch, OWN.replace("pixels // owner", "255 - pixels // owner"))
    edited.pixels = 2
    said.clear()
    assert not is_cached(edited(root=str(masks)))
    assert [line.partition(",")[0] for line in said] == [f"{where.parent} holds a stale cache (pixels changed)"]


def test_a_default_counts_as_the_same_argument_given(masks):
    class Handing(MaskFolder):
        def __init__(self, note="", **more):
            super().__init__(CLASSES, **more)

    recipe = Handing(root=str(masks)).recipe()
    assert Handing("", root=str(masks), duplicates="error", test_share=0.2).recipe() == recipe
    assert Handing(root=str(masks), duplicates="drop").recipe() != recipe
    assert Handing("x", root=str(masks)).recipe() != recipe


def test_a_cache_of_another_format_is_refused(masks):
    where, _ = make(boxes(masks))
    held = unseal(where / "manifest.json")
    held["recipe"]["format"] = "1"
    (where / "manifest.json").write_bytes(seal(held))
    old = where.rename(where.with_name("0123456789abcdef"))
    for _ in range(2):
        with raises(DatasetError, old, "format 1", "al-lightning prepare", "--data.cache false"):
            _ = boxes(masks).train
    assert not is_cached(boxes(masks, cache=False))
    make(boxes(masks))
    assert is_cached(boxes(masks))


def test_a_part_of_ones_own_in_the_recipe_counts(masks):
    class Noted(MaskFolder):
        note = "1"

        def recipe(self):
            return {**super().recipe(), "note": self.note}

    make(Noted(CLASSES, root=str(masks)))
    assert is_cached(Noted(CLASSES, root=str(masks)))
    Noted.note = "2"
    assert not is_cached(Noted(CLASSES, root=str(masks)))


@pytest.mark.parametrize(("kind", "options"), [(Digits, {}), (DrivingVideo, {"pool_size": 12, "test_size": 2})])
def test_images_in_memory_are_nothing_to_prepare(kind, options, tmp_path, monkeypatch):
    monkeypatch.setenv("AL_CACHE", str(tmp_path))
    data = kind(**options)
    (tmp_path / data.folder).mkdir()
    with raises(UsageError, kind.__name__, "decode"):
        make(data)
    assert not list((tmp_path / data.folder).iterdir())


# Whole or not there


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
def test_a_damaged_cache_is_refused_and_prepare_mends_it(masks, file, spoil, why):
    where, _ = make(boxes(masks))
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


def test_a_flipped_bit_is_noticed_when_it_is_read_and_by_prepare(masks):
    where, _ = make(boxes(masks))
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


def test_a_cache_that_is_cut_short_during_a_run_ends_it_with_a_sentence(masks):
    where, _ = make(boxes(masks))
    data = boxes(masks)
    last = len(data.train) - 1
    (where / "train_00005.bin").write_bytes(b"")
    with raises(DatasetError, where, "train_00005.bin", "missing"):
        data.train.image(last)
    shutil.rmtree(where)
    with raises(DatasetError, where, "train_00000.bin", "No such file"):
        data.train.image(0)


def test_prepare_checks_what_is_there(masks):
    where, _ = make(boxes(masks))
    before = {path: path.stat().st_mtime_ns for path in where.iterdir()}
    again, (line,) = make(boxes(masks))
    assert (again, lacking(line, [where, "complete"])) == (where, [])
    assert {path: path.stat().st_mtime_ns for path in where.iterdir()} == before


@pytest.mark.parametrize("processes", [1, 2])
def test_images_that_cannot_be_decoded_are_all_named_and_nothing_is_left(masks, processes):
    for name, content in (("drive0_001", b""), ("drive0_002", None), ("drive1_009", b"no picture")):
        path = masks / "images" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:150] if content is None else content)
    Image.fromarray(np.full((32, 40), 9, np.uint8)).save(masks / "masks" / "drive1_004.png")
    lines = []
    with raises(DatasetError, "4 of 20"):
        prepare(boxes(masks), processes, lines.append)
    assert lines.pop(0).startswith("20 images are decoded into ")
    assert len(lines) == 4
    for name, reason in (
        ("images/drive0_001", "cannot be read"),
        ("images/drive0_002", "cannot be read"),
        ("images/drive1_009", "cannot be read"),
        ("masks/drive1_004", "unknown label ids 9"),
    ):
        assert sum(f"{masks}/{name}.png" in line and reason in line for line in lines) == 1
    assert not [path for path in (masks / ".al_cache").iterdir() if path.is_dir()]
    assert not is_cached(boxes(masks))


def test_what_is_no_image_is_named_too(tmp_path):
    class Odd(Images):
        files = (tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path / "d")

        def __len__(self):
            return 4

        def image(self, index):
            if index == 3:
                raise KeyError("gone")
            return np.zeros((4, 4, 3), np.float32 if index == 0 else np.uint8)

        def label(self, index):
            return "cat" if index == 1 else 0

        def name(self, index):
            return str(self.files[index])

    class Data(PoolDataset):
        folder, class_names = "odd", ("a", "b")

        def build_train(self):
            return Odd()

        build_test = build_train

    for path in Odd.files:
        path.touch()
    lines = []
    with raises(DatasetError, "6 of 8"):
        prepare(Data(root=str(tmp_path)), 1, lines.append)
    told = (["a: ", "image()", "(H, W, 3)"], ["b: ", "label()", "(H, W)"], ["d: ", "KeyError", "'gone'"])
    for line, (file, *facts) in zip(lines[1:4], told, strict=True):
        assert not lacking(line, [f"{tmp_path}/{file}", *facts])


def test_files_that_change_meanwhile_are_noticed(masks, monkeypatch):
    fill = preparing._fill

    def change(*arguments):
        done = fill(*arguments)
        os.utime(masks / "images" / "drive0_000.png", ns=(1, 1))
        return done

    monkeypatch.setattr(preparing, "_fill", change)
    data = boxes(masks)
    with raises(DatasetError, masks, "changed"):
        make(data)
    assert not [path for path in (masks / ".al_cache").iterdir() if path.is_dir()]


def test_a_full_disk_is_one_sentence_and_what_was_done_is_kept(masks, monkeypatch):
    write = shards.write_atomic

    def full(path, content):
        if path.name == "train_00003.bin":
            error = OSError(errno.ENOSPC, "No space left on device")
            raise ALError(f"Cannot write {path}: {error.strerror}.") from error
        write(path, content)

    monkeypatch.setattr(shards, "write_atomic", full)
    with raises(ALError, "train_00003.bin", "No space left on device"):
        make(boxes(masks), 1)
    assert not is_cached(boxes(masks))
    monkeypatch.setattr(shards, "write_atomic", write)
    _, lines = make(boxes(masks))
    decoded, kept = (int(part.split()[0]) for part in lines[-1].split(", ")[:2])
    assert decoded + kept == 20
    assert kept >= 9
    same_sets(boxes(masks), boxes(masks, cache=False))


def test_a_folder_that_cannot_be_written_to_says_where_else(masks):
    (masks / ".al_cache").write_text("a file")
    with raises(ALError, masks / ".al_cache", "--data.cache DIR", "$AL_CACHE"):
        make(boxes(masks))


SLOW = """
import sys, time
from al_lightning.data.cache import shards
from al_lightning.data import MaskFolder
from al_lightning.data.datasets import mask_folder
from al_lightning.data.prepare import prepare
read = mask_folder.read_image
def slow(*arguments):
    time.sleep(0.15)
    return read(*arguments)
mask_folder.read_image = slow
shards.SIZE = 3
prepare(MaskFolder(["ground", "box"], root=sys.argv[1], size=(16, 24)), 2, print)
"""


def test_a_killed_prepare_goes_on_where_it_was_and_a_second_one_is_refused(masks, said):
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(masks)], stdout=subprocess.PIPE)
    home = masks / ".al_cache"
    try:
        deadline = time.monotonic() + 120
        while len(list(home.glob("*.part/train_*.json"))) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with raises(DirectoryInUse, home):
            make(boxes(masks))
    finally:
        process.kill()
        process.wait()
    assert not is_cached(boxes(masks)), "a half-written cache is never used"
    assert [lacking(line, [home / key_of(boxes(masks).recipe()), "not finished"]) for line in said] == [[]]
    where, lines = make(boxes(masks))
    kept = int(lines[-1].split(", ")[1].removesuffix(" kept from before"))
    assert kept >= 6
    assert lines[-1].startswith(f"{20 - kept} images decoded, ")
    assert not list(home.glob("*.part"))
    assert not list(where.glob(".*.tmp"))
    same_sets(boxes(masks), boxes(masks, cache=False))


# The command, and a whole run


@pytest.mark.parametrize("name", ["mask_folder", "mask_folder.yaml", "mask_folder_entropy"])
def test_the_command_takes_the_name_of_a_dataset_or_of_a_run(al, masks, here, name):
    options = ["--data.root", masks, "--data.classes", "[ground, box]", "--data.cache", here / "fast"]
    assert al("prepare", name, *options, "--processes", 2).code == 0
    assert is_cached(MaskFolder(CLASSES, root=str(masks), cache=str(here / "fast")))
    assert Counter(path.name for path in here.iterdir()) == {"boxes": 1, "fast": 1}, "no run was begun"


def test_what_makes_no_sense_is_refused(masks, here):
    with raises(UsageError, "data.cache is false"):
        prepare(boxes(masks, cache=False), 1, print)
    with raises(UsageError, "--processes is 0", "at least 1"):
        prepare(boxes(masks), 0, print)
    with raises(DatasetError, "train.txt", "--data.root DIR"):
        prepare(CamVid(), 1, print)


def test_a_run_with_a_cache_has_the_journal_of_one_without(al, class_folders, here, said):
    name = "image_folder_entropy"
    data = ["--data.root", class_folders, "--data.size", "[8, 8]", "--budget.cycles", "2", "--budget.query", "20"]
    options = ["fit", "--config", name, *TINY, *SMALL_NETWORK, *data, "--data.workers", "2"]
    plain, with_cache = here / "plain", here / "cache"
    assert al(*options, "--run_dir", plain).code == 0
    assert al("prepare", name, *data, "--processes", 2).code == 0
    (where,) = (path for path in (class_folders / ".al_cache").iterdir() if path.is_dir())
    assert not said
    assert al(*options, "--run_dir", with_cache).code == 0
    assert [lacking(line, [30, 12, where]) for line in said] == [[]]
    assert journal(with_cache) == journal(plain)
    weights = [torch.load(run / "cycle_02/member_0/weights.pt", weights_only=True) for run in (plain, with_cache)]
    for key, tensor in weights[0]["network"].items():
        assert torch.equal(tensor, weights[1]["network"][key])
    # A damaged cache ends a run with the sentence, also where a data worker reads it.
    path = where / "train_00000.bin"
    path.write_bytes(bytes(path.stat().st_size))
    answer = al(*options, "--run_dir", here / "damaged")
    assert refused(answer, DatasetError, where, "train_0000")
    assert "Traceback" not in answer.err
