"""BAIT's trace against dense inverses."""

import pytest
import torch

from al_lightning.acquisition.functional.fisher import forward_backward, information
from tests.support.plain_bait import dense, plain
from tests.support.selections import allowed


def rows(size, classes=3, width=4, seed=0):
    draws = torch.Generator().manual_seed(seed)
    embedding = torch.randn(size, width, generator=draws)
    return embedding, (2 * torch.randn(size, classes, generator=draws)).softmax(dim=1)


def test_information_is_the_mean_of_the_dense_matrices():
    embedding, probability = rows(300)
    torch.testing.assert_close(information(embedding, probability), dense(embedding, probability).mean(dim=0))
    assert (information(embedding[:0], probability[:0]) == 0).all()


def test_information_is_the_curvature_of_the_loss():
    # The expected outer product of gradients of -log p_y over classes y, by autograd.
    embedding, _ = rows(1)
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
    log_probability = (weight @ embedding[0].double()).log_softmax(dim=0)
    expected = torch.zeros(12, 12, dtype=torch.float64)
    for value in log_probability:
        (gradient,) = torch.autograd.grad(value, weight, retain_graph=True)
        expected += value.exp().detach() * torch.outer(gradient.flatten(), gradient.flatten())
    torch.testing.assert_close(information(embedding, log_probability.exp().detach()[None]), expected)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("count", "first", "penalty"), [(3, 5, 1.0), (4, 0, 1.0), (12, 5, 0.1), (20, 5, 1.0)])
def test_choices_and_traces_are_those_of_dense_inverses(seed, count, first, penalty):
    embedding, probability = rows(25, seed=seed)
    labelled = torch.arange(25) < first
    chosen, gains = forward_backward(
        embedding, probability, labelled, count, allowed(25, labelled=tuple(range(first))), penalty
    )
    expected, expected_gains = plain(embedding, probability, labelled, count, penalty)
    assert chosen == expected
    assert gains == pytest.approx(expected_gains, rel=1e-5)


def test_terms_with_the_weights_of_the_authors_code_choose_other_images():
    embedding, probability = rows(25)
    labelled = torch.arange(25) < 5
    ours, _ = forward_backward(embedding, probability, labelled, 4, allowed(25, labelled=tuple(range(5))), 1.0)
    weighted = [plain(embedding, probability, labelled, 4, 1.0, of)[0] for of in ((1.0, 1.0), (5 / 9, 4 / 9))]
    assert weighted[0] == ours
    assert weighted[1] != ours


def test_equal_rows_are_taken_from_the_lowest():
    embedding, probability = (each.repeat(8, 1) for each in rows(1))
    assert forward_backward(embedding, probability, torch.zeros(8, dtype=torch.bool), 3, allowed(8))[0] == [0, 1, 2]
    certain = torch.eye(3)[[0] * 8]  # no information at all
    assert forward_backward(embedding, certain, torch.zeros(8, dtype=torch.bool), 3, allowed(8))[0] == [0, 1, 2]


@pytest.mark.parametrize("count", [3, 4, 7])
def test_limits_are_kept_in_the_order_of_the_choice(count):
    embedding, probability = rows(12)
    group = torch.arange(12) % 4
    chosen, _ = forward_backward(
        embedding, probability, torch.zeros(12, dtype=torch.bool), count, allowed(12, group=group)
    )
    again = allowed(12, group=group)
    for row in chosen:
        assert again.open[row]
        again.take(row)
    assert len(chosen) == count
