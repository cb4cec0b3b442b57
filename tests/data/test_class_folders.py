"""Images in a folder per class: what is a class, what is a set, and what is left out."""

from pathlib import Path

import pytest

from al_lightning.data.class_folders import NO_CLASS, ClassFolders, class_folders
from al_lightning.errors import DatasetError
from tests.support.errors import raises


def read(root: Path, *names: str, named: list[str] | None = None, people: bool = False) -> ClassFolders:
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.touch()
    return class_folders(root, named, people)


def plain(found: ClassFolders) -> tuple[list[str], list[str] | None]:
    """Both sets as class/name."""
    sides = []
    for images in (found.train, found.test):
        named = [(found.names[label] if label != NO_CLASS else "-", path.name) for path, label in images or ()]
        sides.append([f"{label}/{name}" for label, name in named])
    return sides[0], sides[1] if found.test is not None else None


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("Training", "Testing"), ("seg_train/seg_train", "seg_test/seg_test"),
                        ("all/Train", "all/Test"), ("train", "val")],
)  # fmt: skip
def test_sets_in_any_spelling_hold_the_same_classes(tmp_path: Path, train: str, test: str) -> None:
    found = read(tmp_path, f"{train}/cat/1.png", f"{train}/dog/deep/2.png", f"{test}/dog/3.png", f"{train}/4.png")
    assert found.names == ("cat", "dog")
    assert plain(found) == (["cat/1.png", "dog/2.png"], ["dog/3.png"])
    assert found.unused == {"images beside the class folders": 1}


def test_a_test_folder_beside_classes_of_the_same_names_is_the_test_set(tmp_path: Path) -> None:
    found = read(tmp_path, "cat/1.png", "dog/2.png", "Test/dog/3.png", "0.png", "docs/x.txt", "val/cat/9.png")
    assert found.names == ("cat", "dog")
    assert plain(found) == (["cat/1.png", "dog/2.png"], ["dog/3.png"])
    assert found.unused == {
        "images in val": 1,
        "images beside the class folders": 1,
        "folders without images (docs)": 1,
        ".txt files": 1,
    }
    said = found.sentences()
    assert len(said) == 2
    assert str(tmp_path / "Test") in said[0]
    assert "images in val 1" in said[1]


def test_a_folder_without_images_is_a_class_where_people_fill_it_or_it_is_tested(tmp_path: Path) -> None:
    names = ["cat/1.png", "dog/1.png", "owl/", "runs/x/cycles.jsonl"]
    found = read(tmp_path / "a", *names)
    assert found.names == ("cat", "dog")
    assert found.unused == {"folders without images (owl)": 1}
    assert read(tmp_path / "a", people=True).names == ("cat", "dog", "owl")
    tested = read(tmp_path / "b", "train/cat/1.png", "train/owl/", "test/owl/2.png", "test/cat/2.png")
    assert tested.names == ("cat", "owl")
    assert plain(tested) == (["cat/1.png"], ["cat/2.png", "owl/2.png"])


@pytest.mark.parametrize("named", [None, ["e\u0301", "dog"], ["\u00e9", "dog"]])
def test_the_names_of_classes_are_compared_in_one_unicode_form(tmp_path: Path, named: list[str] | None) -> None:
    names = ["train/\u00e9/1.png", "train/e\u0301/2.png", "train/dog/3.png", "test/e\u0301/4.png", "test/dog/5.png"]
    found = read(tmp_path, *names, named=named)
    name = named[0] if named else "\u00e9"
    assert set(found.names) == {name, "dog"}
    assert sorted(plain(found)[0]) == sorted([f"{name}/1.png", f"{name}/2.png", "dog/3.png"])
    assert sorted(plain(found)[1] or []) == sorted([f"{name}/4.png", "dog/5.png"])


def test_images_without_a_class(tmp_path: Path) -> None:
    names = ["1.png", "images/2.png", "unlabelled/x/3.png", "cat/4.png", "test/dog/5.png", "test/unlabelled/6.png"]
    found = read(tmp_path, *names, named=["cat", "dog"], people=True)
    assert plain(found) == (["cat/4.png", "-/1.png", "-/2.png", "-/3.png"], ["dog/5.png", "-/6.png"])
    with raises(DatasetError, tmp_path / "dogs", "cat, dog", "'dog'"):
        read(tmp_path, "dogs/1.png", named=["cat", "dog"])


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        (["cat/1.png", "dog/2.png", "val/3.png"], ["val", "validation set", "--data.classes '[cat, dog, val]'"]),
        (["cat/1.png", "dog/2.png", "Testing/a/3.png"], ["Testing", "test set", "ROOT/test/CLASS"]),
        (["train/a/1.png", "more/b/2.png", "more/c/2.png"], ["train", "training set"]),
        (["2019/cat/1.png", "2019/dog/1.png", "2020/cat/1.png", "2020/dog/1.png"], ["2019, 2020", "cat, dog"]),
        (["cat/train/1.png", "cat/test/1.png", "dog/train/1.png", "dog/test/1.png"], ["cat, dog", "test, train"]),
        (["all/cat/1.png", "all/dog/1.png"], ["'all'", "--data.root"]),
        (["all/1.png"], ["'all'", "two classes", "--data.classes"]),
        (["cat/1.png", "dog/1.png", "test/"], ["test", "no images"]),
        (["train/cat/1.png", "train/cow/1.png", "test/dog/1.png"], ["test/dog", "train"]),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused_with_the_way_out(
    tmp_path: Path, names: list[str], facts: list[str]
) -> None:
    with raises(DatasetError, tmp_path, *facts):
        read(tmp_path, *names)


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["2019/cat/1.png", "2019/dog/1.png", "2020/cat/1.png", "2020/dog/1.png"], ["2019", "2020"]),
        (["cat/1.png", "dog/2.png", "val/3.png"], ["cat", "dog", "val"]),
        (["thumbs/1.png", "fists/1.png"], ["fists", "thumbs"]),
    ],
)
def test_naming_the_classes_is_the_way_out(tmp_path: Path, names: list[str], classes: list[str]) -> None:
    found = read(tmp_path, *names, named=classes)
    assert len(found.train) == len(names)
    assert found.test is None


def test_a_train_among_vehicles_is_a_class(tmp_path: Path) -> None:
    assert read(tmp_path, "bus/1.png", "car/1.png", "train/1.png").names == ("bus", "car", "train")
