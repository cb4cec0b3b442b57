"""S4GAN: its terms, its turns, and means over processes."""

import math

import pytest
import torch

from al_lightning.errors import TrainingError
from al_lightning.training import S4GAN
from al_lightning.training.functional import feature_matching
from tests.support.errors import refused
from tests.support.runs import TINY
from tests.support.trained import s4gan, s4gan_batch


class OneProcess:
    """What of a Trainer the losses ask for."""

    world_size = 1


def test_s4gan_terms_have_their_weights(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    one, other = (
        s4gan(gamma=0.0, **options).losses(s4gan_batch())
        for options in ({}, {"matching_weight": 0.4, "self_training_weight": 3.0})
    )
    assert set(one) == {"loss", "feature_matching", "self_training"}
    assert other["loss"].item() == one["loss"].item()
    assert other["feature_matching"].item() == pytest.approx(4 * one["feature_matching"].item())
    assert other["self_training"].item() == pytest.approx(3 * one["self_training"].item())
    assert one["self_training"].item() > 0


def test_s4gan_below_the_threshold_trains_nothing_towards_itself(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    terms = s4gan(gamma=1.0).losses(s4gan_batch())
    assert terms["self_training"].item() == 0
    assert terms["self_training"].requires_grad


def test_s4gan_discriminator_sees_one_scaling_of_both_sides_and_no_gradient_leaves_its_turn(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    module = s4gan()
    batch = s4gan_batch()
    batch["unlabelled"] = batch["unlabelled"]._replace(image=3 * batch["unlabelled"].image)
    module.losses(batch)
    both = torch.cat([batch["labelled"].image, batch["unlabelled"].image])
    low, high = both.min(), both.max()
    assert torch.allclose(module._real[1], (batch["labelled"].image - low) / (high - low))
    assert torch.allclose(module._fake[1], (batch["unlabelled"].image - low) / (high - low))
    assert torch.allclose(module._real[0].sum(dim=1), torch.ones(2, 32, 32))
    module.zero_grad()
    module.discriminator_loss().backward()
    assert all(parameter.grad is None for parameter in module.network.parameters())
    assert all(parameter.grad is not None for parameter in module.discriminator.parameters())


def test_s4gan_discriminator_loss_by_hand(monkeypatch):
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    module = s4gan()
    module.losses(s4gan_batch())
    with torch.no_grad():
        module.discriminator.classifier.weight.zero_()
        module.discriminator.classifier.bias.fill_(math.log(3))  # probability 3/4 for all
    expected = -(math.log(1 / 4) + math.log(3 / 4)) / 2
    assert module.discriminator_loss().item() == pytest.approx(expected, rel=1e-5)


class TwoProcesses:
    """What of a Trainer the losses ask for, on one of two processes."""

    world_size = 2


def on_two(monkeypatch, others):
    """Let an all-reduce meet what the other process would bring, in the order of the calls."""
    monkeypatch.setattr(S4GAN, "trainer", TwoProcesses())

    def all_reduce(value, op=torch.distributed.ReduceOp.SUM):
        other = others.pop(0)
        value.copy_(torch.maximum(value, other) if op == torch.distributed.ReduceOp.MAX else value + other)

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)


def test_means_and_ranges_are_over_all_processes_and_so_are_their_gradients(monkeypatch):
    halves = torch.tensor([[1.0, 2.0], [5.0, -4.0]]).requires_grad_()  # one image a process, two features
    target = torch.tensor([0.5, 1.5])
    (halves.mean(dim=0) - target).abs().mean().backward()
    expected, halves.grad = halves.grad.clone(), None
    module = s4gan()
    for process in (0, 1):
        on_two(monkeypatch, [halves[1 - process].detach()])
        mean = module._mean(halves[process : process + 1])
        assert torch.allclose(mean, torch.tensor([3.0, -1.0]))
        (feature_matching(target, mean) / 2).backward()  # DDP averages over processes
    assert torch.allclose(halves.grad, expected)
    on_two(monkeypatch, [torch.tensor([7.0, 2.0])])  # the other one's lowest is -7, its highest 2
    low, high = module._range(torch.tensor([-3.0, 4.0]), torch.tensor([0.0, 1.0]))
    assert (low.item(), high.item()) == (-7, 4)


def test_self_training_is_the_mean_over_the_pixels_of_all_processes(monkeypatch):
    batch = s4gan_batch()
    monkeypatch.setattr(S4GAN, "trainer", OneProcess())
    alone = s4gan(gamma=0.0).losses(batch)["self_training"].item()
    count = torch.tensor(2 * 32 * 32)
    ends, feature = torch.full((2,), -100.0), torch.zeros(512)
    on_two(monkeypatch, [ends, feature, feature, 3 * count])  # the other process has three times as many pixels
    here = s4gan(gamma=0.0).losses(batch)["self_training"].item()
    # Its own sum over a quarter of the pixels, times two processes, of which DDP takes the mean.
    assert here == pytest.approx(alone * 2 / 4, rel=1e-4)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_s4gan_takes_turns_and_neither_receives_the_others_gradient(al, here, masks, monkeypatch, precision):
    seen = []
    real = S4GAN.manual_backward

    def watch(self, loss, *arguments, **options):
        real(self, loss, *arguments, **options)
        parts = (self.network, self.discriminator)
        seen.append([any(p.grad is not None and bool(p.grad.any()) for p in part.parameters()) for part in parts])
        assert torch.isfinite(loss)

    monkeypatch.setattr(S4GAN, "manual_backward", watch)
    before = {}

    def start(self):
        before.update({name: value.clone() for name, value in self.discriminator.state_dict().items()})

    monkeypatch.setattr(S4GAN, "on_train_start", start)

    def end(self):
        before["moved"] = [not torch.equal(before[n], v.cpu()) for n, v in self.discriminator.state_dict().items()]
        before["rates"] = [group["lr"] for each in self.trainer.optimizers for group in each.param_groups]

    monkeypatch.setattr(S4GAN, "on_train_end", end)
    answer = al(
        *("fit", "--config", "mask_folder_unet_random_s4gan", "--data.root", masks, "--data.classes", "[ground, box]"),
        *("--network.width", 4, "--training.head_lr_factor", 1, *TINY, "--data.batch_size", 4, "--steps", 4),
        *("--budget.cycles", 0, "--trainer.precision", precision, "--run_dir", "r"),
    )
    assert answer.code == 0, answer.err
    assert seen == [[True, False], [True, True]] * 4  # the network's gradients wait while the other has its turn
    assert all(before["moved"])
    assert max(before["rates"]) == 0  # both schedules, poly, have arrived


def test_s4gan_reports_a_loss_that_is_not_finite(al, here, masks, monkeypatch):
    monkeypatch.setattr(
        S4GAN,
        "discriminator_loss",
        lambda self: self._fake[0].sum() * self.discriminator(*self._fake).logit.sum() * float("nan"),
    )
    answer = al(
        *("fit", "--config", "mask_folder_unet_random_s4gan", "--data.root", masks, "--data.classes", "[ground, box]"),
        *("--network.width", 4, "--training.head_lr_factor", 1, *TINY, "--data.batch_size", 4, "--steps", 4),
        *("--budget.cycles", 0, "--run_dir", "r"),
    )
    assert refused(answer, TrainingError, "step 0", "NaN")
