"""Losses and metrics against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from al_lightning.metrics import CLASS_ACCURACY, PIXEL_ACCURACY
from al_lightning.tasks import Classification, Segmentation

LOG3 = math.log(3.0)


def pixels(*probabilities):
    """Return (B, 2, 1, W) logits of two classes, given each image's probabilities of class 1 along its pixels."""
    p = torch.tensor(probabilities)
    return torch.stack([(1 - p).log(), p.log()], dim=1)[:, :, None, :]


def test_classification_loss_by_hand():
    # softmax(ln 3, 0) = (3/4, 1/4)
    logits = torch.tensor([[LOG3, 0.0], [LOG3, 0.0], [0.0, 0.0]])
    label = torch.tensor([0, 1, 1])
    expected = [math.log(4 / 3), math.log(4), math.log(2)]
    task = Classification(2)
    assert task.loss_per_image(logits, label).tolist() == pytest.approx(expected, rel=1e-6)
    assert task.loss(logits, label).item() == pytest.approx(sum(expected) / 3, rel=1e-6)


def test_classification_loss_is_float32_also_for_half_precision():
    logits = torch.zeros(2, 10, dtype=torch.bfloat16)
    loss = Classification(10).loss_per_image(logits, torch.tensor([0, 1]))
    assert loss.dtype == torch.float32
    assert loss.tolist() == pytest.approx([math.log(10)] * 2, rel=1e-6)


def test_segmentation_loss_by_hand():
    logits = pixels([0.5, 0.25], [0.75, 0.5])
    label = torch.tensor([[[1, 1]], [[1, 0]]], dtype=torch.uint8)
    losses = [math.log(2), math.log(4), math.log(4 / 3), math.log(2)]
    task = Segmentation(2)
    assert task.loss(logits, label).item() == pytest.approx(sum(losses) / 4, rel=1e-6)
    assert task.loss_per_image(logits, label).tolist() == pytest.approx(
        [(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2], rel=1e-6
    )


def test_ignored_pixels_count_neither_in_the_sum_nor_in_the_mean():
    logits = pixels([0.5, 0.25, 0.01], [0.75, 0.01, 0.01])
    label = torch.tensor([[[1, 1, 255]], [[1, 255, 255]]], dtype=torch.uint8)
    a, b, c = math.log(2), math.log(4), math.log(4 / 3)
    task = Segmentation(2)
    # The batch's loss is the mean over its three labelled pixels, not the mean of the two images' means.
    assert task.loss(logits, label).item() == pytest.approx((a + b + c) / 3, rel=1e-6)
    assert task.loss_per_image(logits, label).tolist() == pytest.approx([(a + b) / 2, c], rel=1e-6)


def test_an_image_without_labelled_pixels_has_loss_0():
    label = torch.tensor([[[255, 255]], [[1, 1]]], dtype=torch.uint8)
    values = Segmentation(2).loss_per_image(pixels([0.5, 0.5], [0.5, 0.5]), label)
    assert values.tolist() == pytest.approx([0.0, math.log(2)], rel=1e-6)


def test_a_batch_of_ignored_pixels_has_loss_0_and_a_finite_gradient():
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = Segmentation(3).loss(logits, torch.full((2, 4, 4), 255, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_accuracy_and_recall_of_each_class_by_hand():
    matrix = torch.tensor([[3, 1, 0], [2, 2, 0], [0, 0, 0]])
    summary = Classification(3).summary(matrix)
    assert list(summary) == ["accuracy", "class_accuracy"]
    assert summary["accuracy"] == pytest.approx(5 / 8)
    assert summary["class_accuracy"] == [0.75, 0.5, None]


def test_accuracy_of_an_empty_test_set_is_0():
    assert Classification(2).summary(torch.zeros(2, 2, dtype=torch.int64)) == {
        "accuracy": 0.0,
        "class_accuracy": [None, None],
    }


# Rows true, columns predicted. Unions: 0: 5 + 4 - 3 = 6; 1: 4 + 4 - 2 = 6; 2: 0 + 1 = 1; 3: none.
MATRIX = torch.tensor([[3, 2, 0, 0], [1, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_iou_by_hand_leaves_absent_classes_out():
    summary = Segmentation(4).summary(MATRIX)
    assert list(summary) == ["miou", "class_iou", "pixel_accuracy"]
    assert summary["class_iou"][:3] == pytest.approx([3 / 6, 2 / 6, 0.0])
    assert summary["class_iou"][3] is None
    assert summary["miou"] == pytest.approx((3 / 6 + 2 / 6 + 0) / 3)
    assert summary["pixel_accuracy"] == pytest.approx(5 / 9)


def test_iou_can_count_absent_classes_as_0():
    summary = Segmentation(4, absent_classes="zero").summary(MATRIX)
    assert summary["miou"] == pytest.approx((3 / 6 + 2 / 6 + 0 + 0) / 4)
    assert summary["class_iou"][3] is None


def test_a_class_that_is_predicted_but_absent_counts_as_0():
    summary = Segmentation(2).summary(torch.tensor([[2, 2], [0, 0]]))
    assert summary["class_iou"] == [0.5, 0.0]
    assert summary["miou"] == 0.25


@pytest.mark.parametrize("absent", ["skip", "zero"])
def test_metrics_of_an_empty_test_set_are_0(absent):
    assert Segmentation(2, absent).summary(torch.zeros(2, 2, dtype=torch.int64)) == {
        "miou": 0.0,
        "class_iou": [None, None],
        "pixel_accuracy": 0.0,
    }


@pytest.mark.parametrize("task", [Classification(3), Segmentation(3)], ids=lambda task: type(task).__name__)
def test_summaries_are_plain_numbers(task):
    for value in task.summary(torch.eye(3, dtype=torch.int64)).values():
        for number in value if isinstance(value, list) else [value]:
            assert type(number) is float


def test_confusion_accumulates_int64_with_rows_true_and_drops_ignored_pixels():
    confusion = Segmentation(3).confusion()
    confusion.update(torch.tensor([[[0, 1], [1, 1]]]), torch.tensor([[[0, 2], [1, 255]]]))
    confusion.update(torch.tensor([[[0, 0], [0, 0]]]), torch.tensor([[[2, 2], [255, 255]]]))
    matrix = confusion.compute()
    assert matrix.dtype == torch.int64
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 0], [2, 1, 0]]


def test_class_255_of_many_counts() -> None:
    from al_lightning.tasks import Classification

    task = Classification(300)
    confusion = task.confusion()
    confusion.update(torch.tensor([255, 255, 1]), torch.tensor([255, 255, 0]))
    assert task.summary(confusion.compute())["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("task", "matrix", "best"),
    [
        # Always class 0 is right in 6 of 10, and each class as often as it occurs in 0.6^2 + 0.4^2.
        (Classification(2), [[1, 5], [2, 2]], 0.6),
        # Always class 0: (9/10 + 0) / 2. As often: (0.9 / 1.1 + 0.1 / 1.9) / 2 = 0.435.
        (Segmentation(2), [[90, 0], [10, 0]], 0.45),
        # Always class 0: (1/2 + 0) / 2. As often: 0.25 / 0.75 of each class.
        (Segmentation(2), [[0, 50], [0, 50]], 1 / 3),
        (Classification(2), [[0, 0], [0, 0]], 0.0),
    ],
)
def test_the_best_guess_that_looks_at_no_image_by_hand(task, matrix, best):
    assert task.guessed(torch.tensor(matrix)) == pytest.approx(best)


def test_the_binomial_error_of_an_accuracy_by_hand():
    draw = np.random.default_rng(0)
    matrix = torch.tensor([[30, 10], [15, 45]])  # 75 of 100
    assert Classification(2).standard_error(matrix, None, draw) == pytest.approx(math.sqrt(0.75 * 0.25 / 100))
    for images in (0, 1):
        assert Classification(2).standard_error(torch.tensor([[images, 0], [0, 0]]), None, draw) is None


def test_the_counts_of_an_image_by_hand():
    predicted = torch.tensor([[[0, 1, 1, 2]], [[2, 2, 2, 2]]])
    label = torch.tensor([[[0, 1, 2, 255]], [[2, 255, 255, 0]]])
    counts = Segmentation(3).image_counts(predicted, label)
    assert counts.dtype == torch.int32
    assert counts.tolist() == [
        [[1, 1, 1], [1, 2, 1], [0, 0, 1]],  # class 1 is right once, predicted twice, once in the label
        [[0, 0, 1], [0, 0, 0], [1, 2, 1]],
    ]


def test_the_counts_of_images_add_up_to_the_confusion_matrix():
    torch.manual_seed(0)
    predicted, label = torch.randint(0, 4, (5, 6, 7)), torch.randint(0, 4, (5, 6, 7))
    label[:, 0] = 255
    task = Segmentation(4)
    matrix = task.confusion()
    matrix.update(predicted, label)
    matrix = matrix.compute()
    summed = task.image_counts(predicted, label).sum(dim=0)
    assert torch.equal(summed, torch.stack([matrix.diag(), matrix.sum(dim=0), matrix.sum(dim=1)], dim=1))


def test_the_bootstrap_of_a_mean_iou_is_that_of_whole_test_sets():
    torch.manual_seed(1)
    label = torch.randint(0, 3, (60, 4, 4))
    noise = torch.randint(0, 3, label.shape)
    predicted = torch.where(torch.rand(60, 1, 1) * torch.rand(label.shape) < 0.3, noise, label)
    task = Segmentation(3)
    counts = task.image_counts(predicted, label)
    error = task.standard_error(torch.eye(3), counts, np.random.default_rng(0))

    def mean_iou(index):
        chosen, truth = predicted[index].flatten(), label[index].flatten()
        return np.mean([((chosen == c) & (truth == c)).sum() / ((chosen == c) | (truth == c)).sum() for c in range(3)])

    draw = np.random.default_rng(1)
    drawn = [mean_iou(torch.from_numpy(draw.integers(60, size=60))) for _ in range(1000)]
    assert error == pytest.approx(np.std(drawn), rel=0.15)  # known to within 4 % and 2 %
    assert error == task.standard_error(torch.eye(3), counts, np.random.default_rng(0))
    assert error != task.standard_error(torch.eye(3), counts, np.random.default_rng(1))
    assert task.standard_error(torch.eye(3), counts[:1].repeat(9, 1, 1), np.random.default_rng(0)) == 0
    assert task.standard_error(torch.eye(3), counts[:1], np.random.default_rng(0)) is None  # one image tells no scatter


def test_a_class_that_some_drawn_test_sets_lack_counts_where_it_is():
    """One of two images has class 1: of the drawn test sets a quarter lack it, and a quarter have nothing else."""
    label = torch.zeros(2, 1, 4, dtype=torch.int64)
    label[1] = 1
    skip, zero = (Segmentation(2, absent) for absent in ("skip", "zero"))
    counts = skip.image_counts(torch.zeros_like(label), label)
    # The mean IoU is 1 for both images of class 0, 0 for both of class 1, and (0.5 + 0) / 2 else.
    draw = np.random.default_rng(0)
    drawn = [np.bincount(draw.integers(2, size=2), minlength=2)[0] for _ in range(400)]
    for task, values in ((skip, [0, 0.25, 1.0]), (zero, [0, 0.25, 0.5])):
        expected = np.std([values[count] for count in drawn], ddof=1)
        assert task.standard_error(torch.eye(2), counts, np.random.default_rng(0)) == pytest.approx(expected)


def test_a_task_of_ones_own_has_no_error_of_another_metric():
    class Balanced(Classification):
        metrics = (CLASS_ACCURACY,)

    class Pixels(Segmentation):
        metrics = (PIXEL_ACCURACY,)

    draw = np.random.default_rng(0)
    assert Balanced(2).standard_error(torch.eye(2, dtype=torch.int64), None, draw) is None
    assert not Pixels(2).counts_images
    assert Segmentation(2).counts_images
