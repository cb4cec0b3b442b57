"""Strategies and scikit-activeml's on the same arrays; as a process, one of both, which prints its peak memory.

python -m benchmarks.peers NAME ours|theirs prints the peak resident bytes above the inputs.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from skactiveml import pool as peer
from skactiveml.base import SkactivemlClassifier
from torch import Tensor

from al_lightning.acquisition import BADGE, Acquisition, Coreset, MaxHerding, ProbCover, TypiClust
from al_lightning.acquisition.badge import output_gradient
from al_lightning.seeding import generator
from al_lightning.types import LinearHead, SelectionInputs

from .rigs import resident

Choose = Callable[[], list[int]]
SIZE, WIDTH, PICKS, LABELLED, GROUPS, CLASSES = 4000, 256, 50, 20, 50, 50


class Pair(NamedTuple):
    """Two that choose from the same arrays.

    Attributes:
        ours: our strategy's choice.
        theirs: scikit-activeml's.
        size: of the arrays, in words.
    """

    ours: Choose
    theirs: Choose
    size: str


class Linear(SkactivemlClassifier):  # type: ignore[misc]  # scikit-activeml has no types
    """A classifier that a linear head makes, and that nothing is fitted to.

    Args:
        classes: numbers of the classes.
        head: the head.
    """

    def __init__(self, classes: list[int], head: LinearHead | None = None) -> None:
        super().__init__(classes=classes)
        self.head = head

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Linear:
        """Fit nothing."""
        return self

    def predict_proba(self, X: Any) -> Any:
        """Return probabilities, (N, C)."""
        assert self.head is not None
        return self.head(torch.from_numpy(X)).softmax(dim=1).numpy()


def directions(size: int, width: int) -> Tensor:
    """Return vectors of length 1 around `GROUPS` directions, (size, width) float32."""
    draws = torch.Generator().manual_seed(0)
    centres = torch.randn(GROUPS, width, generator=draws)
    points = centres[torch.arange(size) % GROUPS] + 0.5 * torch.randn(size, width, generator=draws)
    return torch.nn.functional.normalize(points, dim=1)


def on_vectors(ours: Acquisition, theirs: Any, labelled: int = 0, size: int = SIZE) -> Pair:
    """Return what chooses among vectors, of which the first few may be labelled."""
    points = directions(size, WIDTH)
    known = torch.arange(size) < labelled
    rows = SelectionInputs(torch.arange(size), known, points[None], {"embedding": WIDTH})
    label = np.where(known.numpy(), 0, np.nan)
    double = points.double().numpy()
    return Pair(
        lambda: ours.select(rows, PICKS, generator("select", 0)).indices,
        lambda: [int(row) for row in theirs.query(double, label, batch_size=PICKS)],
        f"{size:,} x {WIDTH}",
    )


def badge() -> Pair:
    """Return what chooses by gradient embeddings of a linear classifier."""
    points, draws = directions(SIZE, WIDTH), torch.Generator().manual_seed(1)
    head = LinearHead(8 * torch.randn(CLASSES, WIDTH, generator=draws).double(), torch.zeros(CLASSES).double())
    value = torch.cat([output_gradient(head(points)), points], dim=1)[None]
    nothing = torch.zeros(SIZE, dtype=torch.bool)
    rows = SelectionInputs(torch.arange(SIZE), nothing, value, {"gradient": CLASSES, "embedding": WIDTH})
    theirs, classifier = peer.Badge(random_state=0), Linear(list(range(CLASSES)), head)
    double, unlabelled = points.double().numpy(), np.full(SIZE, np.nan)
    return Pair(
        lambda: BADGE().select(rows, PICKS, generator("select", 0)).indices,
        lambda: list(theirs.query(double, unlabelled, classifier, fit_clf=False, batch_size=PICKS)),
        f"{SIZE:,} x {CLASSES} classes x {WIDTH}",
    )


PAIRS: dict[str, Callable[[], Pair]] = {
    "coreset": lambda: on_vectors(Coreset(), peer.CoreSet(random_state=0), LABELLED),
    "typiclust": lambda: on_vectors(TypiClust(), peer.TypiClust(random_state=0, k=20)),
    "probcover": lambda: on_vectors(
        ProbCover(delta=0.75), peer.ProbCover(deltas=[0.75], random_state=0), size=2 * SIZE
    ),
    "maxherding": lambda: on_vectors(MaxHerding(), peer.MaxHerding(metric_dict={"gamma": 1.0}, random_state=0)),
    "badge": badge,
}
"""By strategy; made anew by each call."""


def main(name: str, side: str) -> None:
    """Choose once."""
    warnings.filterwarnings("ignore", "The maximum purity")  # a given delta is not judged
    pair = PAIRS[name]()
    choose = pair.ours if side == "ours" else pair.theirs
    before = resident("VmHWM")
    choose()
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
