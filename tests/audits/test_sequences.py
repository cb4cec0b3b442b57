"""Sequences on both sides, and their closest frames."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from al_lightning.audits.page import page
from al_lightning.audits.sequences import spans
from al_lightning.audits.text import summary
from al_lightning.data.name_order import places
from al_lightning.errors import UsageError
from tests.support.audited import kinds, look, tree
from tests.support.errors import raises


def test_sequences_on_both_sides_and_the_closest_frames() -> None:
    pattern = r"(?P<sequence>[a-z]+)_(?P<frame>\d+)"
    pool = places(["a_1", "a_5", "b_1", "strange"], pattern)
    test = places(["a_9", "a_3", "c_1"], pattern)
    assert pool == [("a", 1), ("a", 5), ("b", 1), None]
    (span,) = spans(pool, test, (["p0", "p1", "p2", "p3"], ["t0", "t1", "t2"]))
    assert (span.name, span.pool_images, span.test_images, span.gap) == ("a", 2, 2, 2)
    assert span.closest_names == ("p0", "t1")


def test_a_pattern_that_matches_no_name_is_refused_and_what_it_misses_is_counted(tmp_path: Path) -> None:
    tree(tmp_path)
    none = r"(?P<sequence>drive\d+)_(?P<frame>\d+)"
    with raises(UsageError, "none of the 10 images' names", "'a_000'"):
        look(tmp_path, sequence_pattern=none)
    some = r"(?P<sequence>a)_(?P<frame>00[0-3])"  # of a_000 to a_005 and a_000 to a_003
    assert "In 2 of 10 names" in " ".join(look(tmp_path, sequence_pattern=some).notes)
    shutil.rmtree(tmp_path / "images/test")
    found = look(tmp_path, sequence_pattern=some)
    assert "In 2 of 6 names" in " ".join(found.notes)
    assert found.sequences == 1
    with raises(UsageError, "none of the 6 images' names"):
        look(tmp_path, sequence_pattern=none)


def test_a_sequence_on_both_sides_fails_and_neighbours_of_one_do_not(tmp_path: Path) -> None:
    tree(tmp_path)
    pattern = r"(?P<sequence>[a-z]+)_(?P<frame>\d+)"
    found = look(tmp_path, sequence_pattern=pattern)
    assert kinds(found) == ["sequences"]
    assert found.fails
    assert "(a): 4 of 4 test images" in found.problems[0].text
    shutil.rmtree(tmp_path / "images/test")
    Image.open(tmp_path / "images/train/a_001.png").save(tmp_path / "images/train/a_900.jpg", quality=60)
    shutil.copy(tmp_path / "masks/train/a_001.png", tmp_path / "masks/train/a_900.png")
    found = look(tmp_path, sequence_pattern=pattern)
    assert kinds(found) == ["near-duplicates"]
    assert not found.fails
    assert found.groups[0].one_sequence
    outcome = "no exact duplicates and no broken files found, but 1 near-duplicate within a sequence."
    assert summary(found).splitlines()[0].endswith(f": {outcome}")
    assert outcome.removeprefix("n") in page(found)
