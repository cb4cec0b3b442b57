"""Datasets of which people label the images: labels of the dataset, and those of the store."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.data import ImageFolder, MaskFolder
from al_lightning.errors import DatasetError, SizesDiffer, UsageError
from al_lightning.labels.store import LabelStore
from tests.support.annotators import (
    CLASSES,
    draw,
)
from tests.support.errors import raises


def test_labels_of_the_dataset_count_and_those_of_the_store_go_before(class_folders, tmp_path):
    (class_folders / "unlabelled" / "deep" / "er").mkdir(parents=True)
    shutil.copy(class_folders / "train" / "red" / "00.png", class_folders / "unlabelled" / "deep" / "er" / "z.png")
    with raises(DatasetError, "1 images", "--oracle files"):
        ImageFolder(root=str(class_folders), size=None).pool()
    data = ImageFolder(root=str(class_folders), size=None, workers=0)
    data.use_label_store(tmp_path / "said")
    assert data.pool().size == 31
    assert data.classes() is None
    assert data.train.name(30).endswith("deep/er/z.png")
    assert [data.train.has_label(index) for index in (0, 29, 30)] == [True, True, False]
    with raises(DatasetError, "unlabelled/deep/er/z.png", tmp_path / "said", "al-lightning labels import"):
        data.train.label(30)
    before = data.fingerprint()
    store = LabelStore(tmp_path / "said", CLASSES, "image")
    store.apply({"unlabelled/deep/er/z.png": 2, "train/blue/00.png": 1})
    assert data.train.has_label(30)
    assert data.train.label(30) == 2
    assert data.train.label(0) == 1
    assert data.train.label(1) == 0
    assert data.fingerprint() == before


@pytest.mark.parametrize("where", ["", "images", "unlabelled/a"])
def test_images_lie_in_the_root_where_classes_are_named(tmp_path, where):
    draw = np.random.default_rng(0)
    for number in range(10):
        path = tmp_path / where / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
    (tmp_path / "runs" / "x").mkdir(parents=True)
    data = ImageFolder(root=str(tmp_path), classes=["a", "b"])
    data.use_label_store(tmp_path / "said")
    assert (data.pool().size, len(data.test), data.num_classes) == (8, 2, 2)
    other = ImageFolder(root=str(tmp_path), classes=["a", "b"], test_share=0)
    other.use_label_store(tmp_path / "said")
    assert [Path(other.train.name(index)).stem for index in range(10)] == list("0123456789")
    assert len(other.test) == 0
    (tmp_path / "dog").mkdir()
    shutil.copy(tmp_path / where / "0.png", tmp_path / "dog" / "0.png")
    strange = ImageFolder(root=str(tmp_path), classes=["dogs", "cats"])
    strange.use_label_store(tmp_path / "said")
    with raises(DatasetError, tmp_path / "dog", "dogs, cats", "'dogs'"):
        strange.pool()
    with raises(UsageError, "data.classes", "different names"):
        ImageFolder(root=str(tmp_path), classes=["a", "a"])


def test_a_stored_mask_is_resized_as_the_dataset_resizes_its_own(masks, bare, tmp_path):
    own = MaskFolder(["ground", "box"], root=str(masks), size=(16, 12))
    data = MaskFolder(["ground", "box"], root=str(bare), size=(16, 12))
    with raises(DatasetError, "--oracle files"):
        MaskFolder(["ground", "box"], root=str(bare)).pool()
    data.use_label_store(tmp_path / "said")
    store = LabelStore(tmp_path / "said", ("ground", "box"), "pixel")
    assert not data.train.has_label(0)
    draw(store, [f"images/{path.name}" for path in (masks / "images").iterdir()], masks)
    assert all(np.array_equal(data.train.label(index), own.train.label(index)) for index in range(len(own.train)))
    assert all(np.array_equal(data.test.label(index), own.test.label(index)) for index in range(len(own.test)))
    store.apply({Path(data.train.name(0)).relative_to(bare).as_posix(): np.zeros((2, 2), np.uint8)})
    with raises(SizesDiffer, "2 x 2", "32 x 40"):
        data.train.label(0)
    (bare / "list.txt").write_text("images/drive0_000.png\nimages/drive0_001.png masks/other.png\n")
    listed = MaskFolder(["ground", "box"], root=str(bare), train_list="list.txt", test_share=0)
    listed.use_label_store(tmp_path / "nothing")
    (bare / "masks").mkdir()
    assert not listed.train.has_label(0)
    shutil.copy(masks / "masks" / "drive0_000.png", bare / "masks")  # a mask that arrives where masks lie counts too
    assert listed.train.has_label(0)
    assert not listed.train.has_label(1)
