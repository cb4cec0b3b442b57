"""Folders of training and test set in the spellings of downloads."""

from pathlib import Path

import pytest

from al_lightning.data.inventory import inventory_of
from al_lightning.data.splits import ONE_SET, Splits, role_of, splits_of
from al_lightning.errors import DatasetError
from tests.support.errors import raises


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("train", ("train", ())), ("Training", ("train", ())), ("TRAIN", ("train", ())), ("train_set", ("train", ())),
        ("trainset", ("train", ())), ("Train images", ("train", ())), ("seg_train", ("train", ("seg",))),
        ("train2017", ("train", ("2017",))), ("Test", ("test", ())), ("testing", ("test", ())),
        ("chest-xray-test", ("test", ("chest", "xray"))), ("val", ("validation", ())),
        ("Validation", ("validation", ())), ("valid", ("validation", ())), ("cat", None),
        ("training ground", ("train", ("ground",))), ("trains", None),
        ("contest", None), ("toy_train", ("train", ("toy",))),
    ],
)  # fmt: skip
def test_what_a_name_says(name: str, role: object) -> None:
    assert role_of(name) == role


def splits(root: Path, *names: str, classes: tuple[str, ...] = ()) -> Splits:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return splits_of(inventory_of(root), classes)


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("Training", "Testing"), ("TRAIN", "TEST"), ("Train", "test"), ("training", "validation"),
     ("train", "val"), ("seg_train", "seg_test"), ("train_images", "test_images"), ("train2017", "val2017")],
)  # fmt: skip
def test_pairs_are_found(tmp_path: Path, train: str, test: str) -> None:
    found = splits(tmp_path, f"{train}/cat/a.png", f"{test}/cat/b.png", "other/cat/c.png", "loose.png")
    assert found == Splits((train,), (test,), frozenset({("other",)}))
    sides = [found.side(parts) for parts in ((train, "a.png"), (test, "b.png"), ("other", "c.png"), ("loose.png",))]
    assert sides == ["train", "test", None, None]
    said = list(found.sentences(tmp_path))
    assert bool(said) == ((train, test) != ("train", "test"))
    if said:
        assert str(tmp_path / train) in said[0]
        assert str(tmp_path / test) in said[0]
    assert ("validation" in " ".join(said[1:])) == test.startswith("val")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["seg_train/seg_train/cat/a.png", "seg_test/seg_test/cat/b.png", "seg_pred/seg_pred/c.png"],
         Splits(("seg_train", "seg_train"), ("seg_test", "seg_test"), frozenset({("seg_pred",)}))),
        (["archive/Training/cat/a.png", "archive/Testing/cat/b.png"],
         Splits(("archive", "Training"), ("archive", "Testing"))),
        (["train/cat/a.png", "test/cat/b.png", "val/cat/c.png"], Splits(("train",), ("test",), frozenset({("val",)}))),
        (["train/cat/a.png", "train/dog/a.png"], Splits(("train",), None)),
        (["train/cat/a.png", "train/dog/a.png", "train/b.png"], Splits(("train",), None)),
        (["cat/a.png", "dog/a.png", "test/cat/b.png", "test/dog/b.png"], Splits((), ("test",))),
        (["unlabelled/a.png", "test/cat/b.png"], Splits((), ("test",))),
        (["train/cat/a.png", "test/cat/a.png", "unlabelled/u.png"], Splits(("train",), ("test",))),
        (["train/a.png", "bus/a.png", "car/b.png"], ONE_SET),  # a vehicle
        (["toy_train/a.png", "slow_test/b.png"], ONE_SET),
        (["cat/a.png", "dog/b.png"], ONE_SET),
        (["cat/train/a.png", "cat/test/a.png", "dog/train/a.png", "dog/test/b.png"], ONE_SET),
        (["a.png", "b.png"], ONE_SET),
        ([], ONE_SET),
    ],
)  # fmt: skip
def test_layouts(tmp_path: Path, names: list[str], expected: Splits) -> None:
    assert splits(tmp_path, *names) == expected


def test_classes_that_are_named_are_no_splits(tmp_path: Path) -> None:
    assert splits(tmp_path, "train/steam/a.png", "test/b.png", classes=("train", "test")) == ONE_SET


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        (["train/c/a.png", "Training/c/a.png", "test/c/a.png"], ["Training and train", "training set"]),
        (["train/c/a.png", "test/c/a.png", "Testing/c/a.png"], ["Testing and test", "test set"]),
        (["a_train/c/a.png", "a_test/c/a.png", "b_train/c/a.png", "b_test/c/a.png"], ["a_train and b_train"]),
    ],
)  # fmt: skip
def test_two_folders_for_one_set_are_refused(tmp_path: Path, names: list[str], facts: list[str]) -> None:
    with raises(DatasetError, tmp_path, *facts):
        splits(tmp_path, *names)


def test_unlabelled_images_belong_to_the_training_set() -> None:
    found = Splits(("train",), ("test",))
    assert [found.side(parts) for parts in (("unlabelled", "a.png"), ("x", "a.png"))] == ["train", None]
