"""What independent implementations say of our strategies on the same arrays: a row each, held by a test.

A test in this folder holds each row, and fails when either side changes: it compares the choices, and the version of
the peer that is installed with the one of the row.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import NamedTuple


class Verdict(NamedTuple):
    """What a comparison showed.

    Attributes:
        strategy: name of our class.
        peer: the other implementation: a package, or what was worked out by hand.
        version: of the peer; "" where it is ours to hold.
        agrees: whether the choices are the same.
        why: under which settings they agree, or what differs and why.
    """

    strategy: str
    peer: str
    version: str
    agrees: bool
    why: str


ACTIVEML = "scikit-activeml", "1.0.1"
OFFICIAL = "avihu111/TypiClust", "94449841"
VERDICTS: dict[str, Verdict] = {
    "maxherding": Verdict(
        "MaxHerding",
        *ACTIVEML,
        True,
        "With metric_dict={'gamma': 1 / radius^2}, with and without labelled images; of ties it draws one.",
    ),
    "maxherding, defaults": Verdict(
        "MaxHerding",
        *ACTIVEML,
        False,
        "Its default kernel is scikit-learn's, of gamma = 1 / D: a radius of sqrt(D) where the paper has 1. At the "
        "radius sqrt(D) ours chooses the same.",
    ),
    "typiclust": Verdict(
        "TypiClust",
        *ACTIVEML,
        True,
        "In clusters of 40 images or more with none labelled, with k=20 and the same clustering, one image a cluster.",
    ),
    "typiclust, labelled clusters": Verdict(
        "TypiClust",
        *ACTIVEML,
        False,
        "It never chooses from a cluster with a labelled image; once all have one, it draws. The paper's code, and "
        "ours, takes the clusters with the fewest labelled images, and goes around them again.",
    ),
    "typiclust, small clusters": Verdict(
        "TypiClust",
        *ACTIVEML,
        False,
        "It takes clusters of any size. The paper's code leaves out those of 5 images or fewer; ours takes them last.",
    ),
    "typiclust, distances": Verdict(
        "TypiClust",
        *OFFICIAL,
        False,
        "The official code averages what faiss returns, squared distances; the paper's Eq. 4, and ours, distances.",
    ),
    "typicality": Verdict(
        "TypiClust",
        "scikit-learn",
        "",
        True,
        "Typicality is that of NearestNeighbors' distances (tests/acquisition/test_typicality.py).",
    ),
    "probcover": Verdict(
        "ProbCover",
        *ACTIVEML,
        True,
        "On vectors of length 1 with deltas=[delta]: the same degrees after each choice. Of equal degrees it draws "
        "one, where ours takes the lower position. What is exactly delta away is inside there, and outside in the "
        "paper and here.",
    ),
    "probcover, delta": Verdict(
        "ProbCover",
        *ACTIVEML,
        False,
        "It tries 0.2, 0.4 ... (by its documentation 0.1, 0.2 ...) up to the first that is not 95 % pure. Ours is the "
        "largest radius that is, to 3 digits: less than a step of 0.2 above.",
    ),
    "probcover, last rows": Verdict(
        "ProbCover",
        *OFFICIAL,
        False,
        "The official loop over whole blocks of 500 leaves out the last N mod 500 images as centres. Ours can choose "
        "them.",
    ),
    "uherding": Verdict(
        "UHerding",
        "the greedy algorithm in float64",
        "",
        True,
        "All distances in memory (tests/acquisition/test_coverage.py).",
    ),
}


def holds_for_installed(name: str) -> bool:
    """Whether the peer of a row is installed in the row's version."""
    row = VERDICTS[name]
    return version(row.peer) == row.version
