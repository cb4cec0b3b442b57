"""Seeds: every random draw is a function of (stream, seed, cycle, member, step, index ...).

A stream is a name ("initial", "augmentation", ...); it keeps draws of different purposes independent even where
their numbers are equal; all keys of a stream have one length. Keys go through NumPy's SeedSequence, whose output is
stable across platforms and releases.
"""

from __future__ import annotations

import zlib

import numpy as np


def _sequence(stream: str, numbers: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence([zlib.crc32(stream.encode()), *numbers])


def generator(stream: str, *numbers: int) -> np.random.Generator:
    """Return the NumPy generator of a key; `numbers` are non-negative integers."""
    return np.random.default_rng(_sequence(stream, numbers))


def seed_of(stream: str, *numbers: int) -> int:
    """Return the 32-bit seed of a key, for generators that are not NumPy's."""
    return int(_sequence(stream, numbers).generate_state(1, np.uint32)[0])
