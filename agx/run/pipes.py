"""Moving bytes between descriptors, without threads: they are counted, and never accumulated.

Our own pipes do not block, so one event loop serves a chain of processes, its time limits and an interrupt.
Memory holds one chunk for each pipe.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

CHUNK_BYTES = 1 << 16


class Descriptor:
    """A descriptor that we own, which is closed once."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"<Descriptor {self.number if self.number >= 0 else 'closed'}>"

    def close(self) -> None:
        """Close it; a second call does nothing."""
        number, self.number = self.number, -1
        if number >= 0:
            os.close(number)


def pipe() -> tuple[Descriptor, Descriptor]:
    """Return the reading and the writing end of a new pipe."""
    reading, writing = os.pipe()
    return Descriptor(reading), Descriptor(writing)


class Sink(Protocol):
    """Where an output goes."""

    async def write(self, data: bytes) -> bool:
        """Take all of the data; False where it has no reader any more."""
        ...

    def close(self) -> None:
        """End the output; a second call does nothing."""
        ...


class Flow:
    """An output on its way from our end of a pipe to a sink."""

    def __init__(self, source: Descriptor, sink: Sink) -> None:
        os.set_blocking(source.number, False)
        self._source = source
        self._sink = sink
        self._num_bytes = 0
        self.reader_left = False

    def num_bytes(self) -> int:
        """Return the number of bytes read from the pipe."""
        return self._num_bytes

    async def run(self) -> None:
        """Move everything until the writers have closed their end, or the sink's reader has left.

        Then, and when cancelled, our end is closed, so that a writer's next write fails.
        """
        try:
            while data := await self._read():
                self._num_bytes += len(data)
                if not await self._sink.write(data):
                    self.reader_left = True
                    return
        finally:
            self._source.close()

    def finish(self) -> None:
        """End the output of the sink."""
        self._sink.close()

    async def _read(self) -> bytes:
        while True:
            await _ready(self._source.number, for_reading=True)
            with suppress(BlockingIOError):
                return os.read(self._source.number, CHUNK_BYTES)


class PipeSink:
    """The writing end of one of our pipes."""

    def __init__(self, target: Descriptor) -> None:
        os.set_blocking(target.number, False)
        self._target = target
        self._num_bytes = 0

    def num_bytes(self) -> int:
        """Return the number of bytes written to the pipe."""
        return self._num_bytes

    async def write(self, data: bytes) -> bool:
        """Write all of it, as the reader makes room."""
        rest = memoryview(data)
        while rest:
            try:
                written = os.write(self._target.number, rest)
            except BlockingIOError:
                await _ready(self._target.number, for_reading=False)
            except BrokenPipeError:
                return False
            else:
                self._num_bytes += written
                rest = rest[written:]
        return True

    def close(self) -> None:
        """Close it: the reader then reaches the end."""
        self._target.close()


class Tail:
    """A sink that keeps the end of an output; `tell` is called with all of it."""

    def __init__(self, max_bytes: int, *, tell: Callable[[bytes], None] | None) -> None:
        self._max_bytes = max_bytes
        self._tell = tell
        self._kept = bytearray()

    @property
    def kept(self) -> bytes:
        """The last bytes."""
        return bytes(self._kept)

    async def write(self, data: bytes) -> bool:
        """Keep the last `max_bytes`."""
        self._kept += data
        del self._kept[: -self._max_bytes]
        if self._tell is not None:
            self._tell(data)
        return True

    def close(self) -> None:
        """Do nothing: the kept part stays available."""


class Outlet:
    """A descriptor that we do not own, such as standard output; it stays blocking, since others use it too.

    It is written in pieces that a ready pipe takes at once, so a slow reader holds up neither a time limit
    nor an interrupt.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._can_wait = True

    async def write(self, data: bytes) -> bool:
        """Write all of it; False where it has no reader any more. Raises `OSError`."""
        rest = memoryview(data)
        while rest:
            await self._until_ready()
            try:
                rest = rest[os.write(self._number, rest[: select.PIPE_BUF]) :]
            except BlockingIOError:  # its owner has made it non-blocking
                continue
            except BrokenPipeError:
                return False
        return True

    async def _until_ready(self) -> None:
        if self._can_wait:
            try:
                await _ready(self._number, for_reading=False)
            except PermissionError:  # a file is always ready, and cannot be waited for
                self._can_wait = False


async def _ready(number: int, *, for_reading: bool) -> None:
    """Wait until a descriptor can be read or written without blocking, or is at its end."""
    loop = asyncio.get_running_loop()
    add, remove = (
        (loop.add_reader, loop.remove_reader) if for_reading else (loop.add_writer, loop.remove_writer)
    )
    ready: asyncio.Future[None] = loop.create_future()
    add(number, _wake, ready)
    try:
        await ready
    finally:
        remove(number)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
