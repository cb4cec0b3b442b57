"""Preparing a cache of decoded images: all of it or nothing, stopped and continued, and runs that use it."""

import errno
import os
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from al_lightning.data import CamVid, Digits, DrivingVideo, Images, MaskFolder, PoolDataset
from al_lightning.data import prepare as preparing
from al_lightning.data.cache import shards
from al_lightning.data.cache.recipe import key_of
from al_lightning.data.prepare import prepare
from al_lightning.errors import ALError, DatasetError, DirectoryInUse, UsageError
from tests.support.caches import CLASSES, boxes, is_cached, make, same_sets
from tests.support.errors import lacking, raises, refused
from tests.support.runs import SMALL_NETWORK, TINY, journal

pytestmark = pytest.mark.usefixtures("small_shards")


@pytest.mark.parametrize(("kind", "options"), [(Digits, {}), (DrivingVideo, {"pool_size": 12, "test_size": 2})])
def test_images_in_memory_are_nothing_to_prepare(kind, options, tmp_path, monkeypatch):
    monkeypatch.setenv("AL_CACHE", str(tmp_path))
    data = kind(**options)
    (tmp_path / data.folder).mkdir()
    with raises(UsageError, kind.__name__, "decode"):
        make(data)
    assert not list((tmp_path / data.folder).iterdir())


def test_prepare_checks_what_is_there(masks):
    where, _ = make(boxes(masks))
    before = {path: path.stat().st_mtime_ns for path in where.iterdir()}
    again, lines = make(boxes(masks))
    assert (again, lacking(lines[-1], [where, "complete"])) == (where, [])
    assert {path: path.stat().st_mtime_ns for path in where.iterdir()} == before


@pytest.mark.parametrize("processes", [1, 2])
def test_images_that_cannot_be_decoded_are_all_named_and_nothing_is_left(masks, processes):
    for name, content in (("drive0_001", b""), ("drive0_002", None), ("drive2_001", b"no picture")):
        path = masks / "images" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:150] if content is None else content)
    Image.fromarray(np.full((32, 40), 9, np.uint8)).save(masks / "masks" / "drive3_000.png")
    lines = []
    with raises(DatasetError, "4 of 20"):
        prepare(boxes(masks), processes, lines.append)
    lines = lines[next(n for n, line in enumerate(lines) if line.startswith("20 images are decoded into ")) + 1 :]
    assert len(lines) == 4
    for name, reason in (
        ("images/drive0_001", "cannot be read"),
        ("images/drive0_002", "cannot be read"),
        ("images/drive2_001", "cannot be read"),
        ("masks/drive3_000", "unknown label ids 9"),
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
from al_lightning.data import labelled_files
from al_lightning.data.prepare import prepare
read = labelled_files.read_image
def slow(*arguments):
    time.sleep(0.15)
    return read(*arguments)
labelled_files.read_image = slow
shards.SIZE = 3
prepare(MaskFolder(["ground", "box"], root=sys.argv[1], size=(16, 24)), 2, print)
"""


@pytest.mark.slow
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
    name = "small_image_folder_entropy"
    data = ["--data.root", class_folders, "--data.size", "[8, 8]", "--budget.cycles", "1", "--budget.query", "20"]
    options = ["fit", "--config", name, *TINY, *SMALL_NETWORK, *data]
    plain, with_cache = here / "plain", here / "cache"
    assert al(*options, "--run_dir", plain).code == 0
    assert al("prepare", name, *data, "--processes", 2).code == 0
    (where,) = (path for path in (class_folders / ".al_cache").iterdir() if path.is_dir())
    assert not said
    assert al(*options, "--run_dir", with_cache).code == 0
    assert [lacking(line, [30, 12, where]) for line in said] == [[]]
    assert journal(with_cache) == journal(plain)
    weights = [torch.load(run / "cycle_01/member_0/weights.pt", weights_only=True) for run in (plain, with_cache)]
    for key, tensor in weights[0]["network"].items():
        assert torch.equal(tensor, weights[1]["network"][key])
    # A damaged cache ends a run with the sentence, also where a data worker reads it.
    path = where / "train_00000.bin"
    path.write_bytes(bytes(path.stat().st_size))
    answer = al(*options, "--data.workers", 2, "--run_dir", here / "damaged")
    assert refused(answer, DatasetError, where, "train_0000")
    assert "Traceback" not in answer.err
