"""What a cache is made of: other files, settings or pixels are another cache."""

import os
import sys

import pytest

from al_lightning.data import MaskFolder
from al_lightning.data.cache.recipe import key_of
from tests.support.caches import CLASSES, boxes, is_cached, make, same_sets
from tests.support.errors import lacking

pytestmark = pytest.mark.usefixtures("small_shards")


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
    assert key_of(before) != key_of(after)


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
    def build_train(self): return Halves(self, [str(path) for path in sorted(self.root.glob("images/drive[0-2]*"))])
    def build_test(self): return Halves(self, sorted(self.root.glob("images/drive[34]*"))[: len(self.train) // 5])
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
    assert [lacking(line, [where.parent, "stale", "pixels changed"]) for line in said] == [[]]
    # A module that was moved or renamed gives the class another name.
    mine.__module__ = "moved"
    said.clear()
    assert not is_cached(mine(root=str(masks)))
    assert [lacking(line, [where.parent, "stale", "class changed"]) for line in said] == [[]]


def test_a_default_counts_as_the_same_argument_given(masks):
    class Handing(MaskFolder):
        def __init__(self, note="", **more):
            super().__init__(CLASSES, **more)

    recipe = Handing(root=str(masks)).recipe()
    assert Handing("", root=str(masks), duplicates="error", test_share=0.2).recipe() == recipe
    assert Handing(root=str(masks), duplicates="drop").recipe() != recipe
    assert Handing("x", root=str(masks)).recipe() != recipe


def test_a_part_of_ones_own_in_the_recipe_counts(masks):
    class Noted(MaskFolder):
        note = "1"

        def recipe(self):
            return {**super().recipe(), "note": self.note}

    make(Noted(CLASSES, root=str(masks)))
    assert is_cached(Noted(CLASSES, root=str(masks)))
    Noted.note = "2"
    assert not is_cached(Noted(CLASSES, root=str(masks)))
