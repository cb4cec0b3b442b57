"""What to label next: one file per strategy, their mathematics in `functional`."""

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.coreset import Coreset
from al_lightning.acquisition.entropy import Entropy
from al_lightning.acquisition.full import Full
from al_lightning.acquisition.random import Random

__all__ = ["Acquisition", "Coreset", "Entropy", "Full", "Random"]
