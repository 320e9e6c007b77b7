"""The process that keeps a warm worker: it outlives the terminal, and answers at a Unix socket.

It holds no native code. The worker is its child, as that of any program, and dies with it; the keeper
outlives the worker, can say what that died of, and starts another one for the next request. It reads its
order from standard input, says on standard output whether it listens, and ends after a time without
requests, on `leave` or SIGTERM. Interrupts, and the end of whoever started it, are not its business.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from agx.errors import AgxError, StorageError
from agx.worker.protocol import Frame
from agx.worker.warm.connect import is_own_user
from agx.worker.warm.kept import Kept
from agx.worker.warm.places import SOCKET_SUFFIX, Place, address
from agx.worker.warm.visitor import Visitor

_STDOUT = 1
# Only the user may reach the socket, from the moment that it has a name.
_SOCKET_UMASK = 0o177


def main() -> None:
    """Keep one worker.

    The order on standard input is JSON: `load`, its `identity`, the `folder` and the `name` of the socket,
    and `keep_alive_secs`.
    """
    order = json.load(sys.stdin)
    if os.fork() > 0:
        os._exit(0)  # who started us need not wait for us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    place = Place(Path(order["folder"]) / (order["name"] + SOCKET_SUFFIX))
    try:
        if not place.take():
            _tell({"state": "taken"})
            return
        try:
            listener = _listen(place.socket)
            _tell({"state": "listening"})
            asyncio.run(_keep(order, place=place, listener=listener))
        finally:
            place.leave()
    except OSError as error:
        problem = f"the worker's socket {place.socket} cannot be made: {error.strerror}"
        _tell({"error": StorageError(problem, hint="set AGX_HOME to another folder").as_dict()})
    except AgxError as error:
        _tell({"error": error.as_dict()})


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_SOCKET_UMASK)
    try:
        with address(path) as name:
            listener.bind(name)
    finally:
        os.umask(before)
    listener.listen()
    return listener


def _tell(report: Frame) -> None:
    """Say once what has become of the order, and end standard output, for whose end somebody waits."""
    if sys.stdout.closed:
        return
    with sys.stdout as told:
        json.dump(report, told)
    empty = os.open(os.devnull, os.O_WRONLY)
    os.dup2(empty, _STDOUT)
    os.close(empty)


async def _keep(order: Frame, *, place: Place, listener: socket.socket) -> None:
    """Load the model, and answer until it is time to leave."""
    kept = Kept(order)
    visitors: set[Visitor] = set()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection: Any = writer.get_extra_info("socket")
        if kept.is_leaving or not is_own_user(connection):
            writer.close()
            return
        visitor = Visitor(kept, reader, writer)
        visitors.add(visitor)
        try:
            await visitor.serve()
        finally:
            visitors.discard(visitor)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, kept.leave)
    server = await asyncio.start_unix_server(visit, sock=listener)
    try:
        await kept.until_unused()
    finally:
        server.close()
        place.hide()  # no program finds it from here on
        for visitor in tuple(visitors):
            visitor.end()
        await kept.client.aclose()
        kept.log("ended")
