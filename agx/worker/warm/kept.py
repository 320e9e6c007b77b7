"""A worker that is kept: who uses it, how long it stays, and what there is to say of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from agx.errors import AgxError, WorkerDied
from agx.requests import LoadRequest
from agx.util.machine import resident_bytes
from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame
from agx.worker.warm.places import LOG_NAME, MAX_LOG_BYTES

# How long it waits for somebody to ask why the model could not be loaded.
FAILURE_SECS = 10.0
_STDERR = 2


class Kept:
    """One worker, from its load until it is time to leave. Belongs to the event loop that it is made in.

    `order` is that of `agx.worker.warm.keeper`.
    """

    def __init__(self, order: Frame) -> None:
        self.identity: Frame = order["identity"]
        self.loaded: Frame | None = None
        self.client = WorkerClient(LoadRequest.from_dict(order["load"]), on_progress=self._tell_progress)
        self.log_path = Path(order["folder"]) / LOG_NAME
        self._model = Path(self.identity["model"])
        self._keep_alive_secs: float = order["keep_alive_secs"]
        self._changed = asyncio.Event()
        self._is_leaving = False
        self._watchers: set[Callable[[float], None]] = set()
        self._running = 0
        self._served = 0
        self._started_at = time.time()
        self._used_secs = time.monotonic()
        self._load_task = asyncio.create_task(self._load())
        self._load_task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def is_leaving(self) -> bool:
        """Whether it was told to leave."""
        return self._is_leaving

    async def until_unused(self) -> None:
        """Wait until it is told to leave, or nothing was asked for as long as it stays then."""
        while not self._is_leaving and (secs_left := self._secs_left()) != 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(secs_left):
                    await self._changed.wait()
            except TimeoutError:
                continue
        self._is_leaving = True

    async def load(self, watch: Callable[[float], None]) -> Frame:
        """Wait for the model, and return the reply to its load; `watch` is told how far that is.

        Raises why it could not be loaded, and leaves then.
        """
        self._watchers.add(watch)
        try:
            return await asyncio.shield(self._load_task)
        except AgxError:
            self.leave()
            raise
        finally:
            self._watchers.discard(watch)

    def keep_alive(self, secs: float) -> None:
        """Change how long it stays without requests; 0 is until it is told to leave."""
        self._keep_alive_secs = secs
        self._touch()

    def leave(self) -> None:
        """End soon: what runs is ended with an error."""
        self._is_leaving = True
        self._changed.set()

    def begin(self) -> None:
        """Count a request that begins."""
        self._running += 1
        self._touch()

    def end(self) -> None:
        """Count a request that has ended, however that was."""
        self._running -= 1
        self._served += 1
        self._touch()

    def explained(self, error: AgxError) -> AgxError:
        """Return the error of a request, with where to read more of a death."""
        if isinstance(error, WorkerDied):
            self.log(f"{error.message}; {error.last_log_line}")
            error.hint += f"; the log of `agx up` is {self.log_path}"
        return error

    def status(self) -> Frame:
        """Return what `agx ps` shows."""
        facts = self.loaded["model"] if self.loaded else {}
        pid = int(self.client.hello.get("pid", 0)) if self.client.stage != "stopped" else 0
        secs_left = self._secs_left()
        return {
            "model": str(self._model),
            "name": facts.get("name") or self._model.stem,
            "state": self._state(),
            "pid": pid or None,
            "keeper_pid": os.getpid(),
            "memory_bytes": sum(resident_bytes(each) or 0 for each in (pid, os.getpid())) or None,
            "device": facts.get("device"),
            "options": self.identity["options"],
            "running": self._running,
            "served": self._served,
            "idle_secs": 0.0 if self._running else round(time.monotonic() - self._used_secs, 3),
            "keep_alive_secs": self._keep_alive_secs,
            "secs_left": None if secs_left is None else round(secs_left, 3),
            "started_at": round(self._started_at, 3),
            "log": str(self.log_path),
        }

    def log(self, text: str) -> None:
        """Write a line to the log, which is standard error; it begins anew where it has become too long."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()} {self._model.name}: {text}\n"
        if os.fstat(_STDERR).st_size > MAX_LOG_BYTES:
            os.ftruncate(_STDERR, 0)
        os.write(_STDERR, line.encode("utf-8", "replace"))

    async def _load(self) -> Frame:
        self.log(f"started for {self._model}")
        try:
            self.loaded = await self.client.loaded()
        except AgxError as error:
            self.log(f"the model could not be loaded: {error.message}")
            for line in self.client.log:
                self.log(line)
            # It leaves once somebody has heard why.
            asyncio.get_running_loop().call_later(FAILURE_SECS, self.leave)
            raise
        self.log(f"loaded on {self.loaded['model'].get('device')}")
        self._touch()
        return self.loaded

    def _state(self) -> str:
        if self.loaded is None:
            return "loading"
        return "working" if self._running else "idle"

    def _touch(self) -> None:
        self._used_secs = time.monotonic()
        self._changed.set()

    def _secs_left(self) -> float | None:
        """Return how long it stays when nothing is asked for; None where no end can be told."""
        if self._keep_alive_secs <= 0 or self._running or self.loaded is None:
            return None
        return max(0.0, self._used_secs + self._keep_alive_secs - time.monotonic())

    def _tell_progress(self, fraction: float) -> None:
        for watch in tuple(self._watchers):
            watch(fraction)
