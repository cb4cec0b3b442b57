"""The mathematics of training methods, by hand."""

import math

import pytest
import torch

from al_lightning.tasks import IGNORE
from al_lightning.training.functional import (
    annealed_cross_entropy,
    annealed_threshold,
    consistency,
    feature_matching,
    ranking_hinge,
    real_map,
    self_training,
)


def logits_of(*rows):
    """Logits whose softmax are these rows."""
    return torch.tensor(rows).log()


def test_ranking_hinge_by_hand():
    # Pairs (0, 3) and (1, 2). First: loss 2 > 1, predicted 0.5 - 0.2 = 0.3, hinge 1 - 0.3 = 0.7.
    # Second: loss 0 < 3, predicted 1 - 0.4 = 0.6, hinge 1 + 0.6 = 1.6. Mean 1.15.
    predicted = torch.tensor([0.5, 1.0, 0.4, 0.2], requires_grad=True)
    loss = torch.tensor([2.0, 0.0, 3.0, 1.0], requires_grad=True)
    value = ranking_hinge(predicted, loss)
    assert value.item() == pytest.approx(1.15)
    value.backward()
    assert predicted.grad.tolist() == pytest.approx([-0.5, 0.5, -0.5, 0.5])
    assert loss.grad is None


def test_ranking_hinge_is_zero_beyond_the_margin_and_counts_equal_losses_as_lower():
    assert ranking_hinge(torch.tensor([3.0, 1.0]), torch.tensor([2.0, 1.0])).item() == 0
    assert ranking_hinge(torch.tensor([3.0, 1.0]), torch.tensor([2.0, 1.0]), margin=2.5).item() == pytest.approx(0.5)
    assert ranking_hinge(torch.tensor([0.25, 0.0]), torch.tensor([1.0, 1.0])).item() == pytest.approx(1.25)


@pytest.mark.parametrize("count", [1, 3])
def test_ranking_hinge_leaves_out_the_middle_of_an_odd_batch(count):
    predicted = torch.zeros(count, requires_grad=True)
    value = ranking_hinge(predicted, torch.arange(float(count)))
    value.backward()
    assert value.item() == (0 if count == 1 else 1)
    assert predicted.grad[count // 2] == 0


def test_consistency_by_hand():
    # First original: 0.8 > 0.6 counts; sharpened at T = 0.5 its probabilities are 0.64 : 0.04, 16/17 and 1/17.
    # Second: 0.6 is not above 0.6 and counts as 0 in the mean over both.
    original = logits_of([0.8, 0.2], [0.6, 0.4]).requires_grad_()
    augmented = logits_of([0.5, 0.5], [0.1, 0.9]).requires_grad_()
    loss, share = consistency(original, augmented, 0.5, 0.6)
    expected = (16 / 17 * math.log(16 / 17 / 0.5) + 1 / 17 * math.log(1 / 17 / 0.5)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert share.item() == 0.5
    loss.backward()
    assert original.grad is None
    # d KL / d logits = softmax - target, over two images.
    assert augmented.grad[0].tolist() == pytest.approx([(0.5 - 16 / 17) / 2, (0.5 - 1 / 17) / 2], rel=1e-4)
    assert augmented.grad[1].tolist() == [0, 0]


def test_annealed_thresholds_by_hand():
    assert [annealed_threshold(t, 10, "linear") for t in (0, 0.5, 1)] == pytest.approx([0.1, 0.55, 1])
    assert annealed_threshold(0.5, 10, "log") == pytest.approx((1 - math.exp(-2.5)) * 0.9 + 0.1)
    assert annealed_threshold(0.5, 10, "exp") == pytest.approx(math.exp(-2.5) * 0.9 + 0.1)


def test_annealed_cross_entropy_leaves_out_what_is_right_already():
    logits, label = logits_of([0.9, 0.1], [0.3, 0.7]), torch.tensor([0, 0])
    assert annealed_cross_entropy(logits, label, 0.5).item() == pytest.approx(-math.log(0.3))
    assert annealed_cross_entropy(logits, label, 1.0).item() == pytest.approx(-(math.log(0.3) + math.log(0.9)) / 2)
    assert annealed_cross_entropy(logits, label, 0.2).item() == 0


def test_feature_matching_by_hand():
    assert feature_matching(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([0.0, 2.5, 0.0])).item() == pytest.approx(0.5)


def test_self_training_by_hand():
    # Two images of one row of two pixels; the first is above the threshold, its second pixel is padding.
    logits = logits_of([0.8, 0.2], [0.5, 0.5]).T.reshape(1, 2, 1, 2).repeat(2, 1, 1, 1).requires_grad_()
    label = torch.tensor([[[0, IGNORE]], [[0, 0]]])
    total, count = self_training(logits, torch.tensor([0.7, 0.6]), 0.6, label, IGNORE)
    assert total.item() == pytest.approx(-math.log(0.8))
    assert count.item() == 1
    total, count = self_training(logits, torch.tensor([0.1, 0.2]), 0.6, label, IGNORE)
    assert (total.item(), count.item()) == (0, 0)
    total.backward()  # a process without such an image takes part all the same
    assert not logits.grad.any()


def test_a_real_map_shows_the_prediction_where_labels_are_ignored():
    label = torch.tensor([[[1, IGNORE]]])
    prediction = torch.tensor([[[[0.2, 0.3]], [[0.8, 0.7]]]], requires_grad=True)
    shown = real_map(label, prediction, IGNORE)
    assert shown[0, :, 0, 0].tolist() == [0, 1]
    assert shown[0, :, 0, 1].tolist() == pytest.approx([0.3, 0.7])
    assert torch.allclose(shown.sum(dim=1), torch.ones(1, 1, 2))  # as a prediction does
    assert not shown.requires_grad
