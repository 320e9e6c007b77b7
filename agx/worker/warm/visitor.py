"""One program's connection to a keeper: its requests, with the numbers that it gave them."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from contextlib import aclosing, suppress

from agx.errors import AgxError, MachineError, UsageError, WorkerDied
from agx.worker.channel import READ_BYTES
from agx.worker.protocol import IDLE, LOAD_ID, Frame, FrameError, FrameReader, encode
from agx.worker.warm.kept import Kept

# What is passed on to the worker; the keeper answers everything else itself.
WORKER_OPS = frozenset({"generate", "render"})


class Visitor:
    """Speaks with one program. Numbers of requests are its own: the client behind gives others."""

    def __init__(self, kept: Kept, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._kept = kept
        self._reader = reader
        self._writer = writer
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._begun: set[int] = set()

    async def serve(self) -> None:
        """Greet, and answer until the program goes away; then what it asked for is cancelled."""
        self._say(self._greeting())
        frames = FrameReader()
        try:
            while data := await self._reader.read(READ_BYTES):
                for frame in frames.feed(data):
                    self._take(frame)
        except (OSError, FrameError, KeyError, TypeError):
            return  # no program of ours writes such frames
        finally:
            await self._cancel_all()
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    def _greeting(self) -> Frame:
        loaded = self._kept.loaded
        return {
            "event": "welcome",
            "pid": os.getpid(),
            "identity": self._kept.identity,
            "hello": self._kept.client.hello,
            "loaded": None if loaded is None else {**loaded, "id": LOAD_ID, "timings_ms": {"load": 0.0}},
        }

    def _take(self, frame: Frame) -> None:
        if frame["op"] == "cancel":
            self._cancel(int(frame["target"]))
            return
        request_id = int(frame["id"])
        task = asyncio.create_task(self._answer(request_id, frame))
        self._tasks[request_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(request_id, None))

    def _cancel(self, target: int) -> None:
        task = self._tasks.get(target)
        if task is not None:
            task.cancel()
            self._ended(target)
            self._say({"id": target, "event": "done", "finish_reason": "cancelled", "usage": {}})

    async def _answer(self, request_id: int, frame: Frame) -> None:
        try:
            await self._work(request_id, frame)
        except AgxError as error:
            self._fail(request_id, self._kept.explained(error))
        except OSError:
            self._writer.close()  # the program is gone
        except Exception:  # noqa: BLE001  whatever goes wrong unforeseen, the program waits for an answer
            traceback.print_exc(file=sys.stderr)
            self._fail(
                request_id,
                MachineError("the keeper of the worker failed", hint=f"read {self._kept.log_path}"),
            )

    async def _work(self, request_id: int, frame: Frame) -> None:
        match frame["op"]:
            case op if op in WORKER_OPS:
                await self._pass_on(request_id, frame)
            case "load":
                await self._kept.load(lambda fraction: self._tell_progress(request_id, fraction))
                self._done(request_id)
            case "status":
                self._done(request_id, status=self._kept.status())
            case "keep":
                self._kept.keep_alive(float(frame["keep_alive_secs"]))
                self._done(request_id)
            case "leave":
                self._done(request_id)
                await self._writer.drain()
                self._kept.leave()
            case op:
                raise UsageError(f"a worker of `agx up` does not know {op!r}", hint="end it with `agx down`")

    async def _pass_on(self, request_id: int, frame: Frame) -> None:
        deadline_secs = frame.get("deadline_secs")
        request = {name: frame[name] for name in frame if name not in {"id", "deadline_secs"}}
        self._kept.begin()
        try:
            # From here on, a program that loses the keeper has lost an answer with it.
            self._begun.add(request_id)
            self._tell_stage()
            async with aclosing(self._kept.client.stream(request, deadline_secs=deadline_secs)) as replies:
                async for reply in replies:
                    if reply["event"] == "done":
                        self._ended(request_id)
                    self._say({**reply, "id": request_id})
                    await self._writer.drain()
        finally:
            self._begun.discard(request_id)
            self._kept.end()

    def _tell_progress(self, request_id: int, fraction: float) -> None:
        self._say({"id": request_id, "event": "progress", "fraction": round(fraction, 4)})

    def _ended(self, request_id: int) -> None:
        if request_id in self._begun:
            self._begun.discard(request_id)
            self._tell_stage()

    def _tell_stage(self) -> None:
        """Say which of its requests are begun, as a worker of the program's own would."""
        self._say({**IDLE, "stage": "prefill", "ids": sorted(self._begun)} if self._begun else IDLE)

    def _done(self, request_id: int, **fields: object) -> None:
        self._say({"id": request_id, "event": "done"} | fields)

    def _fail(self, request_id: int, error: AgxError) -> None:
        self._ended(request_id)
        self._say({"id": request_id, "event": "error", "error": error.as_dict()})

    def _say(self, frame: Frame) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(frame))

    def end(self) -> None:
        """Tell the program that what it waits for does not come, because the keeper leaves, and hang up."""
        error = WorkerDied(
            "the worker of `agx up` was told to leave before it was done",
            hint="run it again: it starts a worker of its own, or use `agx up` first",
        )
        for request_id in tuple(self._tasks):
            self._fail(request_id, error)
        self._writer.close()

    async def _cancel_all(self) -> None:
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
