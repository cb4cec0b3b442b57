"""A second opinion on near-duplicates and leakage: cosines of an encoder's vectors beside the comparison of pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from al_lightning.audits.groups import AuditedSet, as_group, as_leak, gathered
from al_lightning.audits.result import SIDES, Agreement, Group, Leak, Opinion, Side
from al_lightning.audits.vectors import Vectors
from al_lightning.data.pool_split import Progress
from al_lightning.duplicates.groups import Groups, group_by
from al_lightning.duplicates.relation import Flags, Similarities, compare, nearest_by
from al_lightning.duplicates.vectors import ALIKE_VECTORS, UnitVectors, comparing_vectors, usual_cosines


def opinion(
    sets: Mapping[Side, AuditedSet],
    vectors: Vectors,
    grouped: Mapping[Side, Groups],
    leaks: Sequence[Leak],
    progress: Progress,
) -> Opinion:
    """Compare all images by their vectors, in tiles, and count where vectors and pixels agree.

    Images are grouped by the leader rule, as by their pixels.

    Args:
        sets: pool and test set.
        vectors: of their readable images.
        grouped: their groups by pixels.
        leaks: the leaks by pixels.
        progress: called with (what, done, total) to show progress.
    """
    groups: list[Group] = []
    repeats: dict[Side, Agreement] = {}
    for side, images in sets.items():
        own = vectors.of[side]
        found = group_by(len(own), comparing_vectors(own, own), partial(progress, f"vectors of the {SIDES[side]}"))
        by_pixels = grouped[side].repeats
        repeats[side] = _agreement(by_pixels, found.repeats)
        groups += [
            with_cosines(_as_group(images, places), images, own)
            for places in gathered(found)
            if (found.repeats[places] & ~by_pixels[places]).any()
        ]
    agreed, alone = _leaks(sets["test"], sets["pool"], vectors, leaks, partial(progress, "vectors of both sets"))
    return Opinion(
        encoder=vectors.encoder,
        numbers=max(vectors.of[side].values.shape[1] for side in SIDES),
        threshold=ALIKE_VECTORS,
        usual=usual_cosines(vectors.of["pool"]),
        pool=repeats["pool"],
        test=repeats["test"],
        leaks=agreed,
        groups=tuple(groups),
        alone=tuple(alone),
    )


def with_cosines(group: Group, images: AuditedSet, vectors: UnitVectors) -> Group:
    """Return a group with the cosine of each of its images to the first."""
    first, *others = (images.place_of[member.index] for member in group.members)
    cosines = [1.0, *(_rounded(vectors.cosine(first, place, vectors)) for place in others)]
    members = [replace(member, cosine=value) for member, value in zip(group.members, cosines, strict=True)]
    return replace(group, members=tuple(members))


def leak_with_cosine(leak: Leak, sets: Mapping[Side, AuditedSet], vectors: Vectors) -> Leak:
    """Return a leak with the cosine of its two images."""
    places = (sets["test"].place_of[leak.test.index], sets["pool"].place_of[leak.pool.index])
    value = _rounded(vectors.of["test"].cosine(*places, vectors.of["pool"]))
    return replace(leak, test=replace(leak.test, cosine=value), pool=replace(leak.pool, cosine=value))


def _leaks(
    test: AuditedSet, pool: AuditedSet, vectors: Vectors, leaks: Sequence[Leak], advance: Callable[[int, int], None]
) -> tuple[Agreement, list[Leak]]:
    """Return how pixels and vectors agree on leaks, and the leaks by vectors alone."""
    one, other = vectors.of["test"], vectors.of["pool"]
    places, _ = nearest_by(len(one), len(other), comparing_vectors(one, other), advance)
    by_pixels = np.isin(np.array(test.contents.positions, dtype=np.int64), [leak.test.index for leak in leaks])
    by_vectors = places >= 0
    alone = []
    for place in np.flatnonzero(by_vectors & ~by_pixels).tolist():
        other_place = int(places[place])
        similarity = _similarity(test, [place], pool, other_place)
        leak = as_leak(test, place, pool, other_place, float(similarity[0]))
        alone.append(leak_with_cosine(leak, {"test": test, "pool": pool}, vectors))
    return _agreement(by_pixels, by_vectors), alone


def _as_group(images: AuditedSet, places: list[int]) -> Group:
    """Return images as a group, with the similarity of their pixels to the first."""
    similarity = _similarity(images, places, images, places[0])
    return as_group(images, places, dict(zip(places, similarity.tolist(), strict=True)))


def _similarity(images: AuditedSet, places: list[int], others: AuditedSet, other: int) -> Similarities:
    """Return the similarity of the pixels of M images to another image's, (M,)."""
    found, _ = compare(images.descriptors[np.array(places)], others.descriptors[other : other + 1])
    return found[:, 0]


def _agreement(pixels: Flags, vectors: Flags) -> Agreement:
    counts = ((pixels & vectors), (pixels & ~vectors), (vectors & ~pixels))
    return Agreement(*(int(flags.sum()) for flags in counts))


def _rounded(cosine: float) -> float:
    return round(cosine, 3)
