"""Starting, listing and ending warm workers: what `agx up`, `agx ps` and `agx down` do."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agx.errors import MachineError, ModelMissing, Unsupported, WorkerDied, from_dict
from agx.requests import LoadRequest
from agx.worker.protocol import LOAD_ID, Frame, FrameError, encode
from agx.worker.starting import python_executable, worker_environment
from agx.worker.warm import places
from agx.worker.warm.connect import Conversation, hang_up, meet
from agx.worker.warm.identity import identity, name_of

if TYPE_CHECKING:
    import socket

# How long a keeper that has the lock may take until it answers, or until it is gone.
PATIENCE_SECS = 10.0
_PAUSE_SECS = 0.02


def bring_up(
    load: LoadRequest,
    folder: Path,
    *,
    keep_alive_secs: float,
    on_progress: Callable[[float], None] | None = None,
) -> Frame:
    """Start a warm worker, or find the one that is there, and return its status once it is loaded.

    `keep_alive_secs` is how long it stays without requests, 0 until it is told to leave; it also holds for a
    worker that is there already. `on_progress` is called with how much of the weights has been read, from
    0 to 1. Raises why the model cannot be loaded, `Unsupported` on a system without what this needs, and
    `StorageError` for a folder that cannot be used.
    """
    check_supported()
    places.make_private(folder)
    facts = identity(load)
    if facts is None:
        raise ModelMissing(f"there is no model file {load.model}", hint="give the path of a GGUF file")
    path = folder / (name_of(facts) + places.SOCKET_SUFFIX)
    with _reached(path, lambda: _start(load, facts, folder, keep_alive_secs)) as keeper:
        try:
            keeper.ask({"op": "load"}, on_progress=on_progress)
        except KeyboardInterrupt:
            keeper.ask({"op": "leave"})
            raise
        keeper.ask({"op": "keep", "keep_alive_secs": keep_alive_secs})
        return keeper.status()


def workers(folder: Path) -> list[Frame]:
    """Return the status of every warm worker; what killed ones have left behind is taken away."""
    found: list[Frame] = []
    for path in _live_sockets(folder):
        with _known(path) as keeper:
            if keeper is not None:
                found.append({**keeper.status(), "socket": str(path)})
    return found


def take_down(status: Frame) -> None:
    """End a worker that `workers` has listed, and wait until it is gone; raises `MachineError`."""
    path = Path(status["socket"])
    with _known(path) as keeper:
        if keeper is not None:
            keeper.ask({"op": "leave"})
    until = time.monotonic() + PATIENCE_SECS
    while places.Place(path).is_taken():
        if time.monotonic() > until:
            raise MachineError(
                f"the worker of {status['model']} does not leave",
                hint=f"end the process {status['keeper_pid']} yourself",
            )
        time.sleep(_PAUSE_SECS)


def check_supported() -> None:
    """Raise `Unsupported` on a system that warm workers do not work on."""
    if not places.is_supported():
        raise Unsupported(
            "workers that stay loaded need Unix sockets, which this system does not give to Python",
            hint="plan without `agx up`: each plan loads the model itself",
        )


class _Keeper:
    """A conversation with a keeper: one question after the other."""

    def __init__(self, connection: socket.socket, log: Path) -> None:
        self._connection = connection
        self._conversation = Conversation(connection)
        self._log = log
        self._last_id = LOAD_ID

    def ask(self, request: Frame, *, on_progress: Callable[[float], None] | None = None) -> Frame:
        """Return the reply to a request; raises the error that it ends with, and `WorkerDied`."""
        self._last_id += 1
        try:
            self._connection.sendall(encode({**request, "id": self._last_id}))
            while True:
                frame = self._conversation.next()
                match frame["event"]:
                    case "done" if frame["id"] == self._last_id:
                        return frame
                    case "error" if frame["id"] == self._last_id:
                        raise from_dict(frame["error"])
                    case "progress" if on_progress is not None:
                        on_progress(frame["fraction"])
        except (OSError, EOFError, FrameError) as error:
            hint = f"read its log: {self._log}"
            raise WorkerDied("the worker ended before it answered", hint=hint) from error

    def status(self) -> Frame:
        """Return its status."""
        found: Frame = self.ask({"op": "status"})["status"]
        return found


@contextmanager
def _reached(path: Path, start: Callable[[], bool]) -> Iterator[_Keeper]:
    """Yield a conversation with the keeper at this socket, which `start` starts where there is none."""
    until = time.monotonic() + PATIENCE_SECS
    while (met := meet(path)) is None:
        # Another may have the lock: it is about to listen, or to leave.
        if not start() and time.monotonic() > until:
            raise MachineError(
                "another process holds the lock of this worker, and does not answer",
                hint=f"see who has {path.with_suffix('.lock')} open, and end it",
            )
        time.sleep(_PAUSE_SECS)
    try:
        yield _Keeper(met[0], path.parent / places.LOG_NAME)
    finally:
        hang_up(met[0])


@contextmanager
def _known(path: Path) -> Iterator[_Keeper | None]:
    """Yield a conversation with the keeper at this socket, or None where nobody answers."""
    met = meet(path)
    if met is None:
        places.clear_if_stale(path)
        yield None
        return
    try:
        yield _Keeper(met[0], path.parent / places.LOG_NAME)
    finally:
        hang_up(met[0])


def _live_sockets(folder: Path) -> list[Path]:
    return places.sockets(folder) if places.is_supported() and places.is_private(folder) else []


def _start(load: LoadRequest, facts: Frame, folder: Path, keep_alive_secs: float) -> bool:
    """Start a keeper, and return whether it listens: not where another one has the lock.

    Raises what keeps it from starting.
    """
    order = {
        "load": load.absolute().as_dict(),
        "identity": facts,
        "name": name_of(facts),
        "folder": str(folder),
        "keep_alive_secs": keep_alive_secs,
    }
    log = places.open_log(folder)
    try:
        done = subprocess.run(
            [python_executable(), "-P", "-m", "agx.worker.warm"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=log,
            env=worker_environment(),
            start_new_session=True,
            check=False,
        )
        report: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError) as error:
        raise MachineError(
            "the worker could not be started in the background",
            hint=f"read its log: {folder / places.LOG_NAME}",
        ) from error
    finally:
        os.close(log)
    if "error" in report:
        raise from_dict(report["error"])
    return bool(report["state"] == "listening")
