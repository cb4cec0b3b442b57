"""Supervised training: the loss predictor beside it."""

import torch

from al_lightning.networks import WideResNet
from al_lightning.tasks import Classification
from al_lightning.training import Supervised
from tests.support.trained import KEY, uda_batch


def test_supervised_trains_a_loss_predictor_and_stops_its_gradient_in_time():
    torch.manual_seed(0)
    network = WideResNet(3, 10, 1, loss_predictor=True)
    module = Supervised(network, Classification(3), 10, KEY, prediction_weight=0.5)
    labelled = uda_batch()["labelled"]
    terms = module.losses({"labelled": labelled})
    assert set(terms) == {"loss", "loss_prediction"}
    module.zero_grad()
    terms["loss_prediction"].backward(retain_graph=True)
    assert network.stem.weight.grad.abs().sum() > 0
    assert network.classifier.weight.grad is None  # the losses that are ranked receive none
    for step, stopped in ((5, False), (6, True)):
        module.step = step
        module.on_train_batch_start({}, 0)
        assert network.loss_predictor.stop_gradient is stopped
    module.zero_grad()
    module.losses({"labelled": labelled})["loss_prediction"].backward()
    assert network.stem.weight.grad is None
    assert network.loss_predictor.join.weight.grad.abs().sum() > 0
