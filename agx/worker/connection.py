"""One worker's life, as seen from an event loop: its requests, their replies, its death."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Self

from agx.errors import AgxError, DeadlineExceeded, UsageError, WorkerDied, from_dict
from agx.worker.channel import Channel, Death
from agx.worker.deaths import Deaths, worker_died
from agx.worker.protocol import LOAD_ID, Frame

# The worker keeps the deadline itself; this is how much later we stop waiting for it.
DEADLINE_GRACE_SECS = 0.1
# How long a worker may go on with requests that were all cancelled before it is killed.
CANCEL_GRACE_SECS = 2.0
# How long it may say nothing while it works on others, too: a cancellation does not abort their batch.
SILENCE_SECS = 30.0
CLOSE_SECS = 1.0


class NotBegun(Exception):
    """The worker ended before it began this request, which may be made again. Holds the death."""

    def __init__(self, error: WorkerDied) -> None:
        super().__init__(str(error))
        self.error = error


_Outcome = Frame | AgxError | NotBegun


@dataclass(slots=True)
class _Pending:
    """A request whose reply has not ended. Nobody listens any more once it `is_left`."""

    request: Frame
    replies: asyncio.Queue[_Outcome] = field(default_factory=asyncio.Queue)
    is_left: bool = False

    def put(self, reply: _Outcome) -> None:
        if not self.is_left:
            self.replies.put_nowait(reply)


class Replies:
    """The replies to one request. Leaving it as a context manager cancels what has not ended."""

    def __init__(self, pending: _Pending, *, deadline_at: float | None, leave: Callable[[], None]) -> None:
        self._pending = pending
        self._deadline_at = None if deadline_at is None else deadline_at + DEADLINE_GRACE_SECS
        self._leave = leave

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    async def next(self) -> Frame:
        """Wait for the next reply, the last of which is `done`.

        Raises the error that the reply ends with, `DeadlineExceeded` when the worker does not keep the
        deadline, and `NotBegun`.
        """
        try:
            async with asyncio.timeout_at(self._deadline_at):
                reply = await self._pending.replies.get()
        except TimeoutError:
            raise DeadlineExceeded(
                "the time limit of the request ran out",
                hint="allow more time, or use a smaller model or a faster device",
            ) from None
        if isinstance(reply, Exception):
            raise reply
        return reply


class Connection:
    """Speaks with one worker. Belongs to the event loop that it was made in.

    `load_request` names the model and its file for `deaths`, which learns what the worker died of.
    `on_progress` is called with how much of the weights has been read, from 0 to 1.
    """

    def __init__(
        self,
        process: Channel,
        *,
        load_request: Frame,
        deaths: Deaths,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        self.hello: Frame = {}
        self._on_progress = on_progress
        self.stage = "loading"
        self._process = process
        self._deaths = deaths
        self._loop = asyncio.get_running_loop()
        self._ids = count(LOAD_ID + 1)
        self._active_ids: frozenset[int] = frozenset({LOAD_ID})
        self._heard_at = self._loop.time()
        self._pending = {LOAD_ID: _Pending(load_request)}
        self._load_reply: Frame | AgxError | None = None
        self._is_loaded = asyncio.Event()
        self._is_dead = asyncio.Event()
        self._was_stopped = False
        process.listen(self)

    def __repr__(self) -> str:
        return f"<Connection to {self._process!r}, stage {self.stage}, {len(self._pending)} pending>"

    @property
    def is_usable(self) -> bool:
        """Whether requests may still be sent."""
        is_gone = self._was_stopped or self._process.death is not None
        return not is_gone and not isinstance(self._load_reply, AgxError)

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that the worker logged."""
        return self._process.log

    async def loaded(self) -> Frame:
        """Wait for the model, and return the reply to its load; raises why it could not be loaded."""
        await self._is_loaded.wait()
        assert self._load_reply is not None, "set together with the event"
        if isinstance(self._load_reply, AgxError):
            raise self._load_reply
        return self._load_reply

    def send(self, request: Frame, *, deadline_at: float | None) -> Replies:
        """Send a request, and return its replies.

        `deadline_at` is in seconds of the event loop's clock. Raises `FrameError` for a request that no
        frame can hold.
        """
        request_id = next(self._ids)
        remaining_secs = None if deadline_at is None else max(0.0, deadline_at - self._loop.time())
        self._process.send({**request, "id": request_id, "deadline_secs": remaining_secs})
        pending = self._pending[request_id] = _Pending(request)
        return Replies(pending, deadline_at=deadline_at, leave=partial(self._leave, request_id))

    def stop(self) -> None:
        """Kill the worker now. What it was doing is not blamed on its input."""
        self._was_stopped = True
        self._process.kill()

    async def aclose(self) -> None:
        """Ask the worker to leave; kill it after a second, or when this wait is cancelled."""
        self._was_stopped = True
        for request_id in list(self._pending):
            self._finish(request_id, UsageError("the backend was closed before it was done"))
        self._process.close()
        try:
            async with asyncio.timeout(CLOSE_SECS):
                await self._is_dead.wait()
        except TimeoutError:
            self._process.kill()
            await self._is_dead.wait()
        finally:
            self._process.kill()

    def heard(self, frames: list[Frame]) -> None:
        """Pass frames from the reading thread to the event loop."""
        self._in_loop(partial(self._take, frames))

    def died(self, death: Death) -> None:
        """Pass the death from the reading thread to the event loop."""
        self._in_loop(partial(self._bury, death))

    def _in_loop(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            # The loop was closed without `aclose`: nothing waits for this worker any more.
            self._process.kill()

    def _take(self, frames: list[Frame]) -> None:
        self._heard_at = self._loop.time()
        for frame in frames:
            match frame["event"]:
                case "hello":
                    self.hello = frame
                case "stage":
                    self.stage, self._active_ids = frame["stage"], frozenset(frame["ids"])
                case "chunk" if pending := self._pending.get(frame["id"]):
                    pending.put(frame)
                case "progress" if self._on_progress is not None:
                    self._on_progress(frame["fraction"])
                case "done":
                    self._finish(frame["id"], frame)
                case "error":
                    self._finish(frame["id"], from_dict(frame["error"]))

    def _finish(self, request_id: int, outcome: _Outcome) -> None:
        """End a request: its outcome goes to what waits for it."""
        pending = self._pending.pop(request_id, None)
        if pending is None:
            return
        pending.put(outcome)
        if not isinstance(outcome, NotBegun | WorkerDied):
            self._deaths.forgive(pending.request)
        if request_id == LOAD_ID:
            assert not isinstance(outcome, NotBegun), "the load is begun from the start"
            self._load_reply = outcome
            self._is_loaded.set()

    def _bury(self, death: Death) -> None:
        """End all requests. The death is blamed on those that were begun: any of them may be its cause."""
        if not self._was_stopped:
            for request_id in self._active_ids & self._pending.keys():
                self._deaths.blame(self._pending[request_id].request, worker_died(death, stage=self.stage))
        for request_id in list(self._pending):
            error = worker_died(death, stage=self.stage)
            is_begun = request_id in self._active_ids
            may_repeat = self.stage == "idle" or (self._was_stopped and not is_begun)
            self._finish(request_id, NotBegun(error) if may_repeat else error)
        self._is_dead.set()

    def _leave(self, request_id: int) -> None:
        """Stop listening to a request: one that has not ended is cancelled, and the worker watched."""
        pending = self._pending.get(request_id)
        if pending is None or not self.is_usable:
            return
        pending.is_left = True
        self._process.send({"id": next(self._ids), "op": "cancel", "target": request_id})
        self._loop.call_later(CANCEL_GRACE_SECS, self._stop_if_stuck, request_id)

    def _stop_if_stuck(self, request_id: int) -> None:
        """Kill a worker that does not end a cancelled request, unless it goes on with others."""
        if request_id not in self._active_ids & self._pending.keys():
            return
        others = (self._pending.get(each) for each in self._active_ids)
        is_alone = all(each is None or each.is_left for each in others)
        if is_alone or self._loop.time() - self._heard_at > SILENCE_SECS:
            self.stop()
        else:
            self._loop.call_later(CANCEL_GRACE_SECS, self._stop_if_stuck, request_id)
