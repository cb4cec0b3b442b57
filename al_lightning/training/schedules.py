"""Learning-rate schedules: the factor of the base rate over the fit."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from al_lightning.errors import require


class Schedule(ABC):
    """Maps progress through the fit, 0 <= t < 1, to a factor of the base learning rate."""

    @abstractmethod
    def __call__(self, t: float) -> float:
        """Return the factor at progress t."""


class Constant(Schedule):
    """The base rate throughout."""

    def __call__(self, t: float) -> float:
        """Return 1."""
        return 1.0


class Cosine(Schedule):
    """From 1 to 0 along half a cosine (Loshchilov and Hutter 2017)."""

    def __call__(self, t: float) -> float:
        """Return (1 + cos(pi t)) / 2."""
        return (1 + math.cos(math.pi * t)) / 2


class Poly(Schedule):
    """(1 - t) ** power (Chen et al. 2017).

    Args:
        power: the exponent, at least 0.
    """

    def __init__(self, power: float = 0.9) -> None:
        require("training.schedule.power", power, least=0)
        self.power = power

    def __call__(self, t: float) -> float:
        """Return (1 - t) ** power."""
        return math.pow(max(0.0, 1 - t), self.power)
