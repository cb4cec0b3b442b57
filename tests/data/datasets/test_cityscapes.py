"""Cityscapes on a tiny tree of the official layout, with mistakes planted."""

import shutil

import numpy as np
import pytest

from al_lightning.config.experiment import configure
from al_lightning.data import Cityscapes
from al_lightning.errors import DatasetError, SizesDiffer, UnknownLabel, UsageError
from al_lightning.pool import Pool
from tests.support import trees_study as trees
from tests.support.errors import raises
from tests.support.image_files import write_image, write_mask
from tests.support.trees_study import part, paths_of


@pytest.fixture
def cityscapes(tmp_path):
    return trees.write_cityscapes(tmp_path / "data")


def test_cityscapes_pairs_time_and_classes(cityscapes):
    data = part(Cityscapes, cityscapes, size=None)
    names = paths_of(data.train, cityscapes)
    assert names[0] == "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png"
    assert [name.split("/")[2] for name in names] == ["aachen"] * 3 + ["hamburg"] * 3
    assert len(data.test) == 3
    assert data.pool() == Pool(6, (), sequence=(0, 1, 2, 3, 3, 3), frame=(19, 19, 19, 42, 629, 104857))
    assert data.num_classes == 19
    assert list(data.class_names)[::6] == ["road", "traffic light", "rider", "bicycle"]


def test_cityscapes_train_ids_are_the_official_ones(cityscapes):
    # Ids 0 to 33 in a row; by hand from the official table, v = void.
    v = 255
    official = [
        v, v, v, v, v, v, v, 0, 1, v, v, 2, 3, 4, v, v, v,
        5, v, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, v, v, 16, 17, 18,
    ]  # fmt: skip
    data = part(Cityscapes, cityscapes, size=None)
    assert data.train.label(0).reshape(-1)[:34].tolist() == official
    path = cityscapes / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png"
    write_mask(path, np.full((32, 64), 255))
    assert (data.train.label(0) == 255).all()
    write_mask(path, np.full((32, 64), 34))
    with raises(UnknownLabel, f"label {path}", "ids 34"):
        data.train.label(0)


def test_cityscapes_is_halved_and_cropped(cityscapes, here):
    data = configure(["cityscapes_random"], ["--data.root", str(cityscapes)], run_dir="r").data
    assert (data.size, data.augmentation.crop, data.complete) == ((512, 1024), (256, 512), True)
    assert part(Cityscapes, cityscapes).train.image(0).shape == (512, 1024, 3)
    small = part(Cityscapes, cityscapes, size=(16, 32))
    assert small.train.label(0).shape == (16, 32)
    assert set(np.unique(small.train.label(0))) <= {*range(19), 255}


def test_cityscapes_in_the_folders_of_its_archives(cityscapes):
    expected = part(Cityscapes, cityscapes)
    (cityscapes / "gtFine_trainvaltest").mkdir()
    shutil.move(cityscapes / "gtFine", cityscapes / "gtFine_trainvaltest" / "gtFine")
    assert part(Cityscapes, cityscapes).fingerprint() == expected.fingerprint()


def test_cityscapes_leaves_hidden_and_other_files_alone(cityscapes):
    folder = cityscapes / "leftImg8bit/train/aachen"
    for name in ("._aachen_000000_000019_leftImg8bit.png", "Thumbs.db"):
        (folder / name).write_bytes(b"")
    (folder.parent / "index.txt").write_text("")
    assert len(part(Cityscapes, cityscapes).train) == 6


def test_cityscapes_must_be_whole(cityscapes):
    with raises(DatasetError, cityscapes, 6, 3, 2_975, 500, "--data.complete false"):
        Cityscapes(root=str(cityscapes)).pool()


@pytest.mark.parametrize("lacking", ["gtFine", "gtFine/val", "leftImg8bit", "leftImg8bit/val"])
def test_a_missing_half_of_cityscapes_is_named(cityscapes, lacking):
    shutil.rmtree(cityscapes / lacking)
    with raises(DatasetError, f"{cityscapes / lacking}:", "--data.root DIR", "gtFine_trainvaltest.zip"):
        part(Cityscapes, cityscapes).pool()


@pytest.mark.parametrize("given", ["..", "leftImg8bit", "gtFine", "leftImg8bit/train", "leftImg8bit/train/aachen"])
def test_a_wrong_level_of_cityscapes_is_named(cityscapes, given):
    root = cityscapes.parent if given == ".." else cityscapes / given
    with raises(DatasetError, root / "leftImg8bit", cityscapes / "leftImg8bit", f"--data.root {cityscapes}."):
        part(Cityscapes, root).pool()


def test_cityscapes_without_images_or_at_all(cityscapes, tmp_path):
    for path in (cityscapes / "leftImg8bit/val").rglob("*.png"):
        path.unlink()
    with raises(DatasetError, cityscapes / "leftImg8bit/val/CITY/*_leftImg8bit.png", "--data.root DIR"):
        part(Cityscapes, cityscapes).pool()
    with raises(DatasetError, tmp_path / "no/leftImg8bit", "--data.root DIR"):
        part(Cityscapes, tmp_path / "no").pool()


def test_a_cityscapes_image_without_label_or_at_two_places_is_named(cityscapes):
    name = "hamburg_000000_000629"
    label = cityscapes / f"gtFine/train/hamburg/{name}_gtFine_labelIds.png"
    kept = label.read_bytes()
    label.unlink()
    image = cityscapes / f"leftImg8bit/train/hamburg/{name}_leftImg8bit.png"
    with raises(DatasetError, f"image {image}", f"label {label}", "gtFine_trainvaltest.zip"):
        part(Cityscapes, cityscapes).pool()
    label.write_bytes(kept)
    again = cityscapes / f"leftImg8bit/val/lindau/{image.name}"
    shutil.copy(image, again)
    shutil.copy(label, cityscapes / f"gtFine/val/lindau/{label.name}")
    with raises(DatasetError, image, again, "same image"):
        part(Cityscapes, cityscapes).pool()


def test_a_cityscapes_image_of_another_name_is_named(cityscapes):
    folder, name = cityscapes / "leftImg8bit/train/aachen", "street_leftImg8bit.png"
    write_image(folder / name, (32, 64))
    write_mask(cityscapes / "gtFine/train/aachen/street_gtFine_labelIds.png", np.zeros((32, 64)))
    with raises(UsageError, "sequence", "frame", "'street_leftImg8bit'"):
        part(Cityscapes, cityscapes).pool()


def test_truncated_pngs_and_wrong_sizes_of_cityscapes_are_named(cityscapes):
    data = part(Cityscapes, cityscapes)
    image, label = data.train.pairs[0]
    whole = image.read_bytes()
    image.write_bytes(whole[:-40])
    with raises(DatasetError, f"image {image}", "read"):
        data.train.image(0)
    image.write_bytes(whole)
    write_mask(label, np.zeros((31, 64)))
    with raises(SizesDiffer, f"label {label}", "31 x 64", "32 x 64"):
        data.train.label(0)
