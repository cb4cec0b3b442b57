"""A process that selects by herding and prints seconds, and its peak resident bytes above the features."""

from __future__ import annotations

import sys
import time

from .bench_herding import choose, features_of
from .rigs import resident


def main(size: int, picks: int) -> None:
    """Choose some of `size` rows of 256 numbers."""
    features = features_of(size, 256)
    before = resident("VmRSS")
    begun = time.perf_counter()
    choose(features, picks)
    seconds = time.perf_counter() - begun
    print(seconds, resident("VmHWM") - before)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
