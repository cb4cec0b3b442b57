"""What labels hold: counts by hand, absent classes, and labels from which no network can learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from al_lightning.labels.content import SIZES, UNKNOWN, LabelCounts, absent_text, doubts, fault_of
from tests.support.quick import quick

NAMES = ("sky", "car", "tree")


def counts_of(*labels: object) -> LabelCounts:
    counts = LabelCounts.empty(len(NAMES))
    for label in labels:
        counts.add_label(np.asarray(label))
    return counts


def test_pixels_and_images_of_each_class() -> None:
    counts = counts_of([[0, 0, 2], [255, 2, 2]], [[0, 255, 255], [255, 255, 255]])
    assert counts.pixels[[0, 1, 2, 255]].tolist() == [3, 0, 3, 6]
    assert counts.images[[0, 1, 2, 255]].tolist() == [2, 0, 1, 2]
    assert (counts.labels, counts.per_pixel, counts.ignored) == (2, True, 0.5)
    assert (counts.absent(NAMES), counts.present(NAMES)) == (["car"], ["sky", "tree"])


def test_a_class_per_image_has_nothing_to_ignore_and_may_have_any_number() -> None:
    counts = LabelCounts.empty(300)
    for label in (0, 255, 299):
        counts.add_label(np.asarray(label))
    assert (counts.ignored, counts.per_pixel) == (0.0, False)
    assert counts.present([str(number) for number in range(300)]) == ["0", "255", "299"]
    together = LabelCounts.empty(300)
    together.add_classes(np.array([0, 255, 299]))
    assert (together.pixels == counts.pixels).all()
    assert (together.images > 0).tolist() == (counts.images > 0).tolist()


@quick
@given(st.lists(arrays(np.uint8, (2, 3), elements=st.sampled_from([0, 1, 2, 255])), max_size=4), st.integers(0, 4))
def test_counts_do_not_depend_on_how_labels_were_counted(labels: list[np.ndarray], split: int) -> None:
    whole, first = counts_of(*labels), counts_of(*labels[:split])
    for label in labels[split:]:
        values, counts = np.unique(label, return_counts=True)
        first.add_pixels(dict(zip(values.tolist(), counts.tolist(), strict=True)), per_pixel=True)
    assert (first.pixels == whole.pixels).all()
    assert (first.images == whole.images).all()
    assert (first.labels, first.per_pixel) == (whole.labels, whole.per_pixel)


@pytest.mark.parametrize(
    ("labels", "facts"),
    [
        ([], []),
        ([[[0, 1]]], []),
        ([[[0, 255]], [[1, 255]]], []),  # a half is not more than a half
        ([[[0, 1, 255, 255, 255]]], [["60.0 %", "the pool", "255"]]),
        ([[[255, 255]]], [["All pixels", "the pool"]]),
        ([[[0, 0]]], [["single class sky", "two"]]),
        ([[[0, 255, 255]]], [["66.7 %"], ["single class sky"]]),
        ([1, 1], [["single class car"]]),
        ([1, 0], []),
    ],
)
def test_labels_from_which_no_network_can_learn(labels: list[object], facts: list[list[str]]) -> None:
    found = doubts(counts_of(*labels), NAMES, "the pool")
    assert len(found) == len(facts)
    for text, parts in zip(found, facts, strict=True):
        assert all(part in text for part in parts), text


def test_absent_classes_in_words() -> None:
    assert absent_text("the pool", []) == ""
    assert absent_text("the pool", ["tree"]) == "1 class is absent from the pool: tree."
    many = absent_text("the test set", [f"c{number}" for number in range(9)])
    assert many == "9 classes are absent from the test set: c0, c1, c2, c3, c4, c5 and 3 more."


def test_faults_of_labels() -> None:
    label = np.array([[0, 2], [255, 1]], np.uint8)
    assert fault_of(label, (2, 2), 3, "x") is None
    assert fault_of(label, None, 3, "x") is None
    kind, text = fault_of(label, (2, 3), 3, "x")  # type: ignore[misc]
    assert (kind, "x is 2 x 2, the image 2 x 3" in text) == (SIZES, True)
    kind, text = fault_of(label, (2, 2), 2, "x")  # type: ignore[misc]
    assert (kind, "ids 2" in text) == (UNKNOWN, True)
    assert fault_of(np.asarray(2), None, 3, "x") is None
    assert fault_of(np.asarray(-1), None, 3, "x") is not None
    assert fault_of(np.asarray(255), None, 3, "x") is not None  # a class of an image is never ignored
