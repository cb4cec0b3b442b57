"""How the C library keeps memory: on the CPU, tensors of more than 32 MB are dear to make unless it is told."""

from __future__ import annotations

import ctypes
import functools

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_MOST = 2**31 - 1


@functools.cache
def keep_large_blocks() -> bool:
    """Let this process keep freed blocks of any size for the next of that size.

    glibc asks the system for each block of more than 32 MB and gives it back at once; to touch new pages then takes
    several times as long as what a layer computes in them. This process's memory stays at its peak instead.

    Returns:
        Whether there was somebody to tell; other C libraries have ways of their own.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(what, _MOST) == 1 for what in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
