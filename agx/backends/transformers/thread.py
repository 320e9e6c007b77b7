"""The thread that a model lives in: one piece of work after the other, while the event loop stays free."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from agx.errors import AgxError, BackendError, DeadlineExceeded, UsageError

_T = TypeVar("_T")
_CLOSE_SECS = 10.0
Work = Callable[[Callable[[], bool]], Iterator[_T]]


class _Job:
    """A piece of work, and what has come of it: items, and an error or None at the end."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.is_cancelled = False
        self.items: asyncio.Queue[tuple[Any, BaseException | None, bool]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def put(self, item: object, *, error: BaseException | None = None, is_last: bool = False) -> None:
        with suppress(RuntimeError):  # the event loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self.items.put_nowait, (item, error, is_last))


class WorkThread:
    """Does what it is given in order. It starts with the first piece of work; `on_end` is called in it last.

    It is no thread of an executor, since those are waited for when a program ends.
    """

    def __init__(self, *, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running: set[_Job] = set()
        self.is_closed = False

    async def results(
        self, work: Work[_T], *, deadline_secs: float | None = None
    ) -> AsyncGenerator[_T, None]:
        """Yield what a piece of work yields; closing the iterator ends it between two of its steps.

        The work is called with a function that says whether to go on. Raises its `AgxError`, `BackendError`
        for any other error, `DeadlineExceeded`, and `UsageError` after the end.
        """
        if self.is_closed:
            raise UsageError("the backend is closed", hint="make a new one")
        job = _Job(work)
        deadline_at = None if deadline_secs is None else asyncio.get_running_loop().time() + deadline_secs
        self._start(job)
        try:
            while True:
                async with asyncio.timeout_at(deadline_at):
                    item, error, is_last = await job.items.get()
                if error is not None:
                    raise error
                if is_last:
                    return
                yield item
        except TimeoutError:
            raise DeadlineExceeded(
                f"the time limit of {deadline_secs:.3g} s ran out while generating", hint="allow more time"
            ) from None
        finally:
            job.is_cancelled = True
            self._running.discard(job)

    async def aclose(self) -> None:
        """End what runs, and wait for the thread; one that is loading ends when it has loaded."""
        if not self.is_closed:
            self.is_closed = True
            for job in self._running:
                job.is_cancelled = True
            self._jobs.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _CLOSE_SECS)

    def _start(self, job: _Job) -> None:
        self._running.add(job)
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="agx-transformers", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._do(job)
        self._on_end()

    def _do(self, job: _Job) -> None:
        error: BaseException | None = None
        try:
            if not job.is_cancelled:
                for item in job.work(lambda: not job.is_cancelled):
                    job.put(item)
        except AgxError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001  foreign libraries raise anything
            error = BackendError(
                f"transformers failed: {type(caught).__name__}: {str(caught)[:300]}",
                hint="try another model, or --backend llamacpp with a GGUF file",
            )
            error.__cause__ = caught
        if error is None and self.is_closed:
            error = UsageError("the backend was closed", hint="make a new one")
        job.put(None, error=error, is_last=True)
