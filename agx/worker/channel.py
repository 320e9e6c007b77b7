"""Frames to a worker and back, by threads: over the pipes of a process, or over a socket.

This module imports neither asyncio nor pydantic, so a program can reach its worker before anything else
and import the rest while the model loads. Threads do the reading and the writing: they work under every
event loop and before there is one, and a worker that stops reading never blocks the caller.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import IO, NamedTuple, Protocol

from agx.requests import LoadRequest
from agx.worker.protocol import Frame, FrameError, FrameReader, encode

READ_BYTES = 1 << 16


class Death(NamedTuple):
    """How a worker ended: by which signal, else with which exit code, and its last log line.

    Both are None for a worker of `agx up` that is out of reach: nobody is left to say.
    """

    signal: str | None
    exit_code: int | None
    last_log_line: str


class Listener(Protocol):
    """Who hears a worker. Both are called in the reading thread, `died` once and last."""

    def heard(self, frames: list[Frame]) -> None:
        """Take the next frames."""

    def died(self, death: Death) -> None:
        """Take the news that the worker has ended."""


class Channel(ABC):
    """A way to a worker that was started for `load`.

    Everything here returns at once and may be called from any thread. A subclass calls `_open` when it is
    complete.
    """

    # Whether others use the worker, too: it does not end with its channel.
    is_shared = False

    def __init__(self, load: LoadRequest) -> None:
        self.load = load
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._listener: Listener | None = None
        self._unheard: list[Frame] = []
        self._death: Death | None = None

    @property
    @abstractmethod
    def pid(self) -> int:
        """The id of the process at the other end."""

    @property
    @abstractmethod
    def log(self) -> tuple[str, ...]:
        """The last lines that the worker logged, as far as they come through this channel."""

    @abstractmethod
    def kill(self) -> None:
        """End the channel now, and the worker where it is nobody else's."""

    @property
    def death(self) -> Death | None:
        """How it ended, or None while it runs."""
        return self._death

    def send(self, frame: Frame) -> None:
        """Send a frame; raises `FrameError`. A worker that has ended takes it and says nothing."""
        self._outbox.put(encode(frame))

    def listen(self, listener: Listener) -> None:
        """Tell `listener` what has been heard so far and, from now on, whatever comes."""
        with self._lock:
            self._listener = listener
            if self._unheard:
                listener.heard(self._unheard)
            self._unheard = []
            if self._death is not None:
                listener.died(self._death)

    def close(self) -> None:
        """Say that nothing more is sent, which ends the worker where it is nobody else's."""
        self._outbox.put(None)

    def _open(self, source: IO[bytes], sink: IO[bytes]) -> None:
        """Read frames from `source` and write to `sink` from now on."""
        start_thread(lambda: self._write(sink), "writer")
        start_thread(lambda: self._read(source), "reader")

    @abstractmethod
    def _ended(self, problem: str) -> Death:
        """Return how the worker ended, once its frames have; `problem` is what is wrong with them."""

    def _write(self, sink: IO[bytes]) -> None:
        # Where the worker is gone, the reading thread sees that, too, and says how.
        with suppress(BrokenPipeError, ConnectionError), sink:
            while (data := self._outbox.get()) is not None:
                sink.write(data)
                sink.flush()

    def _read(self, source: IO[bytes]) -> None:
        reader, problem = FrameReader(), ""
        with source:
            try:
                while data := os.read(source.fileno(), READ_BYTES):
                    self._deliver(reader.feed(data))
            except FrameError as error:
                problem = f"the worker wrote what is no frame: {error}"
            except ConnectionError as error:
                problem = f"the connection to the worker broke: {error.strerror}"
        self._outbox.put(None)
        death = self._ended(problem)
        with self._lock:
            self._death = death
            if self._listener is not None:
                self._listener.died(death)

    def _deliver(self, frames: list[Frame]) -> None:
        with self._lock:
            if self._listener is None:
                self._unheard += frames
            elif frames:
                self._listener.heard(frames)


def start_thread(target: Callable[[], None], name: str) -> threading.Thread:
    """Start a thread that does not keep the program from ending."""
    thread = threading.Thread(target=target, name=f"agx-worker-{name}", daemon=True)
    thread.start()
    return thread
