"""Files that are whole at every moment: replaced in one step, changed under a lock, read within limits.

Nothing here knows what is in them. `OSError` is the caller's to put into words.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agx.errors import ModelMissing, StorageError

PRIVATE = 0o600
LOCK_SECS = 10.0
_PAUSE_SECS = 0.005


def replace_file(path: Path, data: bytes, *, mode: int = PRIVATE, is_durable: bool = True) -> None:
    """Write a file whole or not at all: beside its place first, then it takes the name.

    `is_durable` waits until the data has reached the disk, so that a power cut leaves the old file
    or the new one; without it that holds for a process that is killed. Raises `OSError`.
    """
    beside = path.with_name(f".{path.name[:200]}.{os.urandom(6).hex()}.part")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_bytes(path: Path, *, limit: int) -> bytes | None:
    """Return at most `limit` bytes of a file and one more, to tell that there are more; None without one.

    A pipe or a device is never waited for. Raises `OSError`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123
        return file.read(limit + 1)


@contextmanager
def locked(path: Path, *, wait_secs: float = LOCK_SECS) -> Iterator[None]:
    """Hold the lock of a file: no other process that asks for it changes the file meanwhile.

    The lock is on a file beside it, which stays; the system lets it go when its holder ends, however
    that happens. Raises `StorageError` when it is not free within `wait_secs`, and `OSError`.
    """
    descriptor = os.open(path.with_name(f".{path.name[:200]}.lock"), os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        until = time.monotonic() + wait_secs
        while not _try_lock(descriptor):
            if time.monotonic() >= until:
                raise _busy(path, wait_secs)
            time.sleep(_PAUSE_SECS)
        yield
    finally:
        os.close(descriptor)  # which lets the lock go


def _busy(path: Path, waited_secs: float) -> StorageError:
    error = StorageError(
        f"{path} is being changed by another process, for {waited_secs:g} s now",
        hint="end that process, or try again",
    )
    error.retryable = True
    return error


def _try_lock(descriptor: int) -> bool:
    """Take the lock of an open file where it is free. Windows locks bytes, others whole files."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415  only there

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415  only elsewhere

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def packaged_file(name: str, *, what: str) -> Path:
    """Return the place of a file of the folder `models`; raises `ModelMissing`, which says `what` it is."""
    package = Path(__file__).resolve().parents[1]
    for path in (package / "data" / name, package.parent / "models" / name):
        if path.is_file():
            return path
    raise ModelMissing(f"{what} is missing from this installation", hint="install AGX again")
