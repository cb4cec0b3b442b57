"""UDA's list of AutoAugment: what it shares with torchvision's, and each operation by hand."""

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import AutoAugment, AutoAugmentPolicy

from al_lightning.data import ImageAugmentation
from al_lightning.data.uda_policies import MEAN, OPERATIONS, SUB_POLICIES, augment
from al_lightning.seeding import generator

NO_LEVEL = {"AutoContrast", "Equalize", "Invert"}


def plain(policy):
    """A sub-policy without the levels of operations that have none."""
    return tuple((name, p, None if name in NO_LEVEL else level) for name, p, level in policy)


def test_the_list_has_95_sub_policies_of_which_torchvisions_25_share_20():
    assert len(SUB_POLICIES) == 95
    assert all(len(policy) == 2 for policy in SUB_POLICIES)
    assert all(
        0 <= p < 1 and 0 <= level <= 9 and name in OPERATIONS for each in SUB_POLICIES for name, p, level in each
    )
    theirs = {plain(policy) for policy in AutoAugment(AutoAugmentPolicy.CIFAR10).policies}
    assert len(theirs) == 25
    assert len(theirs & {plain(policy) for policy in SUB_POLICIES}) == 20


def on(image, name, level, seed=0):
    picture = Image.fromarray(image).convert("RGBA")
    return np.asarray(OPERATIONS[name](picture, level, generator("test", seed)))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(1, 255, (32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_shifts_are_whole_pixels_and_leave_the_rest_empty(image, seed):
    """Level 9 of 10 pixels: 9 pixels either way; torchvision would shift by up to 14.5."""
    out = on(image, "TranslateX", 9, seed)
    shifted = [out[:, :-9, :3], image[:, 9:]], [out[:, 9:, :3], image[:, :-9]]
    assert any(np.array_equal(*pair) for pair in shifted)
    assert (out[..., 3] == 0).sum() == 9 * 32
    out = on(image, "TranslateY", 3, seed)
    assert (out[..., 3] == 0).sum() == 3 * 32


def test_both_directions_occur(image):
    for name in ("TranslateX", "TranslateY", "ShearX", "ShearY", "Rotate"):
        assert len({on(image, name, 7, seed).tobytes() for seed in range(12)}) == 2


def test_shifts_grow_with_the_image():
    large = np.full((64, 64, 3), 9, np.uint8)
    assert (on(large, "TranslateX", 9)[..., 3] == 0).sum() == 18 * 64


def test_colours_by_hand(image):
    assert np.array_equal(on(image, "Invert", 3)[..., :3], 255 - image)
    assert np.array_equal(on(image, "Solarize", 5)[..., :3], np.where(image < 128, image, 255 - image))  # 256 - 128
    assert np.array_equal(on(image, "Posterize", 7)[..., :3], image & 0b11000000)  # 4 - 2 bits
    bright = on(image, "Brightness", 5)[..., :3].astype(int)  # a factor of 0.1 + 0.9
    assert np.array_equal(bright, image)
    darker = on(image, "Brightness", 0)[..., :3].astype(int)
    assert np.abs(darker - 0.1 * image).max() <= 1
    assert np.array_equal(on(image, "Color", 5)[..., :3], image)


def test_cutout_empties_a_square(image):
    """Level 5: 10 pixels a side, cut off at the border."""
    sizes = [(on(image, "Cutout", 5, seed)[..., 3] == 0).sum() for seed in range(20)]
    assert max(sizes) == 100
    assert np.array_equal(on(image, "Cutout", 0)[..., 3], np.full((32, 32), 255))


def test_what_is_empty_gets_the_mean_unless_a_later_operation_made_it_black(image, monkeypatch):
    def only(*policy):
        monkeypatch.setattr("al_lightning.data.uda_policies.SUB_POLICIES", (policy,))
        return augment(image, 3)

    out = only(("TranslateX", 1.1, 9))
    empty = (out == np.array(MEAN)).all(axis=-1)
    assert empty.sum() >= 9 * 32
    out = only(("TranslateX", 1.1, 9), ("Invert", 1.1, 0))
    assert (out == 255).all(axis=-1).sum() >= 9 * 32
    assert np.array_equal(only(("Invert", 0.0, 0)), image)


def test_the_option_chooses_the_list(image):
    only = {"cutout": 0, "flip": False, "crop_padding": 0}
    uda, other = ImageAugmentation(**only, policies="uda"), ImageAugmentation(**only)
    assert all(np.array_equal(uda(image, 1, seed)[0], augment(image, seed)) for seed in range(8))
    assert any(not np.array_equal(uda(image, 1, seed)[0], other(image, 1, seed)[0]) for seed in range(8))
    assert np.array_equal(augment(image, 5), augment(image, 5))
    assert len({augment(image, seed).tobytes() for seed in range(60)}) > 15
    off = ImageAugmentation(**only, auto_augment=False, policies="uda")
    assert np.array_equal(off(image, 1, 0)[0], image)
