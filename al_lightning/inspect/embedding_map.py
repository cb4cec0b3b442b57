"""What a selection saw and wrote down (rows.npz, selection.json), and its embeddings as a map, the paper's figure 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from al_lightning.data.images import Images
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.runs.journal import Run
from al_lightning.runs.scores import LARGEST
from al_lightning.runs.selections import read_choice, read_seen, seen_shape
from al_lightning.seeding import seed_of

Indices = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float32]
MOST_POINTS = 1000
"""Points of a map; of more images, an even sample, besides all that were chosen or labelled."""
DESCRIBED = 500
"""The same where images have to be read and described first."""
ITERATIONS = 500
"""Of t-SNE, half of them with exaggeration: so few points lie still by then."""
PERPLEXITY = 30.0
ANGLE = 0.8
"""How coarsely t-SNE sums over what is far: a third less time than by its usual 0.5, and neighbours kept as well."""
FEWEST_POINTS = 5
BINS = 48
"""Of the candidates' scores."""
NARROWEST = 3
"""Numbers an image from which rows are an embedding: fewer are scores, or a class and a score."""


@dataclass(frozen=True)
class Scores:
    """What a strategy said of a batch, on its own scale.

    Attributes:
        chosen: of each image of the batch, in order; None where it said nothing.
        low: the least of all candidates' scores or, where these are not known, of the chosen.
        high: the greatest.
        among: (`BINS`,) numbers of candidates with scores between the two, in steps of one size; empty where not known.
    """

    chosen: tuple[float | None, ...]
    low: float
    high: float
    among: tuple[int, ...]


@dataclass(frozen=True)
class Map:
    """Images in a plane, alike ones near each other.

    Attributes:
        index: (N,) int64 positions, ascending.
        place: (N, 2) float64 between 0 and 1, from t-SNE; axes and distances between groups have no meaning.
        source: whose embeddings these are; None where they are descriptors of the pictures themselves.
    """

    index: Indices
    place: npt.NDArray[np.float64]
    source: Run | None


def scores(run: Run, cycle: int) -> dict[int, float]:
    """Return the scores of what a cycle selected; none where the strategy had no opinion, and said 0 of each.

    Raises:
        ALError: selection.json is damaged, or of another run.
    """
    choice = read_choice(run, cycle)
    if choice is None:
        return {}
    pairs = zip(choice.indices, choice.scores, strict=True)
    found = {index: float(score) for index, score in pairs if score is not None}
    return found if any(found.values()) else {}


def candidates(run: Run, cycle: int) -> Indices | None:
    """Return the positions that a cycle chose from, ascending, (N,).

    None where they are not known: there is no rows.npz, or it is so large that it may hold a sample.

    Raises:
        ALError: the file is damaged, or of another run.
    """
    members, count, width = seen_shape(run, cycle)
    if members * count * width > LARGEST * 3 // 4:  # an embedding that was cut is near LARGEST
        return None
    seen = read_seen(run, cycle, value=False)
    return None if seen is None else seen.index[~seen.labelled]


def candidate_scores(run: Run, cycle: int) -> Reals:
    """Return the scores of all of a cycle's candidates, (N,), the finite ones; (0,) where it kept none or no single.

    Raises:
        ALError: the file is damaged, or of another run.
    """
    if seen_shape(run, cycle)[::2] != (1, 1) or (seen := read_seen(run, cycle)) is None:
        return np.empty(0, dtype=np.float32)
    found: Reals = seen.value[0, ~seen.labelled, 0]
    return found[np.isfinite(found)]


def batch_scores(run: Run, cycle: int, chosen: Sequence[int]) -> Scores | None:
    """Return what a strategy said of the images that it chose, and of all it could have chosen.

    Args:
        run: the run.
        cycle: number of the cycle.
        chosen: the batch, in order.

    Returns:
        The scores; None where the strategy had no opinion.
    """
    said = scores(run, cycle)
    own = [said[index] for index in chosen if index in said]
    if not own:
        return None
    others = candidate_scores(run, cycle)
    ends = [*own, *(others.tolist() or own)]
    low, high = min(ends), max(ends)
    among = np.histogram(others, BINS, (low, high))[0].tolist() if len(others) and high > low else []
    return Scores(tuple(said.get(index) for index in chosen), low, high, tuple(among))


def embeddings(run: Run, cycle: int) -> tuple[Indices, Reals] | None:
    """Return the positions, (N,), and embeddings, (N, D), that a cycle's selection saw; None where it saw none.

    Rows that are not finite are left out.

    Raises:
        ALError: the file is damaged, or of another run.
    """
    members, _, width = seen_shape(run, cycle)
    if members != 1 or width < NARROWEST or (seen := read_seen(run, cycle)) is None:
        return None
    value = seen.value[0]
    sound = np.isfinite(value).all(axis=1)
    return seen.index[sound], value[sound]


def embedding_map(images: Images, runs: Sequence[Run], marked: Sequence[int]) -> Map | None:
    """Lay out a pool by what its images look like to a network after the first fit.

    The embeddings are those that the first of the runs to have kept some saw in cycle 0; at equal seeds strategies of
    one training and network share that network. Where no run kept any, the descriptors that tell near-duplicates
    stand for them.

    Args:
        images: the full training set; read only where no run kept embeddings.
        runs: of one pool and one seed.
        marked: positions that are wanted on the map whatever its size.

    Returns:
        The map; None where there are fewer than `FEWEST_POINTS` images.
    """
    for source in runs:
        if (seen := embeddings(source, 0)) is not None and len(seen[0]) >= FEWEST_POINTS:
            index = sampled(seen[0], marked, MOST_POINTS)
            return Map(index, layout(seen[1][np.searchsorted(seen[0], index)]), source)
    if len(images) < FEWEST_POINTS:
        return None
    index = sampled(np.arange(len(images)), marked, DESCRIBED)
    looks = DescribedImages(images.image).descriptors(index)
    return Map(index, layout(np.hstack([looks.edges, looks.grey]).astype(np.float32)), None)


def sampled(index: Indices, marked: Sequence[int], most: int) -> Indices:
    """Return those of the positions that are marked, and of the others an even sample: (n,), n <= most, ascending.

    Where more than `most` are marked, an even sample of these.
    """
    wanted = np.isin(index, marked)
    groups, room = [], most
    for group in (index[wanted], index[~wanted]):
        places = np.linspace(0, len(group) - 1, min(room, len(group)), dtype=np.int64)
        groups.append(group[places])
        room -= len(places)
    return np.sort(np.concatenate(groups))


def layout(vectors: Reals) -> npt.NDArray[np.float64]:
    """Return t-SNE's places of N points, (N, 2) float64, each axis of the larger extent from 0 to 1.

    It begins with the first two principal components, on one thread: more threads sum in an order of their own, and
    t-SNE makes much of last bits.

    Args:
        vectors: (N, D), N >= 5.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn's own

    count = len(vectors)
    with threadpool_limits(limits=1):
        if not np.ptp(vectors, axis=0).any():
            return np.full((count, 2), 0.5)
        tsne = TSNE(
            init="pca",
            perplexity=min(PERPLEXITY, (count - 1) / 3),
            max_iter=ITERATIONS,
            angle=ANGLE,
            random_state=seed_of("map", count),
            n_jobs=1,
        )
        place = tsne.fit_transform(vectors.astype(np.float32)).astype(np.float64)
    low, extent = place.min(axis=0), np.ptp(place, axis=0)
    centred: npt.NDArray[np.float64] = (place - low - extent / 2) / max(float(extent.max()), 1e-9) + 0.5
    return centred
