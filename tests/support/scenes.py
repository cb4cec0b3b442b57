"""Scenes of frames, and which frames repeat others."""

from __future__ import annotations

from collections.abc import Sequence

from al_lightning.pool import Pool
from tests.support.pictures import REACH, Frames

# Two scenes of three frames, 0 1 2 and 0 10 20: in the first all are near-duplicates, in the second none.
SCENES = Pool(6, (), (0, 0, 0, 1, 1, 1), (0, 1, 2, 0, 10, 20))


def frames_of(pool: Pool) -> Frames:
    """Pictures of a pool in which frames of one scene are alike up to `REACH` frames apart."""
    return Frames(pool.frame or (), pool.sequence)


def plain_repeats(frames: Sequence[int], order: Sequence[int]) -> list[bool]:
    """Whether each image repeats one before it that repeats none itself, one image after the other."""
    leaders: list[int] = []
    found = []
    for index in order:
        found.append(any(abs(frames[index] - frames[leader]) <= REACH for leader in leaders))
        leaders += [] if found[-1] else [index]
    return found
