"""Strategies: which images to label next, a file each, and the mathematics they share."""

from al_lightning.acquisition.bald import BALD
from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.constraints import Constraints
from al_lightning.acquisition.coreset import Coreset, Spread
from al_lightning.acquisition.dcom import DCoM
from al_lightning.acquisition.entropy import Entropy
from al_lightning.acquisition.equal import EquAL
from al_lightning.acquisition.full import Full
from al_lightning.acquisition.learning_loss import LearningLoss
from al_lightning.acquisition.margin import Margin
from al_lightning.acquisition.maxherding import MaxHerding
from al_lightning.acquisition.probcover import ProbCover
from al_lightning.acquisition.random import Balanced, Random
from al_lightning.acquisition.typiclust import TypiClust
from al_lightning.acquisition.uherding import UHerding
from al_lightning.acquisition.uniform import Uniform
from al_lightning.acquisition.uniform_entropy import UniformEntropy
from al_lightning.acquisition.variation_ratio import VariationRatio

__all__ = [
    "BALD",
    "Acquisition",
    "Balanced",
    "Constraints",
    "Coreset",
    "DCoM",
    "Entropy",
    "EquAL",
    "Full",
    "LearningLoss",
    "Margin",
    "MaxHerding",
    "ProbCover",
    "Random",
    "Spread",
    "TypiClust",
    "UHerding",
    "Uniform",
    "UniformEntropy",
    "VariationRatio",
]
