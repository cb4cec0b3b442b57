"""Handwritten digits, which come with a package."""

from collections import Counter

import numpy as np

from al_lightning.data import Digits


def test_digits_hold_out_a_fifth_of_each_class():
    data, again = Digits(), Digits()
    assert (len(data.train), len(data.test)) == (1438, 359)
    assert list(data.class_names) == list("0123456789")
    pixels = np.stack([data.train.image(index) for index in range(1438)])
    assert (pixels.shape, pixels.dtype, pixels.min(), pixels.max()) == ((1438, 8, 8, 3), np.uint8, 0, 255)
    train, test = (Counter(part.label(index) for index in range(len(part))) for part in (data.train, data.test))
    assert all(test[digit] == round(0.2 * (train[digit] + test[digit])) for digit in range(10))
    assert list(data.classes()) == [data.train.label(index) for index in range(1438)]
    assert all(np.array_equal(data.test.image(index), again.test.image(index)) for index in range(359))


def test_no_digit_of_the_test_set_is_called_like_one_of_the_pool():
    data = Digits()
    names = {part.name(index) for part in (data.train, data.test) for index in range(len(part))}
    assert len(names) == 1797
