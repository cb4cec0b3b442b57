"""Masks as they are read."""

import pytest
from PIL import Image

from al_lightning.data.masks import Colours, label_table, read_mask
from al_lightning.errors import DatasetError, UnknownLabel
from tests.support.errors import lacking, raises
from tests.support.image_files import write_image, write_mask


def test_a_mask_of_colours_is_refused(tmp_path):
    write_image(tmp_path / "mask.png")
    with raises(DatasetError, tmp_path / "mask.png", "mode RGB", "0-255", "--data.mapping"):
        read_mask(tmp_path / "mask.png", label_table(2, 255))


@pytest.mark.parametrize("mode", ["LA", "I;16", "CMYK"])
def test_a_mask_that_no_mapping_reads_is_to_be_saved_anew(tmp_path, mode):
    path = tmp_path / ("mask.tif" if mode == "CMYK" else "mask.png")
    Image.new(mode, (4, 3)).save(path)
    for table in (label_table(2, 255), Colours((0,), (0,))):
        with pytest.raises(DatasetError) as caught:
            read_mask(path, table)
        assert not lacking(str(caught.value), [path, f"mode {mode}", "8 bits"])
        assert "`ids`" not in str(caught.value)
        assert "--data.mapping" not in str(caught.value)


def test_unknown_label_ids_are_listed(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 1, 2], [9, 255, 2]])
    with raises(UnknownLabel, tmp_path / "mask.png", "ids 2, 9"):
        read_mask(tmp_path / "mask.png", label_table(2, None))


def test_the_ignored_id_and_255_become_255(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 1, 2], [255, 1, 0]])
    assert read_mask(tmp_path / "mask.png", label_table(2, 2)).tolist() == [[0, 1, 255], [255, 1, 0]]
    assert read_mask(tmp_path / "mask.png", label_table(3, 0)).tolist() == [[255, 1, 2], [255, 1, 255]]


def test_a_palette_mask_is_read_by_its_ids(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 1], [2, 255]], palette=True)
    assert Image.open(tmp_path / "mask.png").mode == "P"
    assert read_mask(tmp_path / "mask.png", label_table(3, 255)).tolist() == [[0, 1], [2, 255]]


def test_masks_are_resized_by_nearest_neighbour(tmp_path):
    write_mask(tmp_path / "mask.png", [[0, 9], [0, 9]])
    mask = read_mask(tmp_path / "mask.png", label_table(10, 255), (4, 6))
    assert mask.tolist() == [[0, 0, 0, 9, 9, 9]] * 4
