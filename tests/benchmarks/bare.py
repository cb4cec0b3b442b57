"""The loops that somebody would write by hand: the same loader, layout, forwards and optimizer, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.engine.fit import Fit
from al_lightning.tasks import IGNORE
from al_lightning.training import S4GAN
from al_lightning.training.functional import consistency, feature_matching, real_map, self_training

from .rigs import wait

Step = Callable[[Any], None]


def sgd_step(network: nn.Module, loss: Callable[[Any], Tensor], optimizer: torch.optim.Optimizer) -> Step:
    """Return a step of plain training.

    Args:
        network: in training mode.
        loss: of a batch.
        optimizer: of the network.
    """
    network.train()

    def step(batch: Any) -> None:
        optimizer.zero_grad()
        loss(batch).backward()
        optimizer.step()

    return step


def supervised(fit: Fit, device: torch.device) -> Step:
    """Return the step of plain training of a fit's network, by its task's loss."""
    network, task = fit.network.to(device), fit.module.task
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    return sgd_step(
        network, lambda batch: task.loss(network(batch["labelled"].image).logits, batch["labelled"].label), optimizer
    )


def uda(fit: Fit, device: torch.device) -> Step:
    """Return UDA's step: one forward of three batches joined."""
    network, task = fit.network.to(device), fit.module.task
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def loss(batch: Any) -> Tensor:
        parts = [batch[name].image for name in ("labelled", "original", "augmented")]
        logits = network(torch.cat(parts)).logits.split([len(part) for part in parts])
        return task.loss(logits[0], batch["labelled"].label) + consistency(logits[1], logits[2], 0.5, 0.6)[0]

    return sgd_step(network, loss, optimizer)


def s4gan(fit: Fit, device: torch.device) -> Step:
    """Return s4GAN's step: two forwards of the network, four of the discriminator, two optimizers."""
    assert isinstance(fit.module, S4GAN)
    network, task = fit.network.to(device).train(), fit.module.task
    judge = fit.module.discriminator.to(device).train()
    optimizers = (
        torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9),
        torch.optim.Adam(judge.parameters(), lr=1e-4, betas=(0.9, 0.99)),
    )

    def step(batch: Any) -> None:
        labelled, unlabelled = batch["labelled"], batch["unlabelled"]
        for optimizer in optimizers:
            optimizer.zero_grad()
        judge.requires_grad_(False)
        logits, guess = network(labelled.image).logits, network(unlabelled.image).logits
        both = torch.cat([labelled.image, unlabelled.image])
        low, high = both.min(), both.max()
        real = real_map(labelled.label, logits.detach().softmax(dim=1), IGNORE), (labelled.image - low) / (high - low)
        fake = guess.softmax(dim=1), (unlabelled.image - low) / (high - low)
        judged = judge(*fake)
        feature = judge(*real).feature
        total, count = self_training(guess, judged.logit.sigmoid(), 0.6, unlabelled.label, IGNORE)
        matching = feature_matching(feature.mean(dim=0), judged.feature.mean(dim=0))
        (task.loss(logits, labelled.label) + 0.1 * matching + total / count.clamp(min=1)).backward()
        judge.requires_grad_(True)
        of_fake, of_real = judge(fake[0].detach(), fake[1]).logit, judge(*real).logit
        (
            F.binary_cross_entropy_with_logits(of_fake, torch.zeros_like(of_fake)) / 2
            + F.binary_cross_entropy_with_logits(of_real, torch.ones_like(of_real)) / 2
        ).backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


def batches(fit: Fit) -> Iterator[Any]:
    """Yield the fit's batches from its own loader, as they come, on the CPU."""
    for batch, _, _ in fit.data.train_dataloader():
        yield batch


def on_device(fit: Fit, batch: Any, device: torch.device) -> Any:
    """Return a batch as a step takes it: on the device, normalised, one level of names."""
    return fit.data.on_after_batch_transfer(fit.data.transfer_batch_to_device(batch, device, 0), 0)


def run(fit: Fit, step: Step, device: torch.device) -> list[float]:
    """Go through a fit's batches and return when each step was done."""
    ends = []
    for batch in batches(fit):
        step(on_device(fit, batch, device))
        wait(device)
        ends.append(time.perf_counter())
    return ends
