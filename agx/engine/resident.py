"""Memory that a load leaves without need, given back to the system.

llama.cpp reads all of a mapped file when it loads it. Some of that is never read again: weights of which it
keeps a copy in another order, those that went to a GPU, and most rows of the input embedding. So the pages
are let go. They stay in the system's cache of files, and whatever is computed with comes back from there at
its first use, in a few milliseconds for all of a small model. What was built and thrown away meanwhile goes
as well.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# A smaller model is loaded for one plan, and has little to give back.
LEAST_WEIGHTS_BYTES = 64 << 20
_MAPPINGS = Path("/proc/self/maps")
_DONT_NEED = 4  # MADV_DONTNEED


def give_back(files: Sequence[Path]) -> None:
    """Let go of the pages of these mapped files, and of free memory. Does nothing where it cannot."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    advise = libc.madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, size in _mappings(files):
        advise(start, size, _DONT_NEED)  # fails for memory that is locked, and then changes nothing
    if hasattr(libc, "malloc_trim"):  # glibc has it
        libc.malloc_trim(ctypes.c_size_t(0))


def _mappings(files: Sequence[Path]) -> Iterator[tuple[int, int]]:
    """Yield address and size of each read-only mapping of these files; see proc_pid_maps(5)."""
    wanted = set[tuple[int, int]]()
    with contextlib.suppress(OSError):
        wanted = {(status.st_dev, status.st_ino) for status in map(os.stat, files)}
    try:
        lines = _MAPPINGS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        addresses, access, _offset, device, inode, *_path = line.split(maxsplit=5)
        major, minor = (int(part, 16) for part in device.split(":"))
        if (os.makedev(major, minor), int(inode)) in wanted and "w" not in access:
            start, stop = (int(part, 16) for part in addresses.split("-"))
            yield start, stop - start
