"""Linear probes: a linear head fitted on the stored features of a frozen encoder."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from al_lightning.errors import TrainingError, UsageError, require
from al_lightning.networks.base import Network
from al_lightning.networks.from_features import FromFeatures, Layout
from al_lightning.networks.logistic import UNIT_PENALTY, choose_penalty, fit_logistic, temperature_of
from al_lightning.seeding import generator
from al_lightning.tasks import IGNORE, Task
from al_lightning.training.base import TrainingBatch, TrainingModule
from al_lightning.training.measures import Health
from al_lightning.types import Batch, LinearHead


class ProbeOptions(NamedTuple):
    """How a probe fits its head.

    Attributes:
        inverse_penalty: see `fit_logistic`; None is `UNIT_PENALTY` over the number of features.
        cross_validate: choose it by cross-validation on the labelled images instead.
        calibrate: whether logits are divided by the temperature that suits held-out labelled images best.
        pixels: labelled pixels drawn from each image, where the task predicts a class per pixel.
    """

    inverse_penalty: float | None = None
    cross_validate: bool = False
    calibrate: bool = False
    pixels: int = 400


def fit_probe(
    network: FromFeatures, batch: Batch, task: Task, key: tuple[int, int, int], options: ProbeOptions
) -> tuple[Tensor, Health]:
    """Fit a network's linear head on the stored features of all labelled images, and put it into the network.

    The fast path of `compare` and the training method `Probe` both call this.

    Args:
        network: the network; its encoder is not used.
        batch: rows of stored features, (B, R), labels and positions; in the order of the positions.
        task: the task.
        key: (seed, cycle, member), of all draws.
        options: of the fit.

    Returns:
        The mean loss on the rows that the head was fitted on, and the measures of the fit: `converged`, since nothing
        was cut short, `train_lacks`, the classes without a label, and `train_undrawn`, those of which no pixel was
        drawn, though they have labels.

    Raises:
        TrainingError: no head can be fitted.
    """
    features, label, image = training_rows(network.layout, batch, key[0], options.pixels)
    if not len(label):
        raise TrainingError("The labelled images have no labelled pixel, so that there is nothing to fit the head on.")
    group = image if task.predicts == "pixel" else None
    penalty = options.inverse_penalty or UNIT_PENALTY / features.shape[1]
    if options.cross_validate:
        penalty = choose_penalty(features, label, task.num_classes, generator("folds", *key), group) or penalty
    head = fit_logistic(features, label, task.num_classes, penalty)
    if options.calibrate:
        draw = generator("folds", *key)
        temperature = temperature_of(features, label, task.num_classes, penalty, draw, group)
        head = LinearHead(head.weight / temperature, head.bias / temperature)
    network.network.set_linear_head(head.weight, head.bias)
    drawn, known = (set(torch.unique(each).tolist()) for each in (label, batch.label))
    lacks = [number for number in range(task.num_classes) if number not in known]
    undrawn = [number for number in range(task.num_classes) if number in known - drawn]
    health: Health = {"converged": 1, "train_lacks": lacks, **({"train_undrawn": undrawn} if undrawn else {})}
    return F.cross_entropy(head(features), label).float(), health


def training_rows(layout: Layout, batch: Batch, seed: int, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a head is fitted on: the embeddings, or the maps at some labelled pixels of each image.

    Args:
        layout: of the batch's rows.
        batch: rows of stored features, (B, R), labels and positions.
        seed: of the run.
        pixels: most pixels of an image.

    Returns:
        (N, D) features, float64 embeddings or float32 pixels, (N,) int64 classes, and (N,) int64 numbers of the images
        in the batch.
    """
    features = layout.split(batch.image)
    if batch.label.ndim == 1:
        return features.embedding.double(), batch.label, torch.arange(len(batch.label))
    rows, labels, images = [], [], []
    for number, (position, label) in enumerate(zip(batch.index.tolist(), batch.label, strict=True)):
        known = (label != IGNORE).flatten().nonzero().flatten()
        # Of the seed and the image alone: in each cycle an image brings the same pixels.
        draw = generator("pixels", seed, position)
        chosen = known[torch.from_numpy(draw.permutation(len(known))[:pixels])]
        labels.append(label.flatten()[chosen].long())
        images.append(torch.full((len(chosen),), number))
        rows.append(at_pixels([each[number] for each in features.maps], chosen, (label.shape[0], label.shape[1])))
    return torch.cat(rows), torch.cat(labels), torch.cat(images)


def at_pixels(maps: list[Tensor], pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps, (D_i, H_i, W_i) each, at pixels of an image of size (H, W): (N, sum of D_i) float32.

    The values are those of the maps resized bilinearly to (H, W).

    Args:
        maps: of one image.
        pixels: (N,) int64, row x W + column.
        size: (H, W).
    """
    height, width = size
    place = torch.stack([pixels % width / width, pixels // width / height], dim=1)
    # Pixel centres, from -1 to 1.
    grid = (2 * place + torch.tensor([1 / width, 1 / height]) - 1).to(maps[0].device)[None, :, None]
    read = [F.grid_sample(each[None].float(), grid, padding_mode="border", align_corners=False) for each in maps]
    return torch.cat([one[0, :, :, 0] for one in read]).T


class Probe(TrainingModule):
    """A linear probe: multinomial logistic regression on the stored features of the frozen encoder (`fit_logistic`).

    A fit is one step, in which the head is fitted to convergence on all labelled images. Images are encoded once for
    all runs, without augmentation; strategies and tests read the stored features, too. Of a dense task, the features
    are the encoder's maps at `pixels` labelled pixels of each image.

    Args:
        inverse_penalty: scikit-learn's C; by default 12.8 over the number of features: 0.01 of 1,280.
        cross_validate: choose it among 0.0001, 0.001 ... 1 by cross-validation on the labelled images instead.
        calibrate: divide the logits by the temperature that suits held-out labelled images best.
        pixels: labelled pixels drawn from each image.
    """

    title: ClassVar[str] = "linear probe"
    reads_features: ClassVar[bool] = True

    layout: Layout = Layout((), 0, (0, 0))
    """Of the stored features; set once they are there."""

    def __init__(
        self,
        network: Network,
        task: Task,
        steps: int,
        key: tuple[int, int, int],
        *,
        inverse_penalty: float | None = None,
        cross_validate: bool = False,
        calibrate: bool = False,
        pixels: int = 400,
    ) -> None:
        super().__init__(network, task, steps, key)
        if inverse_penalty is not None:
            require("training.inverse_penalty", inverse_penalty, above=0)
            if cross_validate:
                raise UsageError("training.cross_validate chooses what training.inverse_penalty gives; leave out one.")
        require("training.pixels", pixels, least=1)
        if steps != 1:
            raise UsageError(f"A linear probe is fitted in one step, and the run has {steps} a fit: give --steps 1.")
        if network.linear_head() is None:
            raise UsageError(
                f"{type(network).__name__} has no linear head on its features, which a linear probe fits; take "
                "al_lightning.networks.TimmClassifier or, for pixels, al_lightning.networks.HypercolumnClassifier."
            )
        self.options = ProbeOptions(inverse_penalty, cross_validate, calibrate, pixels)
        self.automatic_optimization = False
        self.fitted: Health = {}

    def fit_health(self) -> Health:
        """Return the measures of the fit."""
        return self.fitted

    @property
    def evaluated(self) -> FromFeatures:
        """The network on stored features."""
        return FromFeatures(self.network, self.layout)

    def losses(self, batch: TrainingBatch) -> dict[str, Tensor]:
        """Fit the head; return the loss on what it was fitted on."""
        image, label, index, _ = batch["labelled"]
        rows = Batch(image.cpu(), label.cpu(), index.cpu())  # the search is SciPy's, and most of it in float64
        loss, self.fitted = fit_probe(self.evaluated, rows, self.task, self.key, self.options)
        return {"loss": loss.to(image.device)}

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> None:  # type: ignore[override]
        """Fit the head; all processes go on with that of the first."""
        terms = self.losses(batch)
        if self.trainer.world_size > 1:
            for parameter in self.network.parameters():
                dist.broadcast(parameter.data, 0)
        self.log_step(terms["loss"], terms)

    def configure_optimizers(self) -> Any:
        """Return no optimizer."""
        return None
