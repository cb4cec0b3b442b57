"""UDA: its terms, its weights and its average."""

import pytest
import torch
from torch import nn

from al_lightning.training.functional import annealed_cross_entropy, annealed_threshold, consistency
from tests.support.trained import uda, uda_batch


def test_uda_runs_the_network_once_over_all_images():
    module, calls = uda(threshold=0.0), []
    module.network.register_forward_hook(lambda network, inputs, output: calls.append(inputs[0].shape[0]))
    terms = module.losses(uda_batch())
    assert calls == [16]
    assert set(terms) == {"loss", "consistency"}
    assert module.shown["share_confident"].item() == 1
    # The same by its parts: one batch, so that BatchNorm saw all of it.
    batch = uda_batch()
    logits = uda().network(torch.cat([part.image for part in batch.values()])).logits.split([4, 6, 6])
    assert terms["loss"].item() == pytest.approx(nn.functional.cross_entropy(logits[0], batch["labelled"].label).item())
    assert terms["consistency"].item() == pytest.approx(consistency(logits[1], logits[2], 0.5, 0.0)[0].item())


def test_uda_with_nothing_confident_trains_on_labels_alone():
    module = uda(threshold=0.999)
    terms = module.losses(uda_batch())
    assert terms["consistency"].item() == 0
    assert terms["loss"].item() > 0


def test_uda_weight_and_annealing_do_what_they_say():
    terms, twice = (uda(threshold=0.0, weight=weight).losses(uda_batch()) for weight in (1.0, 2.0))
    assert twice["consistency"].item() == pytest.approx(2 * terms["consistency"].item())
    module = uda(annealing="exp")  # at step 0 hardly more than 1 / 3: images that are right by chance drop out
    logits = uda().network(torch.cat([part.image for part in uda_batch().values()])).logits[:4]
    expected = annealed_cross_entropy(logits, uda_batch()["labelled"].label, annealed_threshold(0, 3, "exp"))
    assert module.losses(uda_batch())["loss"].item() == pytest.approx(expected.item())


def test_uda_average_follows_the_weights_and_takes_their_place_at_the_end():
    module = uda(ema=0.75)
    weight = module.network.classifier.weight
    with torch.no_grad():
        module.average.classifier.weight.fill_(1.0)
        weight.fill_(5.0)
    module.on_train_batch_end(None, {}, 0)
    assert torch.equal(module.average.classifier.weight, torch.full_like(weight, 2.0))
    assert torch.equal(weight, torch.full_like(weight, 5.0))
    module.step = module.steps
    module.on_train_batch_end(None, {}, 0)
    assert torch.equal(weight, torch.full_like(weight, 2.75))
    assert not any(parameter.requires_grad for parameter in module.average.parameters())
