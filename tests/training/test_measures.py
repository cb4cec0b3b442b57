"""Measures of a fit and its test, by hand; the same wherever a fit was stopped, and in whatever order images came."""

import math

import pytest
import torch

from al_lightning.tasks import Classification, Segmentation
from al_lightning.training.measures import FitMeasures, ImageCounts, measures_of_test
from tests.support.trained import KEY, s4gan, uda, uda_batch

LOSSES = [8.0, 7.0] + [9.0] * 14 + [3.0, 5.0, 1.0, 2.0]


def logits_of(*classes: int) -> torch.Tensor:
    """Logits of three classes whose highest is the given one, (B, 3)."""
    return torch.nn.functional.one_hot(torch.tensor(classes), 3).float()


def measured(gathers: tuple[int, ...] = (20,), restored: bool = False) -> dict[str, object]:
    """A fit of 20 steps that predicts 1, 1 for 0, 1 in its last two steps, gathered before these steps."""
    measures = FitMeasures(Classification(3), 20)
    for step, loss in enumerate(LOSSES):
        if step in gathers:
            measures.gather(1)
            if restored:
                state, measures = measures.state(), FitMeasures(Classification(3), 20)
                measures.restore(state)
        classes = (1, 1) if step >= 18 else (2, 2)
        measures.add(step, torch.tensor(loss), logits_of(*classes), torch.tensor([0, 1]))
    measures.gather(1)
    return measures.summary()


def test_the_measures_of_a_fit_by_hand() -> None:
    assert measured() == {
        "loss_start": 7.5,
        "loss_before": 4.0,
        "loss_end": 1.5,
        # Variances 2 and 0.5 over two steps each.
        "loss_error": pytest.approx(math.sqrt((2 + 0.5) / 2), rel=1e-3),
        "train": 0.5,
        "train_guess": 0.5,
        "train_never_predicted": [0],
        "train_lacks": [2],
    }


@pytest.mark.parametrize("gathers", [(17,), (19,), (16, 17, 18, 19), (3, 18)])
@pytest.mark.parametrize("restored", [False, True])
def test_chunks_and_restarts_change_no_measure(gathers: tuple[int, ...], restored: bool) -> None:
    assert measured(gathers, restored) == measured()


def test_fits_of_a_few_steps_have_what_their_steps_give() -> None:
    one, two = FitMeasures(Classification(3), 1), FitMeasures(Classification(3), 2)
    one.add(0, torch.tensor(1.0), logits_of(0), torch.tensor([0]))
    one.gather(1)
    assert one.summary().keys() == {"train", "train_guess", "train_never_predicted", "train_lacks"}
    for step, loss in enumerate((2.0, 1.0)):
        two.add(step, torch.tensor(loss), logits_of(0), torch.tensor([0]))
    two.gather(1)
    summary = two.summary()
    assert (summary["loss_start"], summary["loss_before"], summary["loss_end"]) == (2.0, 2.0, 1.0)
    assert "loss_error" not in summary


def test_a_method_without_a_supervised_term_has_no_measures() -> None:
    measures = FitMeasures(Classification(3), 20)
    measures.gather(1)
    assert measures.summary() == {}
    assert FitMeasures(Segmentation(3), 5).state()[1] is None


@pytest.mark.parametrize("annealing", [None, "linear"])
def test_uda_measures_its_supervised_term_without_annealing(annealing: str | None) -> None:
    module, batch = uda(annealing=annealing, weight=100.0), uda_batch()
    module.step = 9
    terms = module.losses(batch)
    module.measures.gather(1)
    loss = float(module.measures.losses[-1])
    if annealing is None:
        assert loss == pytest.approx(terms["loss"].item())
    assert 0.5 < loss < 2  # about ln 3, and no multiple of the consistency loss
    assert int(module.measures.matrix.sum()) == len(batch["labelled"].label)  # type: ignore[union-attr]


def test_the_measures_of_a_test_by_hand() -> None:
    # 60 images of class 0, 30 of class 1, 10 of class 2; 1 and 2 are never predicted.
    confusion = torch.tensor([[60, 0, 0], [30, 0, 0], [10, 0, 0]])
    assert measures_of_test(Classification(3), confusion, None, KEY) == {
        "guess": 0.6,
        "error": pytest.approx(math.sqrt(0.6 * 0.4 / 100), rel=1e-3),
        "never_predicted": [1, 2],
        "never_predicted_share": 0.3,
    }
    absent = torch.tensor([[60, 0, 0], [0, 40, 0], [0, 0, 0]])
    assert measures_of_test(Classification(3), absent, None, KEY)["never_predicted"] == []
    assert measures_of_test(Classification(3), torch.zeros(3, 3, dtype=torch.int64), None, KEY) == {}


def test_a_confusion_of_ones_own_that_is_no_matrix_is_not_judged() -> None:
    assert measures_of_test(Classification(3), torch.tensor([3, 4]), None, KEY) == {}
    assert measures_of_test(Classification(3), torch.ones(3, 2, 2), None, KEY) == {}


def test_the_images_of_all_processes_are_in_the_order_of_the_test_set() -> None:
    """Two processes with room for four images each: 0, 2, 4 and 1, 3; what is left is padding."""
    stores = [ImageCounts(), ImageCounts()]
    for store, batches in zip(stores, [[[0, 2], [4]], [[1, 3], []]], strict=True):
        store.make_room(4, 2, torch.zeros(2, dtype=torch.int64))
        for batch in batches:
            index = torch.tensor(batch, dtype=torch.int64)
            store.add(index, index.view(-1, 1, 1).expand(-1, 2, 3).int())
    parts = iter([torch.stack([s.index for s in stores]), torch.stack([s.value for s in stores])])
    counts = stores[0].gathered(2, lambda _: next(parts))
    assert counts is not None
    assert counts[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    alone = stores[0].gathered(1, lambda _: None)
    assert alone is not None
    assert alone[:, 1, 2].tolist() == [0, 2, 4]
    stores[0].reset()
    assert stores[0].gathered(1, lambda _: None) is None


def test_a_training_method_keeps_the_measures_in_its_checkpoint() -> None:
    module, other = s4gan(), s4gan()
    module.measures.add(9, torch.tensor(0.5), torch.zeros(1, 3, 2, 2), torch.ones(1, 2, 2, dtype=torch.uint8))
    module.measures.gather(1)
    checkpoint: dict[str, object] = {}
    module.on_save_checkpoint(checkpoint)
    other.on_load_checkpoint(checkpoint)
    assert other.measures.summary() == module.measures.summary() != {}
