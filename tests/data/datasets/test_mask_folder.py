"""Images and masks of the same names, in two folders or in lists."""

import numpy as np
import pytest

from al_lightning.data import MaskFolder
from al_lightning.data.streams import PaddedBatches
from al_lightning.errors import DatasetError, SizesDiffer, UsageError
from al_lightning.pool import Pool
from tests.support.errors import raises
from tests.support.image_files import names_of, write_image, write_mask


@pytest.fixture
def masks(tmp_path):
    """ROOT/images/*.jpg and ROOT/masks/*.png: two sequences of five frames, ids 0, 1 and 255."""
    for sequence in ("left", "right"):
        for frame in range(8, 13) if sequence == "left" else range(108, 113):
            write_image(tmp_path / "images" / f"{sequence}_{frame}.jpg", value=frame)
            ids = np.full((16, 20), frame % 2)
            ids[0] = 255
            write_mask(tmp_path / "masks" / f"{sequence}_{frame}.png", ids)
    return tmp_path


PATTERN = r"(?P<sequence>.+)_(?P<frame>\d+)"


def test_mask_folder_pairs_images_with_masks_of_the_same_name(masks):
    data = MaskFolder(["even", "odd"], root=str(masks))
    assert list(data.class_names) == ["even", "odd"]
    assert (len(data.train), len(data.test)) == (8, 2)
    for index, name in enumerate(names_of(data.train)):
        label = data.train.label(index)
        assert (label.shape, label.dtype) == ((16, 20), np.uint8)
        assert (label[0] == 255).all()
        assert (label[1:] == int(name.removesuffix(".jpg").rpartition("_")[2]) % 2).all()
    assert names_of(MaskFolder(["even", "odd"], root=str(masks), batch_size=3).test) == names_of(data.test)
    assert data.pool() == Pool(8)
    assert data.classes() is None


def test_mask_folder_holds_out_whole_sequences(masks):
    data = MaskFolder(["even", "odd"], root=str(masks), sequence_pattern=PATTERN, test_share=0.4)
    frames = {"left": (10, 11, 12, 8, 9), "right": (108, 109, 110, 111, 112)}  # by name
    (held,) = {name.split("_")[0] for name in names_of(data.test)}
    (kept,) = {*frames} - {held}
    assert names_of(data.test) == [f"{held}_{frame}.jpg" for frame in frames[held]]
    assert names_of(data.train) == [f"{kept}_{frame}.jpg" for frame in frames[kept]]
    assert data.pool() == Pool(5, (), (0,) * 5, frames[kept])


def test_mask_folder_resizes_image_and_mask(masks):
    data = MaskFolder(["even", "odd"], root=str(masks), size=(8, 30))
    assert data.train.image(0).shape == (8, 30, 3)
    assert data.train.label(0).shape == (8, 30)
    assert set(np.unique(data.train.label(0))) <= {0, 1, 255}


def test_mask_folder_with_test_folders_and_with_lists(masks):
    write_image(masks / "t" / "one.png")
    write_mask(masks / "tm" / "one.png", np.zeros((16, 20)))
    folders = MaskFolder(["even", "odd"], root=str(masks), test_images="t", test_masks="tm")
    assert (len(folders.train), names_of(folders.test)) == (10, ["one.png"])
    (masks / "train.lst").write_text("images/left_9.jpg masks/left_9.png\n\nimages/left_8.jpg\tmasks/left_8.png\n")
    (masks / "test.lst").write_text("t/one.png tm/one.png\n")
    lists = MaskFolder(["even", "odd"], root=str(masks), train_list="train.lst", test_list="test.lst")
    assert names_of(lists.train) == ["left_9.jpg", "left_8.jpg"]
    assert [int(lists.train.label(index)[1, 0]) for index in (0, 1)] == [1, 0]
    assert names_of(lists.test) == ["one.png"]


def test_mask_folder_needs_class_names_and_pairs_of_test_folders():
    with raises(UsageError, "MaskFolder", "--data.classes"):
        MaskFolder()
    with raises(UsageError, 255, "classes"):
        MaskFolder([str(number) for number in range(255)])
    with raises(UsageError, "--data.test_images", "--data.test_masks"):
        MaskFolder(["a"], test_images="t")


def test_a_missing_mask_is_named(masks):
    (masks / "masks" / "left_9.png").unlink()
    with raises(DatasetError, "label", masks / "masks/left_9.png", "exist", "--oracle files"):
        MaskFolder(["even", "odd"], root=str(masks)).pool()


@pytest.mark.parametrize("line", ["images/left_8.jpg", "images/left_8.jpg masks/left_8.png extra"])
def test_a_list_line_that_is_no_pair_is_named(masks, line):
    (masks / "list.txt").write_text(f"images/left_9.jpg masks/left_9.png\n{line}\n")
    with raises(DatasetError, masks / "list.txt", "line 2", repr(line)):
        MaskFolder(["even", "odd"], root=str(masks), train_list="list.txt").pool()


def test_an_empty_list_is_named(masks):
    (masks / "list.txt").write_text("\n")
    with raises(DatasetError, masks / "list.txt", "no images"):
        MaskFolder(["a"], root=str(masks), train_list="list.txt").pool()


def test_a_mask_of_another_size_than_its_image_is_named(masks):
    write_mask(masks / "masks" / "left_9.png", np.zeros((16, 21)))
    data = MaskFolder(["even", "odd"], root=str(masks), images="images", sequence_pattern=PATTERN)
    images = next(part for part in (data.train, data.test) if "left_9.jpg" in names_of(part))
    with raises(SizesDiffer, masks / "masks/left_9.png", "16 x 21", "16 x 20"):
        PaddedBatches(images, [names_of(images).index("left_9.jpg")], 1, labels=True)[0]
