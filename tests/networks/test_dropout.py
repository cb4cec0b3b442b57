"""Dropout by key."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from al_lightning.errors import UsageError
from al_lightning.networks import MCDropout
from al_lightning.networks.dropout import dropouts, sampled
from tests.support.errors import raises

quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_torchs_own_dropout_is_untouched():
    assert nn.Dropout is not nn.Dropout2d
    assert nn.Dropout.__name__ == "Dropout"


@pytest.fixture
def layer():
    return MCDropout(0.3).eval()


@quick
@given(key=st.integers(0, 2**32 - 1), images=st.integers(1, 7), cut=st.integers(0, 7), p=st.sampled_from([0.1, 0.5]))
def test_a_key_gives_one_mask_whatever_the_batch(key, images, cut, p):
    layer, x = MCDropout(p).eval(), torch.randn(images, 3, 4, 5)
    with sampled(layer, key):
        whole = layer(x)
        parts = torch.cat([layer(part) for part in (x[:cut], x[cut:])])
        mask = layer(torch.ones(1, 3, 4, 5))
    assert torch.equal(whole, parts)
    assert torch.equal(whole, x * mask)
    assert torch.equal(whole[images - 1 :], x[images - 1 :] * mask)


def masks(network, key, shape=(1, 1000)):
    with sampled(network, key):
        return [layer(torch.ones(shape)) for layer in dropouts(network)]


def test_other_keys_and_other_layers_have_other_masks():
    network = nn.Sequential(MCDropout(0.5), MCDropout(0.0), MCDropout(0.5), MCDropout(0.5)).eval()
    drawn = [mask for key in range(10) for mask in masks(network, key)]
    assert len(drawn) == 30
    assert len({tuple(mask.flatten().tolist()) for mask in drawn}) == 30


@torch.no_grad()
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("shape", [(2, 5), (3, 4, 5, 6), (2, 7, 300, 130), (2, 3, 2, 3, 4)])
def test_a_mask_does_not_depend_on_the_layout_nor_on_the_parts_it_is_drawn_in(shape, inplace):
    """The largest, of 273,000 elements, is drawn in three parts."""
    layer = MCDropout(0.3, inplace).eval()
    x, ones = torch.randn(shape), torch.ones(1, *shape[1:])
    layouts = [x] if len(shape) != 4 else [x, x.to(memory_format=torch.channels_last)]
    with sampled(layer, 7):
        mask = layer(ones.clone())
        outs = [layer(laid.clone()) for laid in layouts]
    for out in outs:
        torch.testing.assert_close(out, x * mask, rtol=0, atol=0)
    kept = np.random.SFC64(7).random_raw(-(-mask.numel() // 4)).view(np.uint16)[: mask.numel()] >= round(0.3 * 65536)
    assert (mask.movedim(1, -1).flatten().numpy() > 0).tolist() == kept.tolist()


@torch.no_grad()
def test_masks_are_kept_for_one_size_and_not_without_end(monkeypatch, layer):
    monkeypatch.setattr("al_lightning.networks.dropout._MOST_MASKS", 3)
    x = torch.ones(1, 40)
    first = masks(layer, 1, (1, 40))[0]
    for key in range(10):
        masks(layer, key, (1, 40))
        assert len(layer._masks) <= 3
    masks(layer, 1, (1, 30))
    assert set(layer._masks) == {(1, 30)}
    assert torch.equal(masks(layer, 1, (1, 40))[0], first), "drawn again, the same one"
    with sampled(layer, 1):
        assert torch.equal(layer(x), layer(x))


@torch.no_grad()
def test_only_in_place_a_sampled_pass_overwrites_its_input():
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(2, 8, 4, 4).to(memory_format=layout)
        before, plain, greedy = x.clone(), MCDropout(0.5).eval(), MCDropout(0.5, inplace=True).eval()
        with sampled(plain, 1), sampled(greedy, 1):
            expected = plain(x)
            assert torch.equal(x, before)
            assert torch.equal(greedy(x), expected)
        assert torch.equal(greedy.train(False)(before), before), "without a key nothing is dropped"
    assert torch.equal(x, expected)


def test_the_global_generator_neither_matters_nor_moves(layer):
    torch.manual_seed(1)
    first = masks(layer, 3)[0]
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(masks(layer, 3)[0], first)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_expectation_is_kept(layer):
    drawn = torch.stack([masks(layer, key)[0] for key in range(400)])
    assert drawn.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    # 400,000 elements of deviation 0.65: the mean is within 0.005 of 1 but for five deviations.
    assert drawn.mean().item() == pytest.approx(1, abs=0.005)
    # Each element for itself: the largest of 1,000 means over 400 keys, deviation 0.033.
    assert (drawn.mean(dim=0) - 1).abs().max() < 0.2


def test_dropout_is_the_identity_in_eval_mode_without_a_key(layer):
    x = torch.randn(2, 8)
    assert torch.equal(layer(x), x)
    with raises(ValueError, "in the middle of the batch"), sampled(layer, 1):
        raise ValueError("in the middle of the batch")
    assert layer.key is None
    assert torch.equal(layer(x), x)


def test_dropout_trains_as_torchs_own(layer):
    layer.train()
    x = torch.ones(4, 200)
    torch.manual_seed(9)
    expected = F.dropout(x, 0.3, training=True)
    torch.manual_seed(9)
    with sampled(layer, 1):
        dropped = layer(x)
    assert torch.equal(dropped, expected), "in training mode a key changes nothing"
    assert len({tuple(row.tolist()) for row in dropped}) == 4


@pytest.mark.parametrize("p", [-0.1, 1.0, math.nan])
def test_dropout_names_what_is_no_probability(p):
    with raises(UsageError, f"dropout is {p}"):
        MCDropout(p)
