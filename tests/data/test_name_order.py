"""The order of images by the names of their files."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from al_lightning.data.name_order import order_of_names, time_order
from al_lightning.errors import UsageError
from tests.support.errors import raises


@pytest.mark.parametrize(
    ("pattern", "fact"),
    [
        ("(?P<sequence>", "regular expression"),
        (r"(.+)_(\d+)", "(?P<frame>...)"),
        (r"(?P<sequence>.+)_(?P<other>\d+)", "(?P<frame>...)"),
        (r"(?P<sequence>.+)-(?P<frame>\d+)", "'c_0'"),
        (r"(?P<sequence>.)(?P<frame>.+)", "'c_0'"),
        (r"(?P<sequence>c)_(?P<frame>9)?", "'c_0'"),
    ],
)
def test_a_bad_pattern_says_what_is_wrong(pattern, fact):
    with raises(UsageError, "sequence_pattern", repr(pattern), fact):
        time_order(["c_0"], pattern)


@pytest.mark.parametrize(
    ("names", "ranks"),
    [
        (["b_2", "b_10", "b_1"], [1, 2, 0]),
        (["b_2", "a_10", "a_9"], [2, 1, 0]),
        (["2020-10", "2020-9", "2019-11"], [2, 1, 0]),
        (["7", "07", "006"], [2, 1, 0]),
        (["a_1", "b"], None),
        (["a_1", "a_1b"], None),
    ],
)
def test_the_order_of_names_that_end_in_numbers(names: list[str], ranks: list[int] | None) -> None:
    found = order_of_names([PurePath(f"f/{name}.png") for name in names])
    assert (found.tolist() if found is not None else None) == ranks


def test_folders_come_before_numbers() -> None:
    found = order_of_names([PurePath("b/1.png"), PurePath("a/2.png"), PurePath("a/1.png")])
    assert found is not None
    assert found.tolist() == [2, 1, 0]
