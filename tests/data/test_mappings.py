"""Mapping files: from colours or ids to classes, also of one's own images."""

import logging

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from al_lightning.data import MaskFolder
from al_lightning.data.mappings import find_mapping, load_mapping
from al_lightning.data.masks import Colours, colour_table, read_mask
from al_lightning.drawing import packed
from al_lightning.errors import DatasetError, UnknownLabel, UsageError
from tests.support.errors import lacking, raises


def names(data):
    return data.names(range(len(data.train)))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_colours_are_looked_up_as_a_dictionary_would(data):
    colour = st.integers(0, 2**24 - 1)
    table = data.draw(st.dictionaries(colour, st.integers(0, 253), min_size=1, max_size=8))
    asked = data.draw(st.lists(st.one_of(colour, st.sampled_from(sorted(table))), min_size=6, max_size=6))
    pixels = np.asarray([[value >> 16, value >> 8 & 255, value & 255] for value in asked], np.uint8).reshape(2, 3, 3)
    assert packed(pixels).ravel().tolist() == asked
    found = colour_table(Colours(tuple(table), tuple(table.values()))).take(packed(pixels))
    assert (found.dtype, found.ravel().tolist()) == (np.uint8, [table.get(value, 254) for value in asked])


def write_mapping(path, **entries):
    path.write_text(yaml.safe_dump(entries))
    return path


GOOD = {"classes": ["road", "car"], "colours": {"#0000ff": "road", "#FF0000": "car"}, "ignore": ["#000000"]}


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"colours": {"#0000ff": "rod"}}, ["m.yaml", "#0000ff", "'rod'", "'road'"]),
        ({"colours": {"#00f": "road"}}, ["m.yaml", "'#00f'", "no colour"]),
        ({"colours": {"red": "road"}}, ["m.yaml", "'red'", "no colour"]),
        ({"ignore": ["#0000FF"]}, ["m.yaml", "#0000FF", "twice"]),
        ({"colours": {"#0000ff": "road", "#0000FF": "car"}}, ["m.yaml", "'#0000ff'", "twice"]),
        ({"ids": {1: "road"}}, ["m.yaml", "one of `colours` and `ids`"]),
        ({"colours": None}, ["m.yaml", "`colours`", "YAML", "quotes"]),
        ({"ignore": "#000000"}, ["m.yaml", "`ignore`", "list"]),
        ({"classes": None}, ["m.yaml", "`classes`", "list"]),
        ({"classes": ["road", "road"]}, ["m.yaml", "'road'", "twice"]),
        ({"classes": [str(number) for number in range(255)]}, [255, "classes"]),
        ({"unknown": "skip"}, ["m.yaml", "`unknown`", "'skip'", "error", "ignore"]),
        ({"color": {}}, ["m.yaml", "'color'", "classes, colours, ids, ignore, unknown", "'colours'"]),
    ],
)
def test_a_wrong_mapping_file_is_named(tmp_path, change, facts):
    path = write_mapping(tmp_path / "m.yaml", **{**GOOD, **change})
    with raises(UsageError, *facts):
        load_mapping(path)


@pytest.mark.parametrize("key", [-1, 256, "one", True])
def test_an_id_that_is_none_is_named(tmp_path, key):
    path = write_mapping(tmp_path / "m.yaml", classes=["a", "b"], ids={key: "a"})
    with raises(UsageError, path, repr(key), "0 to 255"):
        load_mapping(path)


@pytest.mark.parametrize(
    ("text", "facts"),
    [("classes: [a", ["YAML"]), ("- a", ["`classes`", "`colours`"]), (None, ["data.mapping", "no file"])],
)
def test_what_is_no_mapping_file_is_named(tmp_path, text, facts):
    path = tmp_path / "m.yaml"
    if text is not None:
        path.write_text(text)
    with raises(UsageError, path, *facts):
        load_mapping(find_mapping(str(path)))


def test_a_mapping_is_found_by_name_by_file_and_below_root(tmp_path):
    write_mapping(tmp_path / "m.yaml", **GOOD)
    assert find_mapping("m.yaml", root=tmp_path) == tmp_path / "m.yaml"
    assert find_mapping("cityscapes_19", "a2d2").name == "a2d2_cityscapes_19.yaml"
    assert find_mapping("bcss_5", "bcss").name == "bcss_5.yaml"
    with raises(UsageError, "data.mapping", "'a2d2_9'", "'a2d2_19'"):
        find_mapping("a2d2_9")


def test_ids_and_the_rest(tmp_path):
    table = load_mapping(write_mapping(tmp_path / "m.yaml", classes=["a", "b"], ids={7: "a", 1: "b"}, ignore=[3])).table
    assert [int(table[value]) for value in (0, 1, 3, 7, 255)] == [254, 1, 255, 0, 255]
    entries = {"classes": ["a", "b"], "ids": {7: "a", 255: "b"}, "unknown": "ignore"}
    table = load_mapping(write_mapping(tmp_path / "m.yaml", **entries)).table
    assert [int(table[value]) for value in (0, 7, 255)] == [255, 0, 1]


@pytest.fixture
def own(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(5):
        Image.new("RGB", (4, 2), (number, 0, 0)).save(tmp_path / "images" / f"{number}.png")
        mask = np.zeros((2, 4, 3), np.uint8)
        mask[0, :2], mask[0, 2:], mask[1] = (0, 0, 255), (255, 0, 0), (0, 0, 0)
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    write_mapping(tmp_path / "m.yaml", **GOOD)
    return tmp_path


def test_mask_folder_reads_colours_by_a_mapping(own):
    data = MaskFolder(mapping="m.yaml", root=str(own))
    assert list(data.class_names) == ["road", "car"]
    assert data.train.label(0).tolist() == [[0, 0, 1, 1], [255] * 4]
    assert MaskFolder(mapping="m.yaml", root=str(own), size=(1, 2)).train.label(0).tolist() in ([[0, 1]], [[255, 255]])
    colours = Image.open(own / "masks/0.png")
    for mode in ("P", "RGBA"):
        colours.convert(mode).save(own / "m.png")
        assert read_mask(own / "m.png", data.table).tolist() == [[0, 0, 1, 1], [255] * 4]


def test_unknown_colours_are_named_or_ignored(own):
    mask = np.zeros((2, 4, 3), np.uint8)
    mask[0] = (255, 255, 255)
    mask[1, 0] = (1, 2, 3)
    Image.fromarray(mask).save(own / "masks/0.png")
    table = MaskFolder(mapping="m.yaml", root=str(own)).table
    facts = ["#ffffff (4 pixels), #010203 (1 pixels)", "mapping", "`unknown: ignore`"]
    with raises(UnknownLabel, own / "masks/0.png", *facts):
        read_mask(own / "masks/0.png", table)
    write_mapping(own / "m.yaml", **GOOD, unknown="ignore")
    assert (read_mask(own / "masks/0.png", MaskFolder(mapping="m.yaml", root=str(own)).table) == 255).all()


def test_ids_where_colours_are_expected_and_the_other_way_round(own):
    data = MaskFolder(mapping="m.yaml", root=str(own))
    Image.new("L", (4, 2)).save(own / "ids.png")
    with raises(DatasetError, "ids.png has mode L", "a colour per pixel (RGB)"):
        read_mask(own / "ids.png", data.table)
    with raises(DatasetError, ".png has mode RGB", "0-255", "--data.mapping"):
        MaskFolder(classes=["a", "b"], root=str(own)).train.label(0)


def test_classes_come_from_one_place():
    with raises(UsageError, "--data.classes", "--data.mapping"):
        MaskFolder(classes=["a", "b"], mapping="a2d2_19")
    with raises(UsageError, "data.ignore is 0"):
        MaskFolder(mapping="a2d2_19", ignore=0)


def test_another_mapping_is_another_dataset(own):
    before = MaskFolder(mapping="m.yaml", root=str(own)).fingerprint()
    write_mapping(own / "m.yaml", **GOOD)
    assert MaskFolder(mapping="m.yaml", root=str(own)).fingerprint() == before
    write_mapping(own / "m.yaml", **{**GOOD, "colours": {"#0000ff": "car", "#ff0000": "road"}})
    assert MaskFolder(mapping="m.yaml", root=str(own)).fingerprint() != before


def test_repeats_in_ones_own_list_are_refused_dropped_or_kept(own, caplog):
    (own / "train.txt").write_text("".join(f"images/{n}.png masks/{n}.png\n" for n in (0, 1, 0, 2, 0)))
    (own / "test.txt").write_text("images/3.png masks/3.png\n")
    options = {"mapping": "m.yaml", "root": str(own), "train_list": "train.txt", "test_list": "test.txt"}
    with raises(DatasetError, own / "images/0.png", "twice", "--data.duplicates drop", "--data.duplicates keep"):
        MaskFolder(**options).pool()
    with caplog.at_level(logging.INFO):
        assert names(MaskFolder(**options, duplicates="drop")) == ["images/0.png", "images/1.png", "images/2.png"]
    assert not lacking(caplog.text, ["train.txt", "5 lines", 2, "3 images"])
    kept = MaskFolder(**options, duplicates="keep")
    repeated = ["images/0.png, repeat 2", "images/2.png", "images/0.png, repeat 3"]
    assert names(kept) == ["images/0.png", "images/1.png", *repeated]
    assert kept.pool().size == 5
    with raises(UsageError, "data.duplicates is 'maybe'"):
        MaskFolder(**options, duplicates="maybe")
    (own / "test.txt").write_text("images/3.png masks/3.png\n" * 2)
    with raises(DatasetError, own / "images/3.png", "twice"):
        MaskFolder(**options, duplicates="keep").pool()
