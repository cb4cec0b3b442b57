"""What tools call an image, and which image is meant."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.labels.filenames import Names, link_name
from al_lightning.labels.spelling import twins
from al_lightning.labels.untrusted import Malformed
from tests.support.errors import raises
from tests.support.label_exports import django


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("a/one.jpg", "a/one.jpg"),
        ("b/one.jpg", "b/one.jpg"),
        ("data/a/one.jpg", "a/one.jpg"),
        ("C:\\data\\a\\one.jpg", "a/one.jpg"),
        ("two.png", "deep/er/two.png"),
        ("er/two.png", "deep/er/two.png"),
        ("0007_a__one.jpg", "a/one.jpg"),
        ("images/0007_a__one.jpg", "a/one.jpg"),
        ("/data/local-files/?d=batches/cycle_00/images/0007_b__one.jpg", "b/one.jpg"),
        ("/data/upload/3/1a2b3c4d-0007_b__one.jpg", "b/one.jpg"),
        ("/data/upload/3/1a2b3c4d-two.png", "deep/er/two.png"),
        ("https://host/x/deep/er/two.png?token=1", "deep/er/two.png"),
        ("s3://bucket/a%2Fone.jpg", "a/one.jpg"),
    ],
)
def test_what_tools_call_an_image(reference: str, image: str) -> None:
    assert Names(["a/one.jpg", "b/one.jpg", "deep/er/two.png"]).find(reference) == image


@pytest.mark.parametrize(
    ("reference", "facts"),
    [
        ("one.jpg", ["'a/one.jpg'", "'b/one.jpg'"]),
        ("c/two.png", ["none"]),  # another folder's file of the same name
        ("three.png", ["none"]),
        ("", ["none"]),
        ("/", ["none"]),
        ("http://[", ["none"]),
        ("../../a/two.png", ["none"]),
    ],
)
def test_nothing_is_guessed(reference: str, facts: list[object]) -> None:
    with raises(Malformed, repr(reference), *facts):
        Names(["a/one.jpg", "b/one.jpg", "deep/er/two.png"]).find(reference)


def test_a_name_that_is_also_a_batch_name_is_ambiguous_unless_it_is_ours() -> None:
    names = Names(["0001_x.png", "x.png"])
    with raises(Malformed, "'0001_x.png'", "'x.png'"):
        names.find("0001_x.png")
    assert names.find("0001_x.png", ours=True) == "0001_x.png"


def test_masks_are_found_with_the_ending_added_or_in_place() -> None:
    names = Names(["a/one.jpg", "b/one.jpg", "two.jpg", "two.png"])
    assert names.find_mask("a/one.png") == names.find_mask("a/one.jpg.png") == "a/one.jpg"
    assert names.find_mask("0003_b__one.png") == "b/one.jpg"
    assert names.find_mask("two.jpg.png") == "two.jpg"
    for reference in ("one.png", "two.png"):
        with raises(Malformed, repr(reference), "use the images' whole paths"):
            names.find_mask(reference)


def test_a_very_long_path_has_a_name_in_the_batch_and_is_found_again() -> None:
    long = "/".join(["folder" * 5] * 12) + "/one.jpg"
    assert len(link_name(long, 12).encode()) < 256
    assert Names([long]).find(f"images/{link_name(long, 12)}") == long


# Tools that respell names


def roboflow(name: str) -> str:
    stem, _, ending = re.sub(r"[^\w.]", "-", name).rpartition(".")
    return f"{stem}_{ending}.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f9.jpg"


TOOLS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "Label Studio": lambda name: f"/data/upload/7/1a2b3c4d-{django(name)}",
    "Label Studio, served": lambda name: f"/data/local-files/?d=batches/initial/images/{name.replace('%', '%25')}",
    "CVAT's folder": lambda name: f"task/images/{name}",
    "Windows": lambda name: f"images\\{name}",
    "Roboflow": roboflow,
    "macOS": lambda name: unicodedata.normalize("NFD", name),
    "an uploaded NFD": lambda name: f"1a2b3c4d-{django(unicodedata.normalize('NFD', name))}",
}
ODD = ["photo (1).png", "IMG 2.png", "a+b.png", "plain.png", "50% off, #3.jpg", "caf\u00e9/\u00fc b.jpg", "img(1)1.png"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_respelled_name_in_a_batch_means_its_image(tool: str) -> None:
    ranks = [(name, rank) for rank, name in enumerate(ODD, start=1)]
    names = Names(ODD, ranks)
    for name, rank in ranks:
        if tool == "Label Studio, served" and "#" in name:
            continue  # in a URL it begins a fragment
        assert names.find(TOOLS[tool](link_name(name, rank))) == name
        mask = PurePosixPath(link_name(name, rank)).stem
        assert names.find_mask(f"{mask}.png") == names.find_mask(f"SegmentationClass/{mask}.Png") == name


file_name = st.text(st.sampled_from("ab1 _-()+,.%#\u00e9\u4e2d"), max_size=6).map(lambda text: f"x{text}.png")


@given(st.lists(file_name, min_size=1, max_size=8, unique=True), st.data())
def test_whatever_an_upload_makes_of_the_names_of_a_batch_the_rank_tells_them_apart(names, data) -> None:
    ranks = [(name, rank) for rank, name in enumerate(data.draw(st.permutations(names)), start=1)]
    known = Names(names, ranks)
    for name, rank in ranks:
        assert known.find(f"0a1b2c3d-{django(link_name(name, rank))}") == name


@given(st.lists(file_name, min_size=1, max_size=8, unique=True))
def test_the_name_of_an_upload_without_rank_means_the_only_image_that_fits(names) -> None:
    known = Names(names)
    uploads = {name: django(unicodedata.normalize("NFD", name)) for name in names}
    for name in names:
        if list(uploads.values()).count(uploads[name]) == 1:
            assert known.find(f"0a1b2c3d-{django(name)}") == name
        else:
            with raises(Malformed, "may mean"):
                known.find(f"0a1b2c3d-{django(name)}")


def test_masks_of_images_with_one_stem_are_told_apart_by_their_ranks() -> None:
    known = ["images/f000.jpg", "images/f000.png"]
    names = Names(known, [(name, rank) for rank, name in enumerate(known, start=1)])
    assert [names.find_mask(f"000{rank}_images__f000.png") for rank in (1, 2)] == known
    for reference in ("0003_images__f000.png", "images/f000.png", "f000.png"):  # of no such rank, or without one
        with raises(Malformed, repr(reference), *map(repr, known), "COCO"):
            names.find_mask(reference)
    again = Names(known, [(known[0], 1), (known[1], 1)])  # the first of two batches
    with raises(Malformed, *map(repr, known)):
        again.find_mask("0001_images__f000.png")


def test_the_rank_alone_means_no_image() -> None:
    names = Names(["photo (1).png", "other.png"], [("photo (1).png", 1), ("other.png", 2)])
    for reference in ("0001_other thing.png", "1a2b3c4d-0001_photo_2.png", "0001_.png", "0001_", "0003_photo 1.png"):
        with raises(Malformed, repr(reference), "none"):
            names.find(reference)
    assert names.find("0007_other.png") == "other.png"  # as in a batch that was written again
    with raises(Malformed, "'other.png'", "'o.ther.png'"):  # the rank says one, the rest says the other
        Names(["other.png", "o.ther.png"], [("other.png", 1), ("o.ther.png", 2)]).find("0002_other.png")


def cut(name: str, project: int) -> str:
    """What Django makes of a path of more than 100 characters: seven random ones stand for the end of the name."""
    path = f"upload/{project}/0a1b2c3d-{django(name)}"
    stem, _, ending = path.rpartition(".")
    return path if len(path) <= 100 else f"{stem[: 100 - len(ending) - 9]}_Ab3dE7g.{ending}"


def test_a_long_name_that_an_upload_cut_is_told_by_its_rank() -> None:
    start = "train (a)/patient 0001/visit 2/series 12 axial t1 weighted with contrast medium/thin slices/"
    known = [f"{start}slice {number:03d}.png" for number in range(3)]
    names = Names(known, [(name, rank) for rank, name in enumerate(known, start=1)])
    for rank, name in enumerate(known, start=1):
        for project in (1, 12345):
            reference = f"/data/{cut(link_name(name, rank), project)}"
            assert len(reference) == len("/data/") + 100
            assert names.find(reference) == name
            for wrong in (reference.replace(f"000{rank}_", "0004_"), reference.replace("patient", "Patient")):
                with raises(Malformed, "none"):
                    names.find(wrong)
    with raises(Malformed, "none"):  # short enough to be whole
        names.find("0a1b2c3d-0001_train_Ab3dE7g.png")


def test_what_was_respelled_is_kept_for_a_note() -> None:
    names = Names(["a b.png", "c.png"], [("a b.png", 1), ("c.png", 2)])
    for reference in ("0001_a b.png", "1a2b3c4d-0002_c.png", "c.png"):
        names.find(reference)
    assert names.respelled == []
    names.find("1a2b3c4d-0001_a_b.png")
    assert names.respelled == [("1a2b3c4d-0001_a_b.png", "a b.png")]


def test_names_are_compared_in_one_unicode_form() -> None:
    composed, decomposed = "\u00e9/\u00fc.jpg", "e\u0301/u\u0308.jpg"
    for known, other in ((composed, decomposed), (decomposed, composed)):
        names = Names([known], [(known, 1)])
        assert (
            names.find(other) == names.find(f"x/{other}") == names.find(other, ours=True) == names.own(other) == known
        )
        assert names.find(link_name(other, 1)) == names.find_mask("\u00e9/u\u0308.png") == known
    with raises(Malformed, "Unicode", "rename"):
        Names([composed, decomposed]).find(composed)
    assert twins(["a", composed, "b", composed]) is None
    assert twins(["a", composed, "b", decomposed]) == (composed, decomposed)


def test_a_number_that_no_batch_has_is_a_name() -> None:
    assert Names(["1" * 5000 + "_x.png"]).find("1" * 5000 + "_x.png") == "1" * 5000 + "_x.png"
    with raises(Malformed, "none"):
        Names(["x.png"], [("x.png", 1)]).find("1" * 5000 + "_x.png")
