"""Stored scores and embeddings of a selection (rows.npz, selection.json), and a map of the embeddings (figure 6).

Functions that read files of a run raise ALError if a file is damaged or belongs to another run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from al_lightning.data.feature_batches import StoredFeatures
from al_lightning.data.images import Images
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.runs.journal import Run
from al_lightning.runs.scores import LARGEST, part_of
from al_lightning.runs.selections import read_choice, read_seen, seen_shape
from al_lightning.seeding import seed_of

__all__ = ["Map", "Scores", "batch_scores", "candidate_scores", "candidates", "embedding_map", "embeddings", "scores"]

Indices = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float32]
MOST_POINTS = 1000
"""Points of a map; larger pools are sampled evenly, after all chosen or labelled images."""
DESCRIBED = 500
"""Points of a map whose images have to be read and described first."""
ITERATIONS = 500
"""Of t-SNE, half of them with exaggeration; enough for so few points to converge."""
PERPLEXITY = 30.0
ANGLE = 0.8
"""Accuracy of t-SNE's sums over distant points: a third faster than the usual 0.5, with neighbours kept as well."""
FEWEST_POINTS = 5
BINS = 48
"""Bins of the histogram of the candidates' scores."""


@dataclass(frozen=True)
class Scores:
    """Scores of a batch, on the strategy's own scale.

    Attributes:
        chosen: score of each image of the batch, in order; None without a score.
        low: lowest score of all candidates or, if these are not known, of the batch.
        high: highest score, likewise.
        among: (`BINS`,) histogram of the candidates' scores from `low` to `high`; empty if these are not known.
    """

    chosen: tuple[float | None, ...]
    low: float
    high: float
    among: tuple[int, ...]


@dataclass(frozen=True)
class Map:
    """Images in a plane, similar images close to each other.

    Attributes:
        index: (N,) int64 positions, ascending.
        place: (N, 2) float64 between 0 and 1, from t-SNE; axes and distances between groups have no meaning.
        source: the run of the embeddings; None for descriptors of the images, or stored features.
        features: whether the embeddings are stored features of a frozen encoder, which the runs share.
    """

    index: Indices
    place: npt.NDArray[np.float64]
    source: Run | None
    features: bool = False


def scores(run: Run, cycle: int) -> dict[int, float]:
    """Return the scores of a cycle's chosen images; none if all scores are 0, as from a strategy without scores."""
    choice = read_choice(run, cycle)
    if choice is None:
        return {}
    pairs = zip(choice.indices, choice.scores, strict=True)
    known = {index: float(score) for index, score in pairs if score is not None}
    return known if any(known.values()) else {}


def candidates(run: Run, cycle: int) -> Indices | None:
    """Return the positions of a cycle's candidates, ascending, (N,).

    None if they are not known: there is no rows.npz, or it is so large that it may hold a sample.
    """
    members, count, width = seen_shape(run, cycle)
    if members * count * width > LARGEST * 3 // 4:  # a sampled embedding has almost LARGEST numbers
        return None
    seen = read_seen(run, cycle, value=False)
    return None if seen is None else seen.index[~seen.labelled]


def candidate_scores(run: Run, cycle: int) -> Reals:
    """Return the finite scores of a cycle's candidates, (N,); (0,) without scores of one network."""
    seen = read_seen(run, cycle) if seen_shape(run, cycle)[0] == 1 else None
    if seen is None or (part := part_of(seen, "score")) is None:
        return np.empty(0, dtype=np.float32)
    values: Reals = part[~seen.labelled, 0]
    return values[np.isfinite(values)]


def batch_scores(run: Run, cycle: int, chosen: Sequence[int]) -> Scores | None:
    """Return the scores of a batch, in the order of `chosen`, and of its candidates; None without scores."""
    known = scores(run, cycle)
    own = [known[index] for index in chosen if index in known]
    if not own:
        return None
    others = candidate_scores(run, cycle)
    ends = [*own, *(others.tolist() or own)]
    low, high = min(ends), max(ends)
    among = np.histogram(others, BINS, (low, high))[0].tolist() if len(others) and high > low else []
    return Scores(tuple(known.get(index) for index in chosen), low, high, tuple(among))


def embeddings(run: Run, cycle: int) -> tuple[Indices, Reals] | None:
    """Return positions, (N,), and finite embeddings, (N, D), of a cycle's selection; None if not stored."""
    seen = read_seen(run, cycle) if seen_shape(run, cycle)[0] == 1 else None
    if seen is None or (value := part_of(seen, "embedding")) is None:
        return None
    finite = np.isfinite(value).all(axis=1)
    return seen.index[finite], value[finite]


def embedding_map(
    images: Images, runs: Sequence[Run], marked: Sequence[int], features: StoredFeatures | None = None
) -> Map | None:
    """Map a pool by stored features, or else by the embeddings of the network of cycle 0.

    The embeddings are those of the first run that stored some; at equal seeds, strategies with the same training and
    network share this network. If no run stored any, the descriptors of near-duplicates replace them.

    Args:
        images: the full training set; read only if there are neither features nor embeddings.
        runs: runs on one pool with one seed.
        marked: positions to include whatever the size of the pool.
        features: of the pool's images, which all runs read; None where they read images.

    Returns:
        The map; None for fewer than `FEWEST_POINTS` images.
    """
    if features is not None and len(features) >= FEWEST_POINTS:
        index = sampled(np.arange(len(features)), marked, MOST_POINTS)
        vectors = features.layout.split(features.rows(index.tolist())).embedding
        return Map(index, layout(vectors.float().numpy()), None, features=True)
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
    """Return at most `most` of the positions, ascending: the marked ones, and an even sample of the others.

    More than `most` marked positions are sampled evenly themselves.
    """
    is_marked = np.isin(index, marked)
    parts, room = [], most
    for part in (index[is_marked], index[~is_marked]):
        places = np.linspace(0, len(part) - 1, min(room, len(part)), dtype=np.int64)
        parts.append(part[places])
        room -= len(places)
    return np.sort(np.concatenate(parts))


def layout(vectors: Reals) -> npt.NDArray[np.float64]:
    """Return t-SNE's places of N points, (N, 2) float64; the axis with the larger extent goes from 0 to 1.

    It starts from the first two principal components and runs on one thread: the order of summation depends on the
    number of threads, and t-SNE amplifies rounding.

    Args:
        vectors: (N, D), N >= 5.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn depends on it

    count = len(vectors)
    if not np.ptp(vectors, axis=0).any():
        return np.full((count, 2), 0.5)
    with threadpool_limits(limits=1):
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
