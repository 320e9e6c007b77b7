"""Files: replaced in one step, changed under a lock, read within limits; and those that come with AGX.

Nothing here knows their content. Callers turn `OSError` into errors with words.
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
    """Replace a file in one step: the data is written beside it, and then takes its name.

    Killing the process leaves the old file or the new one. With `is_durable`, so does a power cut, since
    the data has reached the disk before. Raises `OSError`.
    """
    beside = path.with_name(f".{path.name[:200]}.{os.urandom(6).hex()}.part")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123  a descriptor
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_bytes(path: Path, *, limit: int) -> bytes | None:
    """Return up to `limit` + 1 bytes of a file, so that more than `limit` can be told; None without a file.

    A pipe or a device is never waited for. Raises `OSError`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123  as above
        return file.read(limit + 1)


@contextmanager
def locked(path: Path, *, wait_secs: float = LOCK_SECS) -> Iterator[None]:
    """Hold the lock of a file, which keeps out every other process that asks for it.

    The lock is on a file beside it, which stays. The system releases it when its holder ends, however that
    happens. Raises `StorageError` where it is not free within `wait_secs`, and `OSError`.
    """
    descriptor = os.open(path.with_name(f".{path.name[:200]}.lock"), os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        until = time.monotonic() + wait_secs
        while not try_lock(descriptor):
            if time.monotonic() >= until:
                raise _busy(path, wait_secs)
            time.sleep(_PAUSE_SECS)
        yield
    finally:
        os.close(descriptor)  # which releases the lock


def _busy(path: Path, waited_secs: float) -> StorageError:
    error = StorageError(
        f"{path} is being changed by another process, for {waited_secs:g} s now",
        hint="end that process, or try again",
    )
    error.retryable = True
    return error


def try_lock(descriptor: int) -> bool:
    """Return whether the lock of an open file was free and is now held. Windows locks bytes, others files."""
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
    """Return the path of a file that comes with AGX; raises `ModelMissing`, which says `what` is missing.

    In a wheel it is inside the package, in a checkout in the folder `models` beside it.
    """
    package = Path(__file__).resolve().parents[1]
    for path in (package / "data" / name, package.parent / "models" / name):
        if path.is_file():
            return path
    raise ModelMissing(f"{what} is missing from this installation", hint="install AGX again")
