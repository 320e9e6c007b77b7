"""One file, fetched by several connections; whatever ends a download, the next one continues it.

The missing bytes are cut into pieces, which connections take in order. A piece whose connection breaks
continues where it stopped: at once if bytes had arrived, after a wait if none had. A server without
ranges is read by one connection from the beginning, and bytes that are there already are skipped.

A task beside the connections hashes the bytes that are there without a gap, so the hash is ready soon
after the last byte. Another one saves the state every few seconds.

Every response names its version of the file. When the version changes, the download starts anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from typing import TypeVar, TypeVarTuple, Unpack

from agx.errors import AgxError, BackendUnreachable, ModelUnloadable, StorageError
from agx.models.fetch.http import Answer, HttpClient
from agx.models.fetch.part import Part
from agx.models.fetch.ranges import pieces
from agx.models.fetch.refusals import Lost
from agx.models.fetch.remote import Facts, Patience, Remote, look_up
from agx.models.fetch.watcher import Watcher

_T = TypeVar("_T")
_Args = TypeVarTuple("_Args")

MAX_CONNECTIONS = 16
LEAST_PIECE_BYTES = 4 << 20
MOST_PIECE_BYTES = 64 << 20
_BYTES_FOR_A_CONNECTION = 8 << 20  # a smaller rest is not worth another connection
_HASH_BYTES = 4 << 20
_MANY_BYTES = 256 << 10
_TICK_SECS = 0.2
_TICKS_TO_SAVE = 5
_MAX_STARTS = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    """The fetched file: its SHA-256 in hexadecimal, and the server's tag."""

    sha256: str
    tag: str


class _Changed(Exception):
    """A response has another version than the first one."""


class Download:
    """Fetches one file into its part. Use it once."""

    def __init__(  # noqa: PLR0913  what it works with
        self,
        http: HttpClient,
        remote: Remote,
        part: Part,
        *,
        connections: int,
        patience: Patience,
        watcher: Watcher,
    ) -> None:
        self._http = http
        self._remote = remote
        self._part = part
        self._watcher = watcher
        self._connections = connections
        self._patience = patience
        self._grown = asyncio.Event()

    async def run(self, facts: Facts) -> Fetched:
        """Fetch the missing bytes of the version in `facts`, or of a newer one.

        Raises `ModelUnloadable` where the content does not have the hub's hash, `StorageError` where the
        disk is full, and `BackendUnreachable` where the server sends nothing for too long.
        """
        for _ in range(_MAX_STARTS):
            if why := self._part.begin(facts.version):
                self._watcher.note(f"{why}: the download starts anew")
            try:
                digest = await self._fetch(facts)
            except _Changed:
                facts = await look_up(
                    self._http, self._remote, patience=self._patience, watcher=self._watcher
                )
                continue
            self._check_hash(facts, digest)
            return Fetched(digest, facts.version.tag)
        raise BackendUnreachable(f"{self._remote.place.label} changes all the time", hint="try again later")

    async def _fetch(self, facts: Facts) -> str:
        part, size = self._part, facts.version.size_bytes
        self._watcher.started(part.target.name, size_bytes=size, have_bytes=part.ranges.num_bytes)
        try:
            async with self._ticking():
                return await self._all(facts, size)
        finally:
            # What has arrived is saved, even when cancelled.
            with contextlib.suppress(OSError):
                part.save()
            self._watcher.finished()

    async def _all(self, facts: Facts, size: int | None) -> str:
        """Fetch all pieces and hash them; the first failure ends everything else."""
        done = asyncio.Event()

        async def fetch() -> None:
            if facts.has_ranges and size is not None:
                await self._pieces(facts, size)
            else:
                await self._stream(facts)
            done.set()
            self._grown.set()
            self._watcher.checking()

        try:
            async with asyncio.TaskGroup() as group:
                fetching = group.create_task(fetch())
                hashing = group.create_task(self._hash(done))
        except BaseExceptionGroup as group_error:
            raise _first(group_error) from None
        assert fetching.done()
        return hashing.result()

    async def _pieces(self, facts: Facts, size: int) -> None:
        missing = self._part.ranges.missing(size)
        num_bytes = sum(end - start for start, end in missing)
        connections = max(1, min(self._connections, ceil(num_bytes / _BYTES_FOR_A_CONNECTION)))
        piece_bytes = min(max(ceil(num_bytes / (4 * connections)), LEAST_PIECE_BYTES), MOST_PIECE_BYTES)
        todo = iter(pieces(missing, piece_bytes=piece_bytes))
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(self._take(todo, facts))

    async def _take(self, todo: Iterator[tuple[int, int]], facts: Facts) -> None:
        for start, end in todo:
            await self._piece(start, end, facts)

    async def _piece(self, start: int, end: int, facts: Facts) -> None:
        """Fetch the bytes from `start` up to `end`, with as many requests as needed."""
        failures = 0
        while start < end:
            before = start
            try:
                async with self._http.get(self._remote.place, start=start, end=end) as answer:
                    self._check_version(answer, facts, is_range=True)
                    async for data in answer.chunks:
                        start += self._add(start, data[: end - start])
                        if start == end:
                            return
                raise Lost("the server sent less than it said")  # noqa: TRY301  one way to try again
            except Lost as lost:
                failures = await self._wait(lost, failures, gained=start - before)

    async def _stream(self, facts: Facts) -> None:
        """Fetch the whole file from a server without ranges; bytes that are there are skipped."""
        failures = 0
        while True:
            before, at = self._part.ranges.prefix, 0
            try:
                async with self._http.get(self._remote.place) as answer:
                    self._check_version(answer, facts, is_range=False)
                    async for data in answer.chunks:
                        known = max(0, min(len(data), self._part.ranges.prefix - at))
                        at += known
                        at += self._add(at, data[known:])
                if facts.version.size_bytes in {None, at}:
                    return
                raise Lost("the server sent less than it said")  # noqa: TRY301  one way to try again
            except Lost as lost:
                failures = await self._wait(lost, failures, gained=self._part.ranges.prefix - before)

    def _add(self, offset: int, data: bytes) -> int:
        if data:
            self._part.write(offset, data)
            self._watcher.received(len(data))
            self._grown.set()
        return len(data)

    async def _wait(self, lost: Lost, failures: int, *, gained: int) -> int:
        """Wait after a failure, and return the failures in a row; a request that made progress is none."""
        failures = 0 if gained else failures + 1
        if gained >= _MANY_BYTES and not lost.wait_secs:
            return 0
        wait = self._patience.wait_secs(failures or 1, lost)
        self._watcher.waiting(lost.reason, wait_secs=wait)
        await asyncio.sleep(wait)
        return failures

    def _check_version(self, answer: Answer, facts: Facts, *, is_range: bool) -> None:
        sizes = {answer.size_bytes, facts.version.size_bytes} - {None}
        if answer.tag != facts.version.tag or len(sizes) > 1 or (is_range and not answer.is_range):
            raise _Changed

    async def _hash(self, done: asyncio.Event) -> str:
        """Hash the bytes that are there without a gap, and return the hash once all have arrived."""
        digest, at = hashlib.sha256(), 0
        while True:
            self._grown.clear()
            end = min(self._part.ranges.prefix, at + _HASH_BYTES)
            if end - at == _HASH_BYTES or (done.is_set() and end > at):
                try:
                    data = await _in_thread(self._part.read, at, end - at)
                except OSError as error:
                    raise StorageError(
                        f"{self._part.path} cannot be read: {error.strerror}", hint="look at the disk"
                    ) from error
                await _in_thread(digest.update, data)
                at = end
            elif done.is_set():
                return digest.hexdigest()
            else:
                await self._grown.wait()

    @asynccontextmanager
    async def _ticking(self) -> AsyncIterator[None]:
        """Tick the watcher, and save the state now and then."""

        async def tick() -> None:
            ticks = 0
            while True:
                await asyncio.sleep(_TICK_SECS)
                self._watcher.tick()
                ticks += 1
                if ticks % _TICKS_TO_SAVE == 0:
                    with contextlib.suppress(OSError):  # the next save may work, and the download goes on
                        await _in_thread(self._part.save)

        ticking = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking

    def _check_hash(self, facts: Facts, digest: str) -> None:
        if facts.sha256 is None or facts.sha256 == digest:
            return
        self._part.discard()
        raise ModelUnloadable(
            f"{self._remote.place.label} came damaged: its SHA-256 is {digest[:12]}…, and the hub says "
            f"{facts.sha256[:12]}…",
            hint="it was removed; fetch it again",
            sha256=digest,
            expected=facts.sha256,
        )


async def _in_thread(call: Callable[[Unpack[_Args]], _T], *arguments: *_Args) -> _T:
    """Return the result of a call in a thread, which has ended when this ends: it uses the part's file."""
    running = asyncio.ensure_future(asyncio.to_thread(call, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error to report of those in a group: one of ours, if there is one."""
    leaves = [_first(one) if isinstance(one, BaseExceptionGroup) else one for one in group.exceptions]
    ours = [error for error in leaves if isinstance(error, AgxError | _Changed)]
    return (ours or leaves)[0]
