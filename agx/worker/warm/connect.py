"""How a program reaches a warm worker that fits: quickly, and without a word where there is none."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from agx.errors import AgxError
from agx.requests import LoadRequest
from agx.worker.channel import READ_BYTES, Channel, Death
from agx.worker.protocol import IDLE, Frame, FrameError, FrameReader
from agx.worker.warm.identity import identity, name_of
from agx.worker.warm.places import SOCKET_SUFFIX, address, is_private, is_supported, sockets

if TYPE_CHECKING:
    import socket

# How long a keeper may take to greet. One that is stopped or swapped out is not waited for.
GREETING_SECS = 1.0


class WarmWorker(Channel):
    """A worker that `agx up` keeps, reached through its socket. Ending this leaves it as it is."""

    is_shared = True

    def __init__(self, connection: socket.socket, load: LoadRequest, greeting: Frame) -> None:
        super().__init__(load)
        self._connection = connection
        self._keeper_pid = int(greeting["pid"])
        # What a worker of this program's own would have said by the time that it is loaded.
        self._unheard = [greeting["hello"], greeting["loaded"], IDLE]
        self._open(connection.makefile("rb"), connection.makefile("wb"))

    def __repr__(self) -> str:
        return f"<WarmWorker kept by pid={self.pid} {'running' if self.death is None else self.death}>"

    @property
    def pid(self) -> int:
        """The process id of the keeper."""
        return self._keeper_pid

    @property
    def log(self) -> tuple[str, ...]:
        """Nothing: its keeper writes the log."""
        return ()

    def kill(self) -> None:
        """Hang up; what was asked for and is not done is cancelled."""
        self._hang_up()
        super().close()

    def close(self) -> None:
        """Hang up."""
        self.kill()

    def _ended(self, problem: str) -> Death:
        self._hang_up()
        return Death(None, None, problem)

    def _hang_up(self) -> None:
        hang_up(self._connection)


def warm_worker(load: LoadRequest, folder: Path | None) -> WarmWorker | None:
    """Return the worker in this folder that is loaded as `load` asks, or None; raises nothing."""
    if folder is None or not is_supported() or not sockets(folder) or not is_private(folder):
        return None
    wanted = identity(load)
    if wanted is None:
        return None
    met = meet(folder / (name_of(wanted) + SOCKET_SUFFIX))
    if met is None:
        return None
    connection, greeting = met
    if greeting.get("identity") != wanted or not greeting.get("loaded"):
        hang_up(connection)
        return None
    return WarmWorker(connection, load.absolute(), greeting)


def meet(path: Path) -> tuple[socket.socket, Frame] | None:
    """Return a connection and the keeper's greeting; None where nobody of this user greets in time."""
    import socket  # noqa: PLC0415  the usual plan has no warm worker, and does without

    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(GREETING_SECS)
    try:
        with address(path) as name:
            connection.connect(name)
        if not is_own_user(connection):
            raise PermissionError("another user's socket")
        greeting = Conversation(connection).next()
    except (OSError, AgxError, FrameError, EOFError):
        hang_up(connection)
        return None
    connection.settimeout(None)
    return connection, greeting


def is_own_user(connection: socket.socket) -> bool:
    """Return whether the other end runs as this user.

    Where the system does not say, the folder keeps others out.
    """
    import socket  # noqa: PLC0415  as above
    import struct  # noqa: PLC0415  as above

    if not hasattr(socket, "SO_PEERCRED"):
        return True
    form = "3i"  # ucred: process, user, group
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(form))
    return bool(struct.unpack(form, found)[1] == os.getuid())


def hang_up(connection: socket.socket) -> None:
    """End a connection in both directions, whoever reads or writes; safe to call twice."""
    import socket  # noqa: PLC0415  as above

    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        connection.close()


class Conversation:
    """Frames from a socket, one by one, in this thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()

    def next(self) -> Frame:
        """Return the next frame; raises `EOFError`, `OSError` and `FrameError`."""
        while not self._frames:
            data = self._connection.recv(READ_BYTES)
            if not data:
                raise EOFError
            self._frames += self._reader.feed(data)
        return self._frames.popleft()
