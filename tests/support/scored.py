"""Networks and pools that strategies score, by hand."""

import math

import torch

from al_lightning.acquisition.limits import Allowed
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.types import Batch, Features, NetworkOutput, SelectionInputs

LN2 = math.log(2)


def batch_of(image, index=None):
    index = torch.arange(len(image)) if index is None else index
    return Batch(image, torch.full((len(image),), 255), index)


def embedded(index, labelled, embedding):
    """Inputs of `select` with embeddings, (N, D)."""
    value = torch.as_tensor(embedding, dtype=torch.float32)
    return SelectionInputs(
        torch.as_tensor(index), torch.as_tensor(labelled), value[None], {"embedding": value.shape[1]}
    )


def allowed_of(labelled, limits=None):
    """The rows that may be chosen, of N with this mask of labelled ones."""
    return Allowed(
        SelectionInputs(torch.arange(len(labelled)), labelled, torch.empty(1, len(labelled), 0), limits=limits)
    )


class Watched(Network):
    """The image's first two channels as logits; keeps what it was shown, and counts each half."""

    predicts = "pixel"

    def __init__(self):
        super().__init__()
        self.shown = []
        self.decoded = 0

    def encode(self, image):
        self.shown.append(image)
        return Features((image,), image.mean(dim=(2, 3)), (image,), tuple(image.shape[-2:]))

    def decode(self, features):
        self.decoded += 1
        return NetworkOutput(features.maps[0][:, :2], self.predicted_loss(features))


CANDIDATES = SelectionInputs(
    torch.tensor([2, 4, 6, 8]), torch.tensor([False, True, False, False]), torch.zeros(1, 4, 1)
)
# Two sequences of 6 and 4 frames; in time: 9 7 5 3 1 0, then 2 4 6 8.
POOL = Pool(10, (), sequence=(0, 0, 1, 0, 1, 0, 1, 0, 1, 0), frame=(60, 50, 1, 40, 2, 30, 3, 20, 4, 10))
