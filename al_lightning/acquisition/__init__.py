"""Strategies: which images to label next, a file each, and the mathematics they share."""

from al_lightning.acquisition.alfamix import ALFAMix
from al_lightning.acquisition.badge import BADGE
from al_lightning.acquisition.bait import BAIT
from al_lightning.acquisition.bald import BALD
from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.clasp import ClaSP
from al_lightning.acquisition.constraints import Constraints
from al_lightning.acquisition.coreset import Coreset, Spread
from al_lightning.acquisition.dcom import DCoM
from al_lightning.acquisition.dropquery import DropQuery
from al_lightning.acquisition.entropy import Entropy
from al_lightning.acquisition.entropy_coreset import EntropyCoreset
from al_lightning.acquisition.equal import EquAL
from al_lightning.acquisition.falcun import FALCUN
from al_lightning.acquisition.full import Full
from al_lightning.acquisition.learning_loss import LearningLoss
from al_lightning.acquisition.least_confidence import LeastConfidence
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.margin import Margin
from al_lightning.acquisition.maxherding import MaxHerding
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.acquisition.power import Power
from al_lightning.acquisition.probcover import ProbCover
from al_lightning.acquisition.random import Balanced, Random
from al_lightning.acquisition.typiclust import TypiClust
from al_lightning.acquisition.uherding import UHerding
from al_lightning.acquisition.uniform import Uniform
from al_lightning.acquisition.uniform_entropy import UniformEntropy
from al_lightning.acquisition.variation_ratio import VariationRatio

__all__ = [
    "BADGE",
    "BAIT",
    "BALD",
    "FALCUN",
    "ALFAMix",
    "Acquisition",
    "Allowed",
    "Balanced",
    "ClaSP",
    "Constraints",
    "Coreset",
    "DCoM",
    "DropQuery",
    "Entropy",
    "EntropyCoreset",
    "EquAL",
    "Full",
    "LearningLoss",
    "LeastConfidence",
    "Margin",
    "MaxHerding",
    "OnEmbeddings",
    "Power",
    "ProbCover",
    "Random",
    "Spread",
    "TypiClust",
    "UHerding",
    "Uniform",
    "UniformEntropy",
    "VariationRatio",
]
