"""Where warm workers are found: a socket and a lock each, and one log, in a folder that is the user's alone.

The keeper of a worker holds its lock as long as it lives, and the system releases it whatever ends the
keeper. So a socket whose lock is free is stale. Only the standard library is used, and little of it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agx.errors import StorageError
from agx.util.files import PRIVATE, try_lock

SOCKET_SUFFIX = ".sock"
LOG_NAME = "log"
MAX_LOG_BYTES = 256 << 10
_PRIVATE_FOLDER = 0o700
# A Unix socket's address has room for 104 bytes on macOS and 108 on Linux, the last of them empty.
_MAX_ADDRESS_BYTES = 100
_DESCRIPTORS = Path("/proc/self/fd")


def sockets(folder: Path) -> list[Path]:
    """Return the sockets in the folder, in order; none where there is no such folder."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  a fifth of the time, and every plan looks here
    except OSError:
        return []
    return [folder / name for name in names if name.endswith(SOCKET_SUFFIX)]


def make_private(folder: Path) -> None:
    """Make the folder for this user alone.

    Raises `StorageError` where that cannot be, and where others may enter what is there.
    """
    hint = "set AGX_HOME to a folder that is yours"
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        status = folder.stat()
        is_writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror}", hint=hint) from error
    if status.st_uid != os.getuid():
        raise StorageError(f"{folder} belongs to another user", hint=hint)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise StorageError(f"others may enter {folder}", hint=f"take that away: chmod 700 {folder}")
    if not is_writable:
        raise StorageError(f"{folder} cannot be written", hint=hint)


def is_private(folder: Path) -> bool:
    """Return whether the folder is this user's, and no other may enter it."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077


@contextmanager
def address(path: Path) -> Iterator[str]:
    """Yield a name of a socket's file that a socket's address has room for.

    A long path is reached through a descriptor of its folder. Raises `StorageError` where the system
    has no such names, and `OSError`.
    """
    if len(os.fsencode(path)) <= _MAX_ADDRESS_BYTES:
        yield str(path)
        return
    if not _DESCRIPTORS.is_dir():
        raise StorageError(
            f"the path {path} is too long for a socket ({_MAX_ADDRESS_BYTES} bytes at most)",
            hint="set AGX_HOME to a folder with a shorter path",
        )
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        yield str(_DESCRIPTORS / str(descriptor) / path.name)
    finally:
        os.close(descriptor)


class Place:
    """The lock and the socket's file of one worker. `take` makes them this process's."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._lock = socket.with_suffix(".lock")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock, and away what a killed keeper left; False where another has it. Raises `OSError`."""
        while True:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, PRIVATE)
            if not try_lock(descriptor):
                os.close(descriptor)
                return False
            if self._is_named(descriptor):
                break
            os.close(descriptor)  # its last holder has just taken the name away: others make a new file
        self._descriptor = descriptor
        self.socket.unlink(missing_ok=True)
        return True

    def hide(self) -> None:
        """Take the socket away, so that nobody finds it; the lock stays taken."""
        with suppress(OSError):
            self.socket.unlink(missing_ok=True)

    def is_taken(self) -> bool:
        """Return whether a living process has the lock; raises `OSError`."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not try_lock(descriptor)
        finally:
            os.close(descriptor)

    def leave(self) -> None:
        """Take socket and lock away, and release the lock; nothing happens the second time."""
        if self._descriptor is None:
            return
        self.hide()
        with suppress(OSError):
            self._lock.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def _is_named(self, descriptor: int) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), self._lock.stat())
        return False


def clear_if_stale(socket: Path) -> None:
    """Take away what a keeper left that was killed; a worker that lives is left alone."""
    with suppress(OSError):
        place = Place(socket)
        if place.take():
            place.leave()


def open_log(folder: Path) -> int:
    """Return a descriptor that appends to the log of all warm workers; raises `StorageError`."""
    path = folder / LOG_NAME
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}", hint="set AGX_HOME to a folder that is yours"
        ) from error


def is_supported() -> bool:
    """Return whether this system has what warm workers stand on."""
    return sys.platform != "win32"
