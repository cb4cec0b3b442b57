"""The mathematics of selection, as pure functions, a file for each idea."""

from al_lightning.acquisition.functional.k_center import k_center_greedy
from al_lightning.acquisition.functional.scores import (
    entropy,
    mean_entropy,
    mean_least_confidence,
    mean_margin,
    mean_probability,
    mutual_information,
    require_finite,
    round_significant,
    sequences_in_time,
    top_scores,
    variation_ratio,
)

__all__ = [
    "entropy",
    "k_center_greedy",
    "mean_entropy",
    "mean_least_confidence",
    "mean_margin",
    "mean_probability",
    "mutual_information",
    "require_finite",
    "round_significant",
    "sequences_in_time",
    "top_scores",
    "variation_ratio",
]
