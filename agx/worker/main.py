"""The worker process: pipes and signals first, then one thread that reads and one for the engine.

The main thread reads requests, so a cancellation acts while the engine thread is inside llama.cpp,
and the end of the input ends the process at once. The engine thread has a large stack, because
`std::regex`, which some tokenizers use, recurses once a character.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from agx.worker.inbox import Inbox
from agx.worker.protocol import Frame, FrameReader, encode
from agx.worker.watchdog import die_with_parent, leave

if TYPE_CHECKING:
    from agx.engine.loop import Engine

ENGINE_STACK_BYTES = 64 << 20
READ_BYTES = 1 << 16
EXIT_INTERNAL = 70


def main() -> None:
    """Serve until the input ends. Arguments: the parent's id, and 1 if its main thread started us."""
    # Collecting garbage while importing and loading takes a tenth of the start and finds nothing.
    gc.disable()
    requests, replies = take_standard_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _forbid_core_files()
    die_with_parent(int(sys.argv[1]), started_by_main_thread=sys.argv[2] == "1")
    inbox = Inbox()
    desk = _Desk(inbox)
    threading.stack_size(ENGINE_STACK_BYTES)
    threading.Thread(target=desk.work, args=(replies,), name="agx-engine", daemon=True).start()
    threading.stack_size(0)
    _run_or_leave(lambda: desk.receive(requests))


def take_standard_pipes() -> tuple[int, int]:
    """Move standard input and output to private descriptors, and return those.

    Afterwards descriptor 0 is empty and 1 goes where 2 goes, so no library can read requests or
    write into the replies.
    """
    requests, replies = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    return requests, replies


class _Desk:
    """What both threads share: the inbox, and the engine as soon as there is one."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._engine: Engine | None = None

    def receive(self, requests: int) -> None:
        """Read requests until the input ends, then end the process."""
        reader = FrameReader()
        while data := os.read(requests, READ_BYTES):
            for frame in reader.feed(data):
                self._sort(frame)
        leave()

    def work(self, replies: int) -> None:
        """Run the engine for ever."""
        _run_or_leave(lambda: self._serve(_writer(replies)))

    def _serve(self, send: Callable[[list[Frame]], None]) -> None:
        # Heavy, and imports llama.cpp: here, while the main thread already reads the load request.
        from agx.engine import native  # noqa: PLC0415
        from agx.engine.loop import Engine  # noqa: PLC0415
        from agx.worker.service import Service, hello  # noqa: PLC0415

        native.log.sink = _log
        self._engine = Engine()
        send([hello()])
        service = Service(self._engine, inbox=self._inbox, send=send)
        # The first request is the load. What it has made stays, and need not be gone through again.
        service.turn()
        gc.freeze()
        gc.enable()
        while True:
            service.turn()

    def _sort(self, frame: Frame) -> None:
        match frame["op"]:
            case "cancel":
                self._inbox.cancel(frame["target"])
                if self._engine is not None:
                    self._engine.cancel(frame["target"])
            case _:
                self._inbox.put(frame)


def _run_or_leave(work: Callable[[], None]) -> None:
    """Do a thread's work; whatever goes wrong unforeseen ends the whole process, with a log line."""
    try:
        work()
    except BrokenPipeError:
        leave()
    except BaseException:  # noqa: BLE001  half a worker would leave its parent waiting for ever
        import traceback  # noqa: PLC0415  a worker that is well does without it

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(EXIT_INTERNAL)


def _log(line: str) -> None:
    """Pass a line of llama.cpp's log to the parent at once: it may be the last one."""
    os.write(2, line.encode("utf-8", "replace") + b"\n")


def _writer(replies: int) -> Callable[[list[Frame]], None]:
    def send(frames: list[Frame]) -> None:
        data = memoryview(b"".join(map(encode, frames)))
        while data:
            data = data[os.write(replies, data) :]

    return send


def _forbid_core_files() -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  not on Windows

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
