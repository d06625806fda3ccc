"""Memory of the process: freed memory is kept, so that large tensors are not paged in anew at every step."""

import ctypes
import resource
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h
_MAX_MMAP_THRESHOLD = 1 << 25  # glibc refuses more on 64 bits


def keep_memory() -> None:
    """Raises glibc's thresholds for giving memory back; does nothing with another C library.

    By default glibc returns every block above some hundred KiB to the kernel and faults it in again, which costs a
    good part of a forward pass. It applies to the whole process, so only programs call it, not the library.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MAX_MMAP_THRESHOLD)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_TOP_PAD, 1 << 26)


def peak_memory() -> float:
    """The most that this process has had so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
