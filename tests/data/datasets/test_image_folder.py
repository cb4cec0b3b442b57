"""Images in a folder a class."""

from collections import Counter

import numpy as np
import pytest

from al_lightning.data import ImageFolder
from al_lightning.data.datasets import bases
from al_lightning.errors import DatasetError, UsageError
from al_lightning.pool import Pool
from tests.support.errors import raises
from tests.support.image_files import names_of, write_image


@pytest.fixture
def classes(tmp_path):
    """ROOT/CLASS/*: 5 cats and 10 dogs, jpg and png, and files to be left out."""
    for number in range(5):
        write_image(tmp_path / "cat" / f"c_{number}.JPG", value=number)
    for number in range(10):
        write_image(tmp_path / "dog" / "deep" / f"d_{number}.png", value=number)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    write_image(tmp_path / "cat" / ".hidden.png")
    (tmp_path / ".cache").mkdir()
    return tmp_path


def test_image_folder_holds_out_a_share_of_each_class_the_same_every_time(classes):
    data = ImageFolder(root=str(classes))
    assert list(data.class_names) == ["cat", "dog"]
    assert data.num_classes == 2
    assert (len(data.train), len(data.test)) == (12, 3)
    assert Counter(data.test.label(index) for index in range(3)) == {0: 1, 1: 2}
    assert list(data.classes()) == [data.train.label(index) for index in range(12)] == [0] * 4 + [1] * 8
    assert not set(names_of(data.train)) & set(names_of(data.test))
    assert len(set(names_of(data.train)) | set(names_of(data.test))) == 15
    again = ImageFolder(root=str(classes), batch_size=2)
    assert names_of(again.test) == names_of(data.test)
    assert names_of(again.train) == names_of(data.train)
    assert data.pool() == Pool(12)


def test_class_names_are_known_before_any_image_is_read(classes, monkeypatch):
    monkeypatch.setattr(bases, "divide_images", None)
    assert list(ImageFolder(root=str(classes)).class_names) == ["cat", "dog"]


def test_image_folder_resizes_to_height_and_width(classes):
    data = ImageFolder(root=str(classes), size=(12, 30))
    assert data.train.image(0).shape == (12, 30, 3)
    assert data.train.image(0).dtype == np.uint8
    assert ImageFolder(root=str(classes), size=None).train.image(0).shape == (16, 20, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "images are read at 224 x 224"),
        ({"size": (12, 30)}, "read at 12 x 30"),
        ({"size": None}, "sizes of their files"),
    ],
)
def test_it_says_at_which_size_images_are_read(classes, options, said):
    lines = [remark.line for remark in ImageFolder(root=str(classes), **options).remarks() if "are read" in remark.line]
    assert len(lines) == 1
    assert said in lines[0]


def test_image_folder_with_train_and_test_folders(tmp_path):
    for split, names in (("train", ["b", "a", "c"]), ("test", ["a", "c"])):
        for name in names:
            write_image(tmp_path / split / name / f"{split}_{name}.png")
    data = ImageFolder(root=str(tmp_path))
    assert list(data.class_names) == ["a", "b", "c"]
    assert names_of(data.train) == ["train_a.png", "train_b.png", "train_c.png"]
    assert names_of(data.test) == ["test_a.png", "test_c.png"]
    assert [data.test.label(index) for index in range(2)] == [0, 2]
    write_image(tmp_path / "test" / "zebra" / "z.png")
    with raises(DatasetError, tmp_path / "test", "zebra", tmp_path / "train"):
        len(ImageFolder(root=str(tmp_path)).test)


def test_image_folder_reads_sequence_and_frame_from_names(tmp_path):
    for name in ("b_10", "b_9", "a_3", "b_11"):
        write_image(tmp_path / "train" / "one" / f"{name}.png")
    write_image(tmp_path / "train" / "two" / "c_1.png")
    write_image(tmp_path / "test" / "one" / "x_1.png")
    pool = ImageFolder(root=str(tmp_path), sequence_pattern=r"(?P<sequence>.+)_(?P<frame>\d+)").pool()
    # Files are sorted by name (a_3, b_10, b_11, b_9); sequences are numbered as they appear.
    assert pool.sequence == (0, 1, 1, 1, 2)
    assert pool.frame == (3, 10, 11, 9, 1)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0])
def test_the_held_out_share_lies_between_0_and_1(classes, share):
    with raises(UsageError, f"data.test_share is {share}"):
        len(ImageFolder(root=str(classes), test_share=share).test)


def test_an_empty_image_folder_is_missing_data(tmp_path):
    with raises(DatasetError, tmp_path / "CLASS", "--data.root DIR"):
        ImageFolder(root=str(tmp_path)).pool()
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    with raises(DatasetError, tmp_path / "CLASS", ".jpg", "--data.root DIR"):
        ImageFolder(root=str(tmp_path)).pool()
    write_image(tmp_path / "cat/1.png")
    with raises(DatasetError, tmp_path, "'cat'"):
        ImageFolder(root=str(tmp_path)).pool()


def test_data_are_looked_for_in_al_data_by_default(classes, monkeypatch, tmp_path):
    monkeypatch.setenv("AL_DATA", str(classes.parent))
    monkeypatch.setattr(ImageFolder, "folder", classes.name)
    assert len(ImageFolder().train) == 12
    monkeypatch.delenv("AL_DATA")
    monkeypatch.chdir(tmp_path)
    with raises(DatasetError, f"data/{classes.name}", "$AL_DATA"):
        ImageFolder().pool()


def test_a_corrupt_image_is_named(classes):
    path = classes / "cat" / "c_0.JPG"
    data = ImageFolder(root=str(classes))
    images = next(part for part in (data.train, data.test) if "c_0.JPG" in names_of(part))
    for content in (path.read_bytes()[:200], b""):
        path.write_bytes(content)
        with raises(DatasetError, "image", path, "read"):
            images.image(names_of(images).index("c_0.JPG"))
