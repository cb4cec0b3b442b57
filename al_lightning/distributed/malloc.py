"""Memory of the C library: by default, new tensors of more than 32 MB on the CPU are slow to make."""

from __future__ import annotations

import ctypes
import functools

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_MOST = 2**31 - 1


@functools.cache
def keep_large_blocks() -> bool:
    """Let this process keep freed blocks of memory of any size, and use them again.

    glibc takes each block of more than 32 MB from the system and returns it at once. Touching its new pages takes
    several times as long as a layer's computation. With this setting, this process's memory stays at its peak.

    Returns:
        Whether the C library has the setting; other libraries than glibc may not.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(what, _MOST) == 1 for what in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
