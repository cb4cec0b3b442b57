"""The mathematics of scores against numbers worked out by hand and independent implementations."""

import math
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.acquisition import functional
from al_lightning.acquisition.functional import (
    entropy,
    mean_entropy,
    mutual_information,
    sequences_in_time,
    variation_ratio,
)
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from tests.support.errors import raises
from tests.support.quick import quick


@pytest.mark.parametrize("classes", [2, 10, 19])
@pytest.mark.parametrize("level", [0.0, -7.5, 1000.0])
def test_entropy_of_a_uniform_distribution_is_log_c(classes, level):
    assert entropy(torch.full((1, classes), level)).item() == pytest.approx(math.log(classes), rel=1e-6)


def test_entropy_of_certainty_is_zero():
    logits = torch.tensor([[1000.0, 0.0, 0.0], [0.0, 0.0, 200.0]])
    assert entropy(logits).abs().tolist() == [0.0, 0.0]


def test_entropy_of_two_classes_by_hand():
    # softmax(log 3, 0) = (3/4, 1/4); -(3/4 ln 3/4 + 1/4 ln 1/4) = 2 ln 2 - 3/4 ln 3 = 0.562335
    value = entropy(torch.tensor([[math.log(3.0), 0.0]])).item()
    assert value == pytest.approx(0.562335, abs=1e-6)
    assert value == pytest.approx(2 * math.log(2) - 0.75 * math.log(3), rel=1e-6)


def test_entropy_keeps_the_shape_behind_the_classes_and_computes_in_float32():
    logits = torch.zeros(2, 5, 3, 4, dtype=torch.bfloat16)
    assert entropy(logits).shape == (2, 3, 4)
    assert entropy(logits).dtype == torch.float32
    assert entropy(logits)[0, 0, 0].item() == pytest.approx(math.log(5), rel=1e-6)


def test_entropy_of_label_maps_is_that_of_their_pixels_and_has_its_gradient():
    maps = torch.randn(3, 5, 4, 6, requires_grad=True)
    pixels = maps.detach().movedim(1, -1).reshape(-1, 5).requires_grad_()
    torch.testing.assert_close(entropy(maps).flatten(), entropy(pixels))
    entropy(maps).sum().backward()
    entropy(pixels).sum().backward()
    torch.testing.assert_close(maps.grad.movedim(1, -1).reshape(-1, 5), pixels.grad)
    assert entropy(maps[:0]).shape == (0, 4, 6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("lines", [1, 3, 100])
def test_entropy_of_label_maps_in_bands_is_that_of_their_pixels(monkeypatch, lines, dtype):
    maps = (5 * torch.randn(3, 5, 7, 6)).to(dtype)
    maps[0, 2] = 300  # one class sure of itself
    monkeypatch.setattr(functional.scores, "BAND", lines * 5 * 6)
    before = maps.clone()
    value = entropy(maps)
    assert torch.equal(maps, before)
    assert (value.shape, value.dtype) == ((3, 7, 6), torch.float32)
    torch.testing.assert_close(value.flatten(), entropy(maps.movedim(1, -1).reshape(-1, 5)), rtol=1e-5, atol=1e-6)
    assert value.min() >= 0
    maps[1, 0, 4, 2] = torch.nan
    assert entropy(maps).isnan().nonzero().tolist() == [[1, 4, 2]]


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_large_logits_give_no_nan(size):
    value = entropy(torch.tensor([[size, -size, 0.0], [size, size, -size]]))
    assert value[0].item() == 0.0
    assert value[1].item() == pytest.approx(math.log(2), rel=1e-6)


@given(st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=6))
@quick
def test_entropy_lies_between_zero_and_log_c(logits):
    value = entropy(torch.tensor([logits])).item()
    assert -1e-6 <= value <= math.log(len(logits)) + 1e-6


def test_mean_entropy_of_class_logits_is_the_entropy():
    logits = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0]])
    assert mean_entropy(logits).tolist() == pytest.approx([math.log(2), 0.562335], abs=1e-6)


def test_mean_entropy_is_the_mean_over_pixels_without_rescaling_per_image():
    # Image 0: half its pixels uniform, half certain. Image 1: every pixel as unsure as (3/4, 1/4).
    # A map rescaled to [0, 1] per image would score image 0 with 1/2 and image 1 with 0 or 1.
    logits = torch.zeros(2, 2, 2, 2)
    logits[0, 0, 0] = 500.0
    logits[1, 0] = math.log(3.0)
    value = mean_entropy(logits)
    assert value.shape == (2,)
    assert value.tolist() == pytest.approx([math.log(2) / 2, 0.562335], abs=1e-6)


def test_mutual_information_of_two_opposite_certain_passes_is_ln_2():
    passes = torch.tensor([[[1000.0, 0.0]], [[0.0, 1000.0]]])
    assert mutual_information(passes).tolist() == pytest.approx([math.log(2)], rel=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_mutual_information_of_equal_passes_is_nothing(count):
    logits = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.0, 0.0], [900.0, 0.0, -900.0]])
    value = mutual_information([logits] * count)
    assert value.shape == (3,)
    assert value.tolist() == pytest.approx([0, 0, 0], abs=3e-7)
    assert value.min() >= 0


def test_mutual_information_is_never_negative_where_rounding_would_make_it_so():
    logits = torch.randn(500, 10, generator=torch.Generator().manual_seed(0))
    assert mutual_information([logits] * 3).min() == 0


def test_mutual_information_of_a_mixed_case_by_hand():
    # (3/4, 1/4) and (1/4, 3/4): the mean is (1/2, 1/2), ln 2; each pass has 2 ln 2 - 3/4 ln 3. The rest is
    # 3/4 ln 3 - ln 2 = 0.130812. (3/4, 1/4) and certainty: H(7/8, 1/8) = 0.376770, less half of 0.562335: 0.095603.
    first = torch.tensor([[math.log(3.0), 0.0], [math.log(3.0), 0.0]])
    second = torch.tensor([[0.0, math.log(3.0)], [500.0, 0.0]])
    value = mutual_information(iter([first, second])).tolist()
    assert value == pytest.approx([0.130812, 0.095603], abs=1e-6)
    assert value[0] == pytest.approx(0.75 * math.log(3) - math.log(2), rel=1e-5)


def test_mutual_information_is_the_mean_over_pixels():
    first, second = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    first[0, 0, 0, 0] = second[0, 1, 0, 0] = 1000.0  # the passes differ in one pixel of four, by ln 2
    assert mutual_information([first, second]).tolist() == pytest.approx([math.log(2) / 4], rel=1e-6)


@given(st.lists(st.lists(st.floats(-20, 20, width=32), min_size=3, max_size=3), min_size=1, max_size=6))
@quick
def test_mutual_information_equals_an_independent_implementation(passes):
    logits = np.asarray(passes, dtype=np.float64)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    # The mean divergence of the passes from their mean: the same number by another way.
    expected = (p * np.log(p / p.mean(axis=0))).sum(axis=1).mean()
    value = mutual_information([torch.tensor([one], dtype=torch.float32) for one in passes]).item()
    assert value == pytest.approx(expected, abs=2e-6)


def test_mutual_information_computes_in_float32_and_keeps_no_pass():
    alive = []

    def passes():
        for _ in range(5):
            logits = torch.zeros(2, 3, 4, 4, dtype=torch.bfloat16)
            alive.append(weakref.ref(logits))
            assert sum(reference() is not None for reference in alive) <= 2  # this one, and the loop's last
            yield logits

    assert mutual_information(passes()).dtype == torch.float32


def test_mutual_information_of_no_pass_is_refused():
    with raises(ValueError, "at least one pass"):
        mutual_information([])


def test_nan_stays_nan_in_every_score():
    logits = torch.tensor([[math.nan, 0.0], [0.0, 0.0]])
    for value in (mean_entropy(logits), mutual_information([logits, logits])):
        assert value.isnan().tolist() == [True, False]


def test_variation_ratio_by_hand():
    # Five members each: all agree; four; three and two; two, two and one; five classes.
    classes = torch.tensor([[1, 1, 1, 1, 1], [2, 0, 2, 2, 2], [3, 3, 0, 0, 3], [1, 1, 2, 2, 0], [0, 1, 2, 3, 4]]).T
    value = variation_ratio(classes)
    assert value.dtype == torch.float32
    assert value.tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8], abs=1e-6)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=7))
@quick
def test_variation_ratio_equals_counting(classes):
    commonest = max(classes.count(number) for number in range(5))
    value = variation_ratio(torch.tensor(classes)[:, None]).item()
    assert value == pytest.approx(1 - commonest / len(classes), abs=1e-6)


def test_sequences_in_time_by_hand():
    pool = Pool(6, (), sequence=(1, 0, 1, 0, 1, 0), frame=(7, 5, 2, 5, 30, 1))
    assert sequences_in_time(pool) == [[5, 1, 3], [2, 0, 4]]  # 1 and 3 are of one frame: the lower position first


@pytest.mark.parametrize("pool", [Pool(2), Pool(2, sequence=(0, 0)), Pool(2, frame=(0, 1))])
def test_a_pool_without_time_order_is_a_sentence(pool):
    with raises(UsageError, "--data.sequence_pattern"):
        sequences_in_time(pool)
