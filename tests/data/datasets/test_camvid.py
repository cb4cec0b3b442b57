"""CamVid on a small tree of SegNet's layout."""

import numpy as np
import pytest

from al_lightning.data import CamVid
from al_lightning.pool import Pool
from tests.support.image_files import names_of, write_image, write_mask


@pytest.fixture
def camvid(tmp_path):
    """SegNet's layout, its authors' paths in the lists included."""
    files = {
        "train": ["0001TP_006720", "0001TP_006690", "0006R0_f00930"],
        "val": ["0016E5_07959"],
        "test": ["0001TP_008550", "Seq05VD_f00000"],
    }
    for split, names in files.items():
        lines = []
        for number, name in enumerate(names):
            write_image(tmp_path / split / f"{name}.png", size=(24, 32), value=number)
            write_mask(tmp_path / f"{split}annot" / f"{name}.png", np.tile([0, 4, 10, 11], (24, 8)))
            lines.append(f"/SegNet/CamVid/{split}/{name}.png /SegNet/CamVid/{split}annot/{name}.png\n")
        (tmp_path / f"{split}.txt").write_text("".join(lines))
    return tmp_path


def test_camvid_reads_segnets_lists_classes_and_time(camvid):
    data = CamVid(root=str(camvid), size=None)
    assert data.num_classes == 11
    assert (data.class_names[0], data.class_names[10]) == ("sky", "bicyclist")
    assert names_of(data.train) == ["0001TP_006720.png", "0001TP_006690.png", "0006R0_f00930.png"]
    assert names_of(data.test) == ["0001TP_008550.png", "Seq05VD_f00000.png"]
    assert data.train.label(0)[0, :4].tolist() == [0, 4, 10, 255]
    assert data.pool() == Pool(3, (), sequence=(0, 0, 1), frame=(6720, 6690, 930))


def test_camvid_is_resized_and_may_take_val(camvid):
    data = CamVid(root=str(camvid), size=(12, 16), use_val=True)
    assert data.train.image(0).shape == (12, 16, 3)
    assert data.train.label(0).shape == (12, 16)
    assert names_of(data.train)[3:] == ["0016E5_07959.png"]
    assert len(data.test) == 2
    assert data.pool().sequence == (0, 0, 1, 2)
