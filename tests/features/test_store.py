"""Stores of features: the same bytes after any interruption, and damage that is noticed."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.errors import ALError
from al_lightning.features.store import Contents, Store
from al_lightning.networks.from_features import Layout
from tests.support.errors import raises

MAPS = ((2, 3, 4), (5, 1, 2))


def contents(dtype="float16", train=7, test=4, block=3, key="a"):
    layout = Layout(MAPS, 6, (12, 16))
    return Contents({"what": key}, block, {"train": train, "test": test}, {"train": layout, "test": layout}, dtype)


def values(store, name, block):
    """Numbers that say whose they are."""
    rows, length = store.contents.rows(name, block), store.contents.layouts[name].width
    base = np.array(rows)[:, None] * 100.0 + np.arange(length) + (name == "test") * 1000
    return base.astype(store.contents.dtype)


def fill(store, missing, rank=0):
    for name, blocks in missing.items():
        for block in blocks:
            store.write(name, block, values(store, name, block), rank)


def made(home, **options):
    store = Store(home, contents(**options))
    fill(store, store.begin())
    store.finish()
    return store


def files(store):
    return {path.name: path.read_bytes() for path in store.path.iterdir()}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_rows_come_back(tmp_path, dtype):
    sets = made(tmp_path, dtype=dtype).sets()
    assert (len(sets.train), len(sets.test)) == (7, 4)
    row = np.arange(24 + 10 + 6) + 1000
    expected = torch.from_numpy(np.stack([row + 300, row]).astype(dtype))
    assert torch.equal(sets.test.rows([3, 0]), expected)
    assert torch.equal(pickle.loads(pickle.dumps(sets)).test.rows([3, 0]), expected)  # by a data worker
    parts = sets.test.layout.split(expected)
    assert [tuple(part.shape) for part in parts.maps] == [(2, *shape) for shape in MAPS]
    assert torch.equal(parts.embedding, expected[:, -6:])
    assert np.load(sets.train.path).shape == (7, 40)  # for any other program


@pytest.mark.parametrize("position", [-1, 7])
def test_no_position_counts_from_the_end(tmp_path, position):
    with raises(IndexError, position, 7):
        made(tmp_path).sets().train.rows([0, position])


def test_an_empty_test_set(tmp_path):
    sets = made(tmp_path, test=0).sets()
    assert len(sets.test) == 0
    assert sets.test.rows([]).shape == (0, 40)


@settings(max_examples=20, deadline=None)
@given(
    st.permutations([("train", 0), ("train", 1), ("train", 2), ("test", 0), ("test", 1)]), st.integers(0, 5), st.data()
)
def test_a_kill_anywhere_gives_the_same_bytes(tmp_path_factory, order, count, data):
    """Blocks in any order, by three processes; the last one torn, or its line, or a power cut that took a block."""
    home = tmp_path_factory.mktemp("stores")
    store = Store(home, contents())
    store.begin()
    for name, block in order[:count]:
        store.write(name, block, values(store, name, block), rank=data.draw(st.integers(0, 2)))
    if count:
        journal = next(iter(sorted(store.work.glob("blocks-*.jsonl"), key=lambda path: -path.stat().st_size)))
        journal.write_bytes(journal.read_bytes()[: -data.draw(st.integers(0, 9))] or b"")
        if data.draw(st.booleans()):
            (store.work / "train.npy").write_bytes((store.work / "train.npy").read_bytes()[:-30])
    again = Store(home, contents())
    missing = again.begin()
    assert sum(map(len, missing.values())) >= 5 - count
    fill(again, missing)
    again.finish()
    assert files(again) == files(made(tmp_path_factory.mktemp("stores")))
    assert not store.work.exists()


def test_what_was_written_is_not_written_again(tmp_path):
    store = Store(tmp_path, contents())
    store.begin()
    store.write("train", 1, values(store, "train", 1), rank=4)
    assert Store(tmp_path, contents()).begin() == {"train": [0, 2], "test": [0, 1]}


@pytest.mark.parametrize("damage", ["a byte", "cut", "header", "gone", "manifest"])
def test_damage_is_noticed_and_only_that_is_made_again(tmp_path, damage):
    store = made(tmp_path)
    before, path = files(store), store.path / "test.npy"
    assert store.damaged() == {"train": [], "test": []}
    expected = {"train": [], "test": [1] if damage in ("a byte", "cut") else [0, 1]}
    if damage == "manifest":
        (store.path / "manifest.json").write_text("{}")
        expected = {"train": [0, 1, 2], "test": [0, 1]}
    elif damage == "gone":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[20 if damage == "header" else -5] ^= 1
        path.write_bytes(content[:-7] if damage == "cut" else content)
    assert store.damaged() == expected
    assert store.begin() == expected
    fill(store, expected)
    store.finish()
    assert files(store) == before


def test_other_contents_have_another_folder(tmp_path):
    options = [{}, {"key": "b"}, {"train": 8}, {"block": 2}, {"dtype": "float32"}]
    assert len({Store(tmp_path, contents(**each)).path for each in options}) == len(options)


def test_a_block_that_was_not_written_is_told(tmp_path):
    store = Store(tmp_path, contents())
    fill(store, store.begin())
    content = bytearray((store.work / "test.npy").read_bytes())
    content[-1] ^= 1
    (store.work / "test.npy").write_bytes(content)
    with raises(ALError, 1, store.work):
        store.finish()
