"""How a network is trained: LightningModules, and the schedules of their learning rates."""

from al_lightning.training.base import TrainingModule
from al_lightning.training.schedules import Constant, Cosine, Poly, Schedule
from al_lightning.training.supervised import Supervised

__all__ = ["Constant", "Cosine", "Poly", "Schedule", "Supervised", "TrainingModule"]
