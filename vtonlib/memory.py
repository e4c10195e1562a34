"""Reuse of memory on Linux: rendering and training on a processor allocate and free the same large arrays all the time.

Unless told otherwise, glibc hands them back to the system after every batch and takes them anew, as empty pages that
have to be zeroed one by one: a third of the time of rendering.
"""

from __future__ import annotations

import ctypes
import functools
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of the settings in glibc's malloc.h
_LARGE, _LIMIT_OF_OLD_VERSIONS = 1 << 30, 1 << 25


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep up to 1 GiB that it has freed, to use it again. True where the system can do that.

    Programs call this once at their start (the command line and the notebooks do); importing vtonlib does not.
    Book: sec-how-to-use.
    """
    if sys.platform != "linux":
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:  # a C library other than glibc
        return False
    large = any(set_option(_MMAP_THRESHOLD, size) for size in (_LARGE, _LIMIT_OF_OLD_VERSIONS))
    return large and bool(set_option(_TRIM_THRESHOLD, _LARGE))
