"""A set's descriptors: each image is read once, in whatever order they are asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from al_lightning.duplicates.descriptor import Array, Descriptors, describe
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.duplicates.relation import compare
from tests.support.pictures import scene


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, unique=True), min_size=1, max_size=4))
def test_each_image_is_read_once_and_each_table_is_right(questions: list[list[int]]) -> None:
    read: list[int] = []

    def image(index: int) -> Array:
        read.append(index)
        return scene(index % 4)

    images = DescribedImages(image)
    for wanted in questions:
        plain = Descriptors.of([describe(scene(index % 4)) for index in wanted])
        table, rows = images.near(np.array(wanted))
        assert np.array_equal(table[np.ix_(rows, rows)], compare(plain, plain)[1])
        assert np.array_equal(images.descriptors(wanted).grey, plain.grey)
    assert sorted(read) == sorted({index for wanted in questions for index in wanted})
