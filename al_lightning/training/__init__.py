"""Training methods: LightningModules for supervised and semi-supervised training."""

from al_lightning.training.base import TrainingModule
from al_lightning.training.probe import Probe
from al_lightning.training.s4gan import S4GAN
from al_lightning.training.schedules import Constant, Cosine, Poly, Schedule
from al_lightning.training.supervised import Supervised
from al_lightning.training.uda import UDA

__all__ = ["S4GAN", "UDA", "Constant", "Cosine", "Poly", "Probe", "Schedule", "Supervised", "TrainingModule"]
