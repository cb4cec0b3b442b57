"""A label format of one's own: one file, which the import, its help and the batch then know."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.errors import DatasetError
from al_lightning.labels import formats
from al_lightning.labels.batch import write_batch
from al_lightning.labels.item import Item
from tests.support.errors import refused
from tests.support.label_exports import CLASSES, COLOURS, Call, masks_of, png, store

MODULE = """
from typing import ClassVar

from al_lightning.labels.formats import Format


class MadeUpLines(Format):
    form: ClassVar[str] = "lines of `CLASS => IMAGE`"
    kinds: ClassVar[tuple[str, ...]] = ("image",)
    folder: ClassVar[str] = "made_up_lines"

    def recognises(self, source):
        return b" => " in source.head.split(b"\\n")[0]

    def read(self, source, annotations):
        for line in source.load().decode().splitlines():
            label, _, image = line.partition(" => ")
            annotations.add_class(annotations.names.find(image), annotations.number(label))

    def write(self, folder, batch):
        (folder / "to_label.txt").write_text("".join(f"? => {item.name}\\n" for item in batch.items))


FORMAT = MadeUpLines()
"""


@pytest.fixture(autouse=True)
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one" / "own").mkdir(parents=True)
    (tmp_path / "one" / "own" / "made_up_lines.py").write_text(MODULE)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path / "one" / "own")])
    monkeypatch.delitem(sys.modules, f"{formats.__name__}.made_up_lines", raising=False)


def test_a_file_of_the_new_format_is_imported(al: Call, image_run: Path, here: Path) -> None:
    (here / "labels.txt").write_text("car => two.png\nsky => a/one.jpg\n")
    assert al("labels", "import", image_run, "labels.txt").code == 0
    kept = store(image_run)
    assert {name: kept.image_class(name) for name in kept.names()} == {
        "two.png": CLASSES.index("car"),
        "a/one.jpg": CLASSES.index("sky"),
    }
    assert "lines of `CLASS => IMAGE`" in al("labels").out


def test_its_wording_is_part_of_sentences(al: Call, pixel_run: Path, here: Path) -> None:
    (here / "labels.txt").write_text("car => two.png\n")
    assert refused(al("labels", "import", pixel_run, "labels.txt"), DatasetError, "lines of `CLASS => IMAGE`", "masks")
    (here / "other.txt").write_text("nothing")
    assert refused(al("labels", "import", pixel_run, "other.txt"), DatasetError, "lines of `CLASS => IMAGE`")
    (here / "two.png").write_bytes(png(masks_of()[2]))
    assert al("labels", "import", pixel_run, "two.png").code == 0


def test_a_batch_has_its_folder(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "a.png")
    item = Item("a.png", tmp_path / "a.png", 1, None, None, None, 8, 6, None, None)
    write_batch(tmp_path / "batches/x", [item], CLASSES, "image", COLOURS)
    assert (tmp_path / "batches/x/made_up_lines/to_label.txt").read_text() == "? => a.png\n"
    assert {"cvat", "label_studio", "made_up_lines"} <= {path.name for path in (tmp_path / "batches/x").iterdir()}
