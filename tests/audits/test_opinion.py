"""The second opinion: vectors beside pixels, counted by hand."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.audits.audit import write
from al_lightning.audits.result import Agreement, Audit
from al_lightning.audits.text import summary
from al_lightning.audits.vectors import Make, Readable, Vectors
from al_lightning.duplicates.vectors import UnitVectors
from al_lightning.errors import DatasetError
from tests.support.audited import look, tree

POOL = [0, 1, 0, 2, 3, 4, 5, 5]
"""What each image of the pool shows, in its vector's opinion; the last but one cannot be read."""
TEST = [6, 1, 0, 7, 8]


def told(pool: list[int] = POOL, test: list[int] = TEST) -> Make:
    """Return a function that gives images the axes of some space as vectors, the third of the pool a little off."""

    def make(readable: Readable) -> Vectors:
        of = {}
        for side, shows in (("pool", pool), ("test", test)):
            rows = np.eye(9, dtype=np.float32)[[shows[index] for index in readable[side]]]  # type: ignore[index]
            if side == "pool":
                rows[2, 8] = 0.3
            of[side] = UnitVectors.of(lambda part, rows=rows: rows[part], len(rows))  # type: ignore[misc]
        return Vectors("told", of)  # type: ignore[arg-type]

    return make


def planted(root: Path) -> Path:
    """The pool gets y, which is broken, and z, an exact copy of a_001; the test set gets b, like a_004 of the pool."""
    images = tree(root) / "images"
    (images / "train/y.png").write_text("broken")
    shutil.copy(images / "train/a_001.png", images / "train/z.png")
    pixels = np.asarray(Image.open(images / "train/a_004.png"))
    Image.fromarray(np.minimum(pixels, 250)).save(images / "test/b.png")
    return root


def heard(root: Path) -> Audit:
    return look(planted(root), masks=False, vectors=told())


def test_where_pixels_and_vectors_agree_is_counted(tmp_path: Path) -> None:
    found = heard(tmp_path)
    opinion = found.opinion
    assert opinion is not None
    # By vectors a_002 repeats a_000; by pixels z repeats a_001, which vectors do not say.
    assert opinion.pool == Agreement(both=0, pixels=1, vectors=1)
    assert opinion.test == Agreement(0, 0, 0)
    # By vectors, two test images are like a_001 and a_000; by pixels, b is like a_004.
    assert opinion.leaks == Agreement(both=0, pixels=1, vectors=2)
    assert [(leak.test.name, leak.pool.name) for leak in opinion.alone] == [
        ("test/a_001.png", "train/a_001.png"),
        ("test/a_002.png", "train/a_000.png"),
    ]
    ((first, second),) = [group.members for group in opinion.groups]
    assert (first.name, second.name) == ("train/a_000.png", "train/a_002.png")
    assert second.cosine == round(1 / 1.09**0.5, 3)
    assert second.similarity < 0.8
    assert opinion.usual is not None
    # What pixels found has the vectors' cosine beside it.
    (copies,) = found.groups
    assert [(member.name, member.cosine) for member in copies.members] == [("train/a_001.png", 1), ("train/z.png", 0)]
    assert [(leak.test.name, leak.test.cosine) for leak in found.leaks] == [("test/b.png", 0)]


def test_both_call_a_copy_alike(tmp_path: Path) -> None:
    shows = [0, 1, 2, 3, 4, 5, 9, 1]
    found = look(planted(tmp_path), masks=False, vectors=told(shows, [6, 7, 8, 8, 4]))
    assert found.opinion is not None
    assert found.opinion.pool == Agreement(1, 0, 0)
    assert found.opinion.leaks == Agreement(1, 0, 0)
    assert found.opinion.test == Agreement(0, 0, 1)
    assert not found.opinion.alone


def test_text_page_and_json_show_both_numbers(tmp_path: Path) -> None:
    found = heard(tmp_path)
    json_path, page_path = write(found, tmp_path / "out")
    values = json.loads(json_path.read_text())
    assert values["opinion"]["leaks"] == {"both": 0, "pixels": 1, "vectors": 2}
    assert values["groups"][0]["members"][1]["cosine"] == 0
    text, html = summary(found), page_path.read_text()
    assert "told gives 9 numbers an image; two images are alike by their vectors at a cosine of 0.9 or more" in text
    assert re.search(r"of the test set, like one of the pool +0 +1 +2\n", text)
    assert "test/a_001.png ≈ (pixels below 0.5, cosine 1.00) train/a_001.png" in text
    assert "Second opinion: vectors" in html
    assert "<td>0</td><td>1</td><td>2</td>" in html
    assert "pixels below 0.5, cosine 0.96" in html
    mild = [problem for problem in found.problems if "by vectors alone" in problem.text]
    assert [problem.strict for problem in mild] == [False, False]
    assert all(problem.text in text for problem in mild)


def test_what_vectors_alone_call_alike_is_in_the_first_line(tmp_path: Path) -> None:
    found = look(tree(tmp_path), masks=False, vectors=told())
    assert not found.fails
    alike = found.opinion.pool.vectors + found.opinion.test.vectors + found.opinion.leaks.vectors
    assert f", but {alike} images alike by vectors alone.\n" in summary(found)


def test_without_the_option_nothing_changes(tmp_path: Path) -> None:
    plain, with_vectors = look(planted(tmp_path), masks=False), look(tmp_path, masks=False, vectors=told())
    values, others = plain.values(), with_vectors.values()
    assert "opinion" not in values
    assert "cosine" not in json.dumps(values)
    assert "econd opinion" not in summary(plain) + write(plain, tmp_path / "out")[1].read_text()
    assert plain.fails == with_vectors.fails
    assert {name: values[name] for name in ("pool", "test", "redundancy", "findings")} == {
        name: others[name] for name in ("pool", "test", "redundancy", "findings")
    }


def test_vectors_that_cannot_be_made_cost_a_note(tmp_path: Path) -> None:
    def fail(readable: Readable) -> Vectors:
        raise DatasetError("1 image cannot be read.")

    found = look(planted(tmp_path), masks=False, vectors=fail)
    assert found.opinion is None
    assert "There is no second opinion by vectors: 1 image cannot be read." in found.notes
    assert "cosine" not in json.dumps(found.values())
    assert found.leaks
