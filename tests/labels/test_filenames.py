"""What tools call an image, and which image is meant."""

import pytest

from al_lightning.labels.filenames import Names, link_name
from al_lightning.labels.untrusted import Malformed
from tests.support.errors import raises


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
