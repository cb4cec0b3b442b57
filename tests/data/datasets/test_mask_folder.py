"""Images and masks of the same names, in two folders or in lists."""

import shutil
import unicodedata

import numpy as np
import pytest

from al_lightning.data import MaskFolder
from al_lightning.data.streams import PaddedBatches
from al_lightning.errors import DatasetError, SizesDiffer, UnknownLabel, UsageError
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
        MaskFolder(["a", "b"], test_images="t")


def test_a_missing_mask_is_named(masks):
    (masks / "masks" / "left_9.png").unlink()
    with raises(DatasetError, "label", masks / "masks/left_9.png", "exist", "--oracle files"):
        MaskFolder(["even", "odd"], root=str(masks)).pool()


def test_masks_in_the_folders_of_the_sets_are_named_with_their_options(masks):
    for name in ("images", "masks"):
        (masks / "Training").mkdir(exist_ok=True)
        (masks / name).rename(masks / "Training" / name)
    options = {"images": "Training/images", "masks": "Training/masks"}
    with raises(DatasetError, masks / "images", *(f"--data.{name} {value}" for name, value in options.items())):
        MaskFolder(["even", "odd"], root=str(masks)).pool()
    shutil.copytree(masks / "Training", masks / "Testing")
    tests = {f"test_{name}": value.replace("Training", "Testing") for name, value in options.items()}
    with raises(DatasetError, *(f"--data.{name} {value}" for name, value in tests.items())):
        MaskFolder(["even", "odd"], root=str(masks)).pool()
    data = MaskFolder(["even", "odd"], root=str(masks), **options, **tests)
    assert len(data.train) == len(data.test)


@pytest.mark.parametrize("line", ["images/left_8.jpg", "images/left_8.jpg masks/left_8.png extra"])
def test_a_list_line_that_is_no_pair_is_named(masks, line):
    (masks / "list.txt").write_text(f"images/left_9.jpg masks/left_9.png\n{line}\n")
    with raises(DatasetError, masks / "list.txt", "line 2", repr(line)):
        MaskFolder(["even", "odd"], root=str(masks), train_list="list.txt").pool()


@pytest.mark.parametrize(("written", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_the_paths_of_a_list_may_be_in_another_unicode_form(masks, written, there):
    line, name = (unicodedata.normalize(form, "caf\u00e9") for form in (written, there))
    for folder, old in (("images", "left_9.jpg"), ("masks", "left_9.png")):
        (masks / folder / old).rename(masks / folder / f"{name}{old[-4:]}")
    (masks / "list.txt").write_text(f"images/{line}.jpg masks/{line}.png\n")
    (masks / "test.txt").write_text("images/left_8.jpg masks/left_8.png\n")
    data = MaskFolder(["even", "odd"], root=str(masks), train_list="list.txt", test_list="test.txt")
    assert names_of(data.train) == [f"{name}.jpg"]


def test_an_empty_list_is_named(masks):
    (masks / "list.txt").write_text("\n")
    with raises(DatasetError, masks / "list.txt", "no images"):
        MaskFolder(["a", "b"], root=str(masks), train_list="list.txt").pool()


def test_a_mask_of_another_size_than_its_image_is_named(masks):
    write_mask(masks / "masks" / "left_9.png", np.zeros((16, 21)))
    data = MaskFolder(["even", "odd"], root=str(masks), images="images", sequence_pattern=PATTERN)
    images = next(part for part in (data.train, data.test) if "left_9.jpg" in names_of(part))
    with raises(SizesDiffer, masks / "masks/left_9.png", "16 x 21", "16 x 20"):
        PaddedBatches(images, [names_of(images).index("left_9.jpg")], 1, labels=True)[0]


def on_255(data):
    """What a dataset says of the id 255."""
    return [remark for remark in data.remarks() if "255" in remark.text]


def binary(root, values=(0, 255), count=6):
    """Masks of two values, half and half."""
    for number in range(count):
        write_image(root / "images" / f"{number}.jpg", value=number)
        ids = np.full((16, 20), values[0])
        ids[:, :5] = values[1]
        write_mask(root / "masks" / f"{number}.png", ids)
    return root


@pytest.mark.parametrize("ignore", [255, None])
def test_two_classes_and_the_ids_0_and_255_alone(tmp_path, ignore):
    data = MaskFolder(["ground", "box"], ignore=ignore, root=str(binary(tmp_path)))
    for images in (data.train, data.test):
        for index in range(len(images)):
            assert (images.label(index)[:, :5] == 1).all()
            assert (images.label(index)[:, 5:] == 0).all()
    (remark,) = on_255(data)
    assert "0 is ground, 255 is box" in remark.text
    assert not remark.warning
    other = MaskFolder(["ground", "box"], root=str(binary(tmp_path / "b", (0, 1))))
    assert on_255(other) == []
    assert data.fingerprint() != other.fingerprint()
    assert data.recipe()["fingerprint"] != other.recipe()["fingerprint"]


@pytest.mark.parametrize(
    "options",
    [{"classes": ["ground", "box", "tree"]}, {"classes": ["ground", "box"], "ignore": 0}],
)
def test_255_is_ignored_where_two_classes_are_not_what_the_masks_show(tmp_path, options):
    data = MaskFolder(root=str(binary(tmp_path)), **options)
    assert (data.train.label(0)[:, :5] == 255).all()
    assert on_255(data) == []


def test_ignore_null_ignores_nothing(masks):
    data = MaskFolder(["even", "odd"], ignore=None, root=str(masks))
    with raises(UnknownLabel, "label ids 255"):
        data.train.label(0)
    with raises(UsageError, "data.ignore is null", "mapping"):
        MaskFolder(mapping="a2d2_19", ignore=None)


def test_a_mapping_says_what_255_is(tmp_path):
    (tmp_path / "m.yaml").write_text("classes: [box, ground]\nids: {0: ground, 255: box}\n")
    data = MaskFolder(mapping=str(tmp_path / "m.yaml"), root=str(binary(tmp_path)))
    assert (data.train.label(0)[:, :5] == 0).all()
    assert (data.train.label(0)[:, 5:] == 1).all()
    assert on_255(data) == []
