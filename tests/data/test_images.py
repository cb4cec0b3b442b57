"""Images as they are read."""

from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.data.images import read_image
from al_lightning.errors import DatasetError
from tests.support.errors import raises


def test_more_than_8_bits_are_not_clipped_in_silence(here: Path) -> None:
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(here / "deep.png")
    with raises(DatasetError, here / "deep.png", "mode I", "8 bits"):
        read_image(here / "deep.png")
