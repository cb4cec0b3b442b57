"""Descriptors: what they know of a picture and what not, and that comparing them is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.duplicates.descriptor import SCALE, Descriptors, describe
from tests.support.pictures import scene

quick = settings(max_examples=25, deadline=None)


@quick
@given(seed=st.integers(0, 1000), gain=st.floats(0.5, 1.0), offset=st.integers(0, 20))
def test_a_descriptor_does_not_know_brightness_and_contrast(seed: int, gain: float, offset: int) -> None:
    image = scene(seed)
    changed = describe((image * gain + offset).clip(0, 255).astype(np.uint8))
    for one, other in zip(describe(image)[1:], changed[1:], strict=True):
        assert one.astype(np.int64) @ other.astype(np.int64) / SCALE**2 > 0.99


def test_equal_pixels_of_equal_shape_have_one_hash() -> None:
    image = scene(0)
    other = image.copy()
    other[0, 0, 0] ^= 1
    assert describe(image).pixels == describe(image.copy()).pixels
    assert describe(image).pixels != describe(other).pixels
    assert describe(image).pixels != describe(image.reshape(64, 48, 3)).pixels
    found = Descriptors.of([describe(scene(number)) for number in (3, 1, 3, 2, 1)])
    assert found.first.tolist() == [0, 1, 0, 3, 1]
    assert len(Descriptors.of([])) == len(Descriptors.of([]).first) == 0


def test_sums_of_a_descriptor_fit_float32_and_flat_images_have_none() -> None:
    for image in (scene(0), np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)):
        for vector in describe(image)[1:]:
            assert int((vector.astype(np.int64) ** 2).sum()) == pytest.approx(SCALE**2, rel=0.05)
            assert int((vector.astype(np.int64) ** 2).sum()) < 2**24
    assert not any(vector.any() for vector in describe(np.full((20, 20, 3), 90, np.uint8))[1:])
