"""The worker as its users see it: always there, whatever happens to the processes behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from agx.errors import DeadlineExceeded, UsageError
from agx.requests import LoadRequest
from agx.worker.channel import Channel
from agx.worker.company import Company
from agx.worker.connection import Connection, NotBegun, Replies
from agx.worker.deaths import Deaths
from agx.worker.protocol import Frame, FrameError, load_frame
from agx.worker.reach import reach_worker


class WorkerClient:
    """Keeps one model loaded in a worker. Starts the worker when it is needed and after each death.

    It belongs to the event loop of its first use. `process` is a worker that has been started
    beforehand with `agx.worker.process.spawn`; one that loads something else is closed and not used. In
    `warm_dir` lie the sockets of the workers that `agx up` keeps: one that fits is used instead of a new one.
    `on_progress` is called in the event loop with how much of the weights has been read, from 0 to 1.
    """

    def __init__(
        self,
        load: LoadRequest,
        *,
        process: Channel | None = None,
        warm_dir: Path | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        self._load = load.absolute()
        self._warm_dir = warm_dir
        self._on_progress = on_progress
        self._deaths = Deaths()
        self._company = Company()
        self._connection: Connection | None = None
        self._is_closed = False
        if process is not None and process.load != self._load:
            process.close()
            process = None
        self._spawned = process

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else repr(self._connection or self._spawned or "not started")
        return f"<WorkerClient for {self._load.model}: {state}>"

    @property
    def stage(self) -> str:
        """What the worker is doing: loading, idle, prefill, generating; "stopped" without a worker."""
        is_there = self._connection is not None and self._connection.is_usable
        return self._connection.stage if self._connection and is_there else "stopped"

    @property
    def hello(self) -> Frame:
        """What the worker said of itself, empty before that."""
        return self._connection.hello if self._connection else {}

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that the worker logged."""
        return self._connection.log if self._connection else ()

    def start(self) -> None:
        """Start the worker where there is none, and return at once.

        Raises `WorkerDied` for a model that has ended its worker twice, and `UsageError` when the
        client is closed.
        """
        self._connect()

    async def loaded(self) -> Frame:
        """Return the reply to the load (`model`, `timings_ms`); raises why there is none."""
        return await self._connect().loaded()

    async def stream(
        self, request: Frame, *, deadline_secs: float | None = None
    ) -> AsyncGenerator[Frame, None]:
        """Send a request (`op` and its fields) and yield its replies, the last one being `done`.

        Leaving early cancels it. The deadline counts from the call. Raises the error that the worker
        answers with, `WorkerDied`, `DeadlineExceeded` and, for what is too large, `UsageError`.
        """
        now = asyncio.get_running_loop().time()
        deadline_at = None if deadline_secs is None else now + deadline_secs
        await self._enter(request, deadline_at=deadline_at)
        try:
            async with aclosing(self._replies(request, deadline_at=deadline_at)) as replies:
                async for frame in replies:
                    yield frame
        finally:
            self._company.leave()

    async def _enter(self, request: Frame, *, deadline_at: float | None) -> None:
        """Wait while a request that may have ended a worker is at work, or is this one and others are."""
        try:
            async with asyncio.timeout_at(deadline_at):
                await self._company.enter(alone=self._is_suspect(request))
        except TimeoutError:
            raise DeadlineExceeded(
                "the time limit of the request ran out while another one had the worker for itself",
                hint="allow more time",
            ) from None

    async def _replies(self, request: Frame, *, deadline_at: float | None) -> AsyncGenerator[Frame, None]:
        for is_last in (False, True):
            try:
                with self._send(request, deadline_at=deadline_at) as replies:
                    is_finished = False
                    while not is_finished:
                        frame = await replies.next()
                        is_finished = frame["event"] == "done"
                        yield frame
            except NotBegun as lost:  # its worker went first: another one may begin it
                if is_last:
                    raise lost.error from None
            else:
                return

    async def call(self, request: Frame) -> Frame:
        """Send a request that has one reply, and return the reply."""
        async with aclosing(self.stream(request)) as replies:
            return await anext(replies)

    async def aclose(self) -> None:
        """End the worker, within about a second; safe to call twice and to cancel."""
        self._is_closed = True
        spawned, self._spawned = self._spawned, None
        if spawned is not None:
            spawned.kill()
        if self._connection is not None:
            await self._connection.aclose()

    def _is_suspect(self, request: Frame) -> bool:
        try:
            return self._deaths.is_suspect(request)
        except FrameError:  # it cannot be sent, which `_send` says
            return False

    def _send(self, request: Frame, *, deadline_at: float | None) -> Replies:
        try:
            self._deaths.check(request)
            return self._connect().send(request, deadline_at=deadline_at)
        except FrameError as error:
            raise UsageError(f"the request cannot be sent: {error}", hint="make it smaller") from error

    def _connect(self) -> Connection:
        if self._is_closed:
            raise UsageError("the backend is closed", hint="make a new one")
        if self._connection is None or not self._connection.is_usable:
            load_request = self._load_request()
            self._deaths.check(load_request)
            if self._connection is not None:
                self._connection.stop()
            process = self._spawned or reach_worker(self._load, self._warm_dir)
            self._spawned = None
            self._connection = Connection(
                process, load_request=load_request, deaths=self._deaths, on_progress=self._on_progress
            )
        return self._connection

    def _load_request(self) -> Frame:
        """Name the model by its file's size and time, too: a repaired file is another input."""
        path = Path(self._load.model)
        status = path.stat() if path.exists() else None
        version = [status.st_size, status.st_mtime_ns] if status else []
        return {**load_frame(self._load), "version": version}
