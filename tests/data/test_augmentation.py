"""Augmentation: a function of the seed, within its bounds, the same for image and mask."""

import random
from collections import Counter

import numpy as np
import pytest
import torch

from al_lightning.data import ImageAugmentation, NoAugmentation, SegmentationAugmentation
from tests.support.datasets import Coordinates


@pytest.mark.parametrize(
    "augmentation", [SegmentationAugmentation((8, 8), scale=(0.5, 2.0)), ImageAugmentation()], ids=["masks", "classes"]
)
def test_augmentation_is_a_function_of_the_seed_and_leaves_global_generators_alone(augmentation):
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    label = image[..., 0] if isinstance(augmentation, SegmentationAugmentation) else 3
    kept = image.copy()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    first = [augmentation(image, label, seed)[0] for seed in range(6)]
    torch.manual_seed(99)
    again = [augmentation(image, label, seed)[0] for seed in (5, 4, 3, 2, 1, 0)][::-1]
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert len({one.tobytes() for one in first}) == 6
    assert np.array_equal(image, kept)
    torch.set_rng_state(before[0])
    augmentation(image, label, 7)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


def test_auto_augment_applies_changing_policies():
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    only = ImageAugmentation(auto_augment=True, cutout=0, flip=False, crop_padding=0)
    results = {only(image, 0, seed)[0].tobytes() for seed in range(12)}
    assert len(results) > 4
    assert all(only(image, 5, seed)[1] == 5 for seed in range(3))


def plain(**options):
    return ImageAugmentation(**{"auto_augment": False, "cutout": 0, "flip": False, "crop_padding": 0, **options})


def test_everything_off_changes_nothing():
    image = Coordinates().image(0)
    assert np.array_equal(plain()(image, 1, 0)[0], image)
    assert NoAugmentation()(image, 1, 0)[0] is image


def test_flip_mirrors_about_half_of_the_images():
    image = Coordinates().image(0)
    flipped = 0
    for seed in range(60):
        out = plain(flip=True)(image, 0, seed)[0]
        assert np.array_equal(out, image) or np.array_equal(out, image[:, ::-1])
        flipped += not np.array_equal(out, image)
    assert 15 <= flipped <= 45


@pytest.mark.parametrize("side", [4, 5, 1])
def test_cutout_greys_a_square_of_the_given_side(side):
    image = np.zeros((24, 24, 3), dtype=np.uint8)
    largest = 0
    for seed in range(40):
        grey = (plain(cutout=side)(image, 0, seed)[0] == 128).all(axis=-1)
        rows, columns = grey.any(axis=1).sum(), grey.any(axis=0).sum()
        assert grey.sum() == rows * columns
        largest = max(largest, rows, columns)
    assert largest == side
    assert (image == 0).all()


def test_image_and_mask_are_cropped_and_flipped_together():
    images = Coordinates(1)
    flips = Counter()
    corners = set()
    for seed in range(40):
        image, mask = SegmentationAugmentation(crop=(6, 10))(images.image(0), images.label(0), seed)
        assert (image.shape, mask.shape) == ((6, 10, 3), (6, 10))
        assert (image.dtype, mask.dtype) == (np.uint8, np.uint8)
        assert np.array_equal(mask, image[..., 0] + image[..., 1])
        flips[bool(image[0, 0, 1] > image[0, 1, 1])] += 1
        corners.add((int(image[..., 0].min()), int(image[..., 1].min())))
    assert min(flips[True], flips[False]) >= 8
    assert len(corners) > 20


def test_flip_can_be_switched_off_and_no_crop_keeps_the_size():
    images = Coordinates(1)
    for seed in range(10):
        image, mask = SegmentationAugmentation(flip=False)(images.image(0), images.label(0), seed)
        assert np.array_equal(image, images.image(0))
        assert np.array_equal(mask, images.label(0))


def test_a_crop_larger_than_the_image_pads_with_grey_and_ignored_pixels():
    image, mask = np.full((10, 12, 3), 7, dtype=np.uint8), np.full((10, 12), 3, dtype=np.uint8)
    for seed in range(4):
        out, label = SegmentationAugmentation(crop=(16, 15))(image, mask, seed)
        assert (out.shape, label.shape) == ((16, 15, 3), (16, 15))
        assert sorted(Counter(label.ravel().tolist()).items()) == [(3, 120), (255, 120)]
        assert (out[label == 3] == 7).all()
        assert (out[label == 255] == [124, 116, 104]).all()


def test_scale_jitter_changes_the_size_within_bounds_and_makes_no_new_classes():
    image, mask = np.zeros((40, 40, 3), dtype=np.uint8), np.zeros((40, 40), dtype=np.uint8)
    mask[:, 20:] = 9
    heights = []
    for seed in range(20):
        out, label = SegmentationAugmentation(scale=(0.5, 2.0), flip=False)(image, mask, seed)
        assert out.shape[:2] == label.shape
        assert set(np.unique(label)) == {0, 9}
        heights.append(len(out))
    assert 20 <= min(heights) < 32
    assert 56 < max(heights) <= 80


@pytest.mark.parametrize("crop_padding", [1, 4])
def test_a_crop_is_that_of_the_padded_image(crop_padding: int) -> None:
    draw = np.random.default_rng(0)
    augment = plain(crop_padding=crop_padding)
    for seed in range(20):
        image = draw.integers(0, 256, (9, 13, 3), dtype=np.uint8)
        y, x = np.random.default_rng(seed).integers(2 * crop_padding + 1, size=2)
        padded = np.pad(image, ((crop_padding,) * 2, (crop_padding,) * 2, (0, 0)), mode="reflect")
        assert np.array_equal(augment(image, 3, seed)[0], padded[y : y + 9, x : x + 13])
