"""The label store: what it holds, what it refuses, and that labels come in whole or not at all."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from al_lightning.errors import DatasetError, DirectoryInUse
from al_lightning.labels.store import Changes, LabelStore
from al_lightning.runs.lock import Lock
from tests.support.errors import raises

CLASSES = ("cat", "dog", "red, big")


def mask(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.uint8)


def test_classes_are_kept_by_name_and_changes_told(tmp_path):
    store = LabelStore(tmp_path / "labels", CLASSES, "image")
    assert store.names() == set()
    assert store.image_class("a.jpg") is None
    assert not store.has("a.jpg")
    assert store.apply({"b/ü,1.jpg": 2, "a.jpg": 0}) == Changes(["b/ü,1.jpg", "a.jpg"])
    assert store.table.read_text() == 'image,class\na.jpg,cat\n"b/ü,1.jpg","red, big"\n'
    assert store.apply({"a.jpg": 1, "b/ü,1.jpg": 2, "c.jpg": 1}) == Changes(["c.jpg"], ["a.jpg"], ["b/ü,1.jpg"])
    assert [store.image_class(name) for name in ("a.jpg", "b/ü,1.jpg", "c.jpg", "d.jpg")] == [1, 2, 1, None]
    assert store.names() == {"a.jpg", "b/ü,1.jpg", "c.jpg"}


def test_a_store_that_was_read_sees_what_comes_later_and_travels(tmp_path):
    reader, writer = (LabelStore(tmp_path, CLASSES, "image") for _ in range(2))
    writer.apply({"a.jpg": 0})
    assert reader.image_class("a.jpg") == 0
    writer.apply({"a.jpg": 1})  # of the same length: a file of equal size
    assert reader.image_class("a.jpg") == 1
    assert pickle.loads(pickle.dumps(reader)).image_class("a.jpg") == 1


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("image,class\na.jpg,cow\n", ["row 2", "'cow'"]),
        ("image,class\na.jpg,cats\n", ["row 2", "'cats'", "'cat'"]),
        ("image,class\na.jpg\n", ["row 2", "['a.jpg']"]),
        ("a.jpg,cat\n", ["'image,class'"]),
        ("image,class\na.jpg,cat\na.jpg,dog\n", ["row 3", "'a.jpg'"]),
        ("\xff\xfe", ["UTF-8"]),
    ],
)
def test_a_table_that_was_edited_badly_costs_a_sentence(tmp_path, text, facts):
    (tmp_path / "labels.csv").write_bytes(text.encode("latin-1"))
    with raises(DatasetError, tmp_path / "labels.csv", *facts):
        LabelStore(tmp_path, CLASSES, "image").has("a.jpg")


def test_masks_are_kept_at_their_own_size(tmp_path):
    store, first, second = LabelStore(tmp_path, CLASSES, "pixel"), mask([0, 1, 255], [2, 2, 2]), mask([0])
    assert store.apply({"a/b.jpg": first, "c.png": second}) == Changes(["a/b.jpg", "c.png"])
    with Image.open(tmp_path / "masks" / "a" / "b.jpg.png") as image:
        assert (image.mode, image.size) == ("L", (3, 2))
    assert np.array_equal(store.mask("a/b.jpg"), first)
    assert store.mask("d.jpg") is None
    changed = store.apply({"a/b.jpg": first, "c.png": mask([1])})
    assert changed == Changes([], ["c.png"], ["a/b.jpg"])
    assert store.names() == {"a/b.jpg", "c.png"}
    assert not (tmp_path / ".incoming").exists()


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "", "a\0b", "a\\..\\b.jpg"])
@pytest.mark.parametrize("kind", ["image", "pixel"])
def test_no_name_leads_out_of_the_folder(tmp_path, name, kind):
    store = LabelStore(tmp_path / "in", CLASSES, kind)
    with raises(DatasetError, repr(name)):
        store.apply({"fine.jpg": 0 if kind == "image" else mask([0]), name: 0 if kind == "image" else mask([0])})
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize(
    ("kind", "bad"),
    [("image", 3), ("image", -1), ("pixel", mask([3])), ("pixel", np.zeros((2, 2), np.int64)), ("pixel", mask(0, 1))],
)
def test_one_label_that_cannot_be_kept_keeps_all_out(tmp_path, kind, bad):
    store = LabelStore(tmp_path, CLASSES, kind)
    good = 0 if kind == "image" else mask([0])
    with raises(DatasetError, "bad.jpg"):
        store.apply({"good.jpg": good, "bad.jpg": bad})
    assert store.names() == set()


def test_a_mask_that_was_edited_badly_costs_a_sentence(tmp_path):
    store = LabelStore(tmp_path, CLASSES, "pixel")
    store.apply({"a.jpg": mask([0]), "b.jpg": mask([0]), "c.jpg": mask([0])})
    Image.fromarray(mask([7])).save(store.mask_path("a.jpg"))
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(store.mask_path("b.jpg"))
    store.mask_path("c.jpg").write_bytes(b"no picture")
    for name, facts in (("a.jpg", [7, 3]), ("b.jpg", ["RGB"]), ("c.jpg", [])):
        with raises(DatasetError, store.mask_path(name), *facts):
            store.mask(name)
    assert store.apply({"c.jpg": mask([1])}).changed == ["c.jpg"]  # what is damaged is replaced
    assert np.array_equal(store.mask("c.jpg"), mask([1]))


@pytest.mark.parametrize("crash_at", range(12))
def test_a_crash_leaves_all_labels_or_none(tmp_path, monkeypatch, crash_at):
    """Every write and every move in turn is the one at which the power goes."""
    old, new = {"a.jpg": mask([0]), "b.jpg": mask([0])}, {"a.jpg": mask([1]), "b.jpg": mask([2]), "c.jpg": mask([2])}
    LabelStore(tmp_path, CLASSES, "pixel").apply(old)
    left, replace = [crash_at], os.replace

    def failing(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    try:
        LabelStore(tmp_path, CLASSES, "pixel").apply(new)
        done = True
    except KeyboardInterrupt:
        done = False
    monkeypatch.undo()
    store = LabelStore(tmp_path, CLASSES, "pixel")
    found = {name: store.mask(name) for name in store.names()}
    whole = [all(np.array_equal(found[name], said[name]) for name in said) for said in (old, new)]
    assert whole.count(True) == 1
    assert found.keys() == (new if whole[1] else old).keys()
    assert whole[1] == (crash_at >= 4)  # 3 masks and the list: from the list on, they count
    assert done == (crash_at >= 7)
    store.apply({})
    assert not (tmp_path / ".incoming").exists()


@pytest.mark.parametrize(
    "moves",
    [
        '{{"{secret}": "a.png"}}',
        '{{"../../secret": "a.png"}}',
        '{{"0.png": "../../../secret"}}',
        '{{"0.png": ["a.png"]}}',
        '["0.png"]',
        "[" * 20_000 + "]" * 20_000,
        '{{"0.png": ' * 20_000,
        "7",
    ],
)
def test_a_list_of_masks_that_somebody_made_up_moves_nothing(tmp_path, moves):
    (tmp_path / "secret").write_text("mine")
    incoming = tmp_path / "run" / "labels" / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / "0.png").write_bytes(b"")
    (incoming / "moves.json").write_text(moves.format(secret=tmp_path / "secret"))
    with pytest.raises(DatasetError):
        LabelStore(tmp_path / "run" / "labels", CLASSES, "pixel").names()
    assert (tmp_path / "secret").read_text() == "mine"
    assert not (tmp_path / "run" / "labels" / "masks").exists()


def interrupted(folder: Path, name: str, ids: np.ndarray) -> LabelStore:
    """A store with a mask that was listed and never moved."""
    (folder / ".incoming").mkdir(parents=True)
    Image.fromarray(ids).save(folder / ".incoming" / "0.png")
    (folder / ".incoming" / "moves.json").write_text(f'{{"0.png": "{name}"}}')
    return LabelStore(folder, CLASSES, "pixel")


def test_reading_counts_what_is_on_its_way_and_moves_nothing(tmp_path):
    folder = tmp_path / "labels"
    store = LabelStore(folder, CLASSES, "pixel")
    store.apply({"a.jpg": mask([0]), "b.jpg": mask([0])})
    interrupted(folder, "a.jpg", mask([2]))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert (store.names(), store.has("a.jpg"), store.has("c.jpg")) == ({"a.jpg", "b.jpg"}, True, False)
    assert (store.mask("a.jpg").item(), store.mask("b.jpg").item()) == (2, 0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    store.apply({})
    assert store.mask("a.jpg").item() == 2
    assert not (folder / ".incoming").exists()


@pytest.mark.parametrize("link", ["masks", "masks/x", ".incoming", ".lock"])
@pytest.mark.parametrize("half", [True, False])
def test_nothing_is_written_through_a_link_that_leads_out(tmp_path, link, half):
    folder, victim = tmp_path / "labels", tmp_path / "victim"
    victim.mkdir()
    folder.mkdir()
    (victim / "y.png.png").write_text("mine")
    if half and link != ".incoming":
        interrupted(folder, "x/y.png", mask([0]))
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(victim if link != ".lock" else tmp_path / "made")
    store = LabelStore(folder, CLASSES, "pixel")
    with raises(DatasetError, folder / link.split("/")[0], folder):
        store.apply({"z.png" if half and link == "masks/x" else "x/y.png": mask([1])})
    assert {path.name: path.read_text() for path in victim.iterdir()} == {"y.png.png": "mine"}
    assert not (tmp_path / "made").exists()


def test_a_table_is_written_through_no_link_that_lies_in_its_way(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    for name in ("labels.csv", f".labels.csv.{os.getpid()}.tmp"):  # a stranger can try every number
        (folder / name).symlink_to(tmp_path / "mine")
        (tmp_path / "mine").write_text("image,class\n")
        LabelStore(folder, CLASSES, "image").apply({f"{len(name)}.jpg": 0})
        assert (tmp_path / "mine").read_text() == "image,class\n"


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert LabelStore(tmp_path / "link", CLASSES, "pixel").apply({"x/y.png": mask([1])}).added == ["x/y.png"]
    assert LabelStore(tmp_path / "real", CLASSES, "pixel").mask("x/y.png").item() == 1


def test_two_at_once_are_told(tmp_path, monkeypatch):
    store = LabelStore(tmp_path, CLASSES, "image")
    store.apply({"a.jpg": 0})
    monkeypatch.setattr(Lock, "take", lambda lock: False)  # as another process holds it
    with raises(DirectoryInUse, tmp_path):
        store.apply({"b.jpg": 0})
    monkeypatch.undo()
    assert Lock(tmp_path / ".lock").take()


NAMES = st.from_regex(r"[a-c]{1,2}(/[a-c,\" ü]{1,3}){0,2}\.(jpg|png)", fullmatch=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(NAMES, st.integers(0, 2), max_size=5), max_size=4))
def test_the_store_is_a_mapping_on_disk(tmp_path_factory, batches):
    folder, expected = Path(tmp_path_factory.mktemp("store")), {}
    for batch in batches:
        changes = LabelStore(folder, CLASSES, "image").apply(batch)
        assert set(changes.added) == batch.keys() - expected.keys()
        assert set(changes.changed) == {name for name in batch if expected.get(name, batch[name]) != batch[name]}
        assert len(changes.added) + len(changes.changed) + len(changes.unchanged) == len(batch)
        expected |= batch
        store = LabelStore(folder, CLASSES, "image")
        assert {name: store.image_class(name) for name in store.names()} == expected
