"""BALD: the images on which Monte-Carlo dropout passes of the network disagree most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mutual_information
from al_lightning.errors import MOST, UsageError, require
from al_lightning.networks.base import Network
from al_lightning.networks.dropout import dropouts, sampled
from al_lightning.types import Batch, Features


class BALD(Acquisition):
    """Highest mutual information of class and weights, by Monte-Carlo dropout (Houlsby et al. 2011, Eq. 6).

    Images are encoded once and decoded `passes` times. Only `MCDropout` layers drop, with the same masks for all images
    of a cycle; BatchNorm and other dropout layers stay in eval mode.

    Args:
        passes: stochastic passes; 10 in Mittal et al. 2025.
    """

    # An image is encoded once; how much of a pass the decoder is depends on the network.
    score_passes: ClassVar[tuple[float, float]] = (1.0, 10.0)

    def __init__(self, passes: int = 10) -> None:
        require("acquisition.passes", passes, least=2, most=MOST)
        self.passes = passes
        self.keys: list[int] = []

    def check(self, network: Network) -> None:
        """Refuse a network without `MCDropout`."""
        if not dropouts(network):
            raise UsageError(
                f"BALD compares passes with dropout, and this {type(network).__name__} has none: set "
                "--network.dropout 0.1, or add an MCDropout layer to the `decode` of your own network."
            )

    def prepare(self, network: Network, generator: np.random.Generator) -> None:
        """Draw a key for each pass."""
        self.keys = generator.integers(2**32, size=self.passes).tolist()

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return (B, 1) mutual information in nats."""
        return mutual_information(self._decode(network, network.encode(batch.image)))[:, None]

    def _decode(self, network: Network, features: Features) -> Iterator[Tensor]:
        for key in self.keys:
            with sampled(network, key):
                logits = network.decode(features).logits
            yield logits
