"""Connected components of near-duplicates: the images that a chain of near-duplicates joins."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from al_lightning.duplicates.descriptor import Descriptors, Indices, first_of_each
from al_lightning.duplicates.relation import TILE, Advance, compare


def components(images: Descriptors, joined: Indices | None = None, advance: Advance | None = None) -> Indices:
    """Return the position of the first image of each image's component, (N,) int64.

    Two images are in one component where a chain of near-duplicates joins them. So no two images of different
    components are near-duplicates. Pairs are found in tiles and joined at once: memory beside the descriptors is that
    of a tile. A smooth video needs few tiles, since images that are joined already are not compared again.

    Args:
        images: N images.
        joined: (N,) int64: images of equal numbers are joined from the start; by default none are.
        advance: called with (done, total) to show progress.
    """
    size = len(images)
    component = np.arange(size) if joined is None else first_of_each(joined)
    for start in range(0, size, TILE):
        rows = slice(start, min(start + TILE, size))
        for first in range(start, -1, -TILE):  # near columns first: they join most of what a video joins
            columns = slice(first, min(first + TILE, size))
            labels = np.union1d(component[rows], component[columns])
            if len(labels) == 1:
                continue
            _, near = compare(images[rows], images[columns])
            near &= component[rows, None] != component[columns]
            row, column = np.nonzero(near)
            if len(row):
                component = _join(component, labels, component[rows][row], component[columns][column])
        if advance is not None:
            advance(rows.stop, size)
    return component


def _join(component: Indices, labels: Indices, one: Indices, other: Indices) -> Indices:
    """Return the components after pairs of components were joined; `labels` are the components that may occur."""
    places = np.searchsorted(labels, one), np.searchsorted(labels, other)
    graph = coo_array((np.ones(len(one)), places), shape=(len(labels), len(labels)))
    _, part = connected_components(graph, directed=False)
    renamed = np.arange(len(component))
    renamed[labels] = labels[first_of_each(part)]  # labels ascend, so the first of a part is its least
    return renamed[component]
