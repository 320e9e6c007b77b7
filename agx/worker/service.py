"""What the worker's engine thread does: requests from the inbox to the engine, and its events to replies.

Requests are begun in the order they came. While the engine works, more are begun as far as it can work on
them at once; the others wait in the inbox, where their cancellations and deadlines find them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from agx.engine import devices, native
from agx.engine.events import DoneEvent, ErrorEvent, Event, PromptEvent, TextEvent
from agx.engine.loop import Engine
from agx.errors import AgxError, DeadlineExceeded, UsageError
from agx.gguf.memory import MOST_SEQUENCES
from agx.grammar import llguidance
from agx.requests import GenerationRequest, LoadRequest
from agx.util.blob_cache import BlobCache
from agx.util.version import __version__
from agx.worker.inbox import Arrival, Inbox
from agx.worker.protocol import MAX_FRAME_BYTES, PROTOCOL_VERSION, Frame

# Text waits for as long as this since the last frames went: a small model has dozens of tokens in it,
# and the parent, woken for each, would take the processor that the next one needs.
TEXT_PAUSE_SECS = 0.02
PROGRESS_PAUSE_SECS = 0.1


class _Progress:
    """Tells the parent how far a load is, unless it is over before anybody would look."""

    def __init__(self, request_id: int, send: Callable[[list[Frame]], None]) -> None:
        self._request_id = request_id
        self._send = send
        self._told_secs = time.monotonic()

    def report(self, fraction: float) -> None:
        """Take how much has been read, from 0 to 1."""
        now = time.monotonic()
        if now - self._told_secs >= PROGRESS_PAUSE_SECS:
            self._told_secs = now
            self._send([{"id": self._request_id, "event": "progress", "fraction": round(fraction, 4)}])


class Service:
    """Owns what is between inbox and engine. `send` writes frames to the parent, in order."""

    def __init__(self, engine: Engine, *, inbox: Inbox, send: Callable[[list[Frame]], None]) -> None:
        self._engine = engine
        self._inbox = inbox
        self._send = send
        self._outgoing: list[Frame] = []
        self._flushed_secs = 0.0
        self._stage: tuple[str, tuple[int, ...]] = ("idle", ())
        self._load_error: AgxError | None = UsageError("no model has been loaded")

    def turn(self) -> None:
        """Do one step of the running generations, or wait for a request; begin what can be begun."""
        if self._engine.has_work:
            self._begin_waiting()
            self._step()
        else:
            self._enter("idle")
            self._flush()
            self._begin(self._inbox.take())
            self._flush()

    def _begin_waiting(self) -> None:
        """Begin the requests that have come, as far as the engine can work on them at once."""
        while self._engine.can_start and (arrival := self._inbox.take_now()) is not None:
            self._begin(arrival)

    def _step(self) -> None:
        """Do one step. Only text may wait: a model that is slower than that streams every token."""
        before, events = self._stage, self._engine.step()
        for event in events:
            self._report(event)
        self._enter(self._engine.stage, *self._engine.request_ids)
        may_wait = self._stage == before and all(isinstance(event, TextEvent) for event in events)
        if not may_wait or time.monotonic() - self._flushed_secs >= TEXT_PAUSE_SECS:
            self._flush()

    def _begin(self, arrival: Arrival) -> None:
        operations = {
            "load": self._load,
            "generate": self._generate,
            "render": self._render,
            "embed": self._embed,
        }
        request_id = arrival.request_id
        if self._inbox.is_cancelled(request_id):
            self._done(request_id, finish_reason="cancelled", usage={})
            return
        try:
            operations[arrival.frame["op"]](arrival)
        except AgxError as error:
            self._finish(request_id, event="error", error=error.as_dict())

    def _load(self, arrival: Arrival) -> None:
        self._enter("loading", arrival.request_id)
        self._flush()
        started = time.perf_counter()
        try:
            load = LoadRequest.from_dict(arrival.frame)
            progress = _Progress(arrival.request_id, self._send).report
            if load.embeds:
                facts = self._engine.load_embedder(load.model, load.options, progress=progress)
            else:
                cache = _cache(load)
                facts = self._engine.load(load.model, load.options, cache=cache, progress=progress)
        except AgxError as error:
            self._load_error = error
            raise
        self._load_error = None
        milliseconds = (time.perf_counter() - started) * 1000
        self._done(arrival.request_id, model=facts, timings_ms={"load": round(milliseconds, 3)})

    def _generate(self, arrival: Arrival) -> None:
        request_id, request = arrival.request_id, GenerationRequest.from_dict(arrival.frame)
        self._check_loaded()
        remaining_secs = arrival.remaining_secs(request.deadline_secs)
        if remaining_secs is not None and remaining_secs <= 0:
            raise DeadlineExceeded(
                f"the time limit of {request.deadline_secs:g} s ran out before the generation began",
                hint="allow more time, or ask for fewer plans at once",
            )
        self._enter_beside("prefill", request_id)
        self._engine.start(request_id, replace(request, deadline_secs=remaining_secs))
        # A cancellation that came while `start` ran found no generation to end.
        if self._inbox.is_cancelled(request_id):
            self._engine.cancel(request_id)

    def _render(self, arrival: Arrival) -> None:
        self._check_loaded()
        self._enter_beside("prefill", arrival.request_id)
        prompt, num_tokens, warnings = self._engine.render(GenerationRequest.from_dict(arrival.frame))
        self._done(arrival.request_id, prompt=prompt, prompt_tokens=num_tokens, **_with_warnings(warnings))

    def _embed(self, arrival: Arrival) -> None:
        self._check_loaded()
        self._enter_beside("prefill", arrival.request_id)
        vectors = self._engine.embed(arrival.request_id, arrival.frame["texts"])
        if vectors is None:
            self._done(arrival.request_id, finish_reason="cancelled", usage={})
        else:
            self._done(arrival.request_id, embeddings=vectors)

    def _check_loaded(self) -> None:
        if self._load_error is not None:
            raise self._load_error

    def _report(self, event: Event) -> None:
        match event:
            case PromptEvent(request_id, progress):
                told = [progress.num_read, progress.num_tokens]
                self._outgoing.append({"id": request_id, "event": "chunk", "text": "", "prompt": told})
            case TextEvent(request_id, text, is_reasoning):
                self._add_text(request_id, text, is_reasoning=is_reasoning)
            case DoneEvent(request_id, finish_reason, usage, warnings):
                told_too = _with_warnings(warnings)
                self._done(request_id, finish_reason=finish_reason, usage=usage.as_dict(), **told_too)
            case ErrorEvent(request_id, error):
                self._finish(request_id, event="error", error=error.as_dict())

    def _add_text(self, request_id: int, text: str, *, is_reasoning: bool) -> None:
        """Send a text, in one chunk with what has not gone yet of this request, where it is of its kind."""
        kind = {"id": request_id, "event": "chunk"} | ({"is_reasoning": True} if is_reasoning else {})
        own = (at for at, frame in enumerate(self._outgoing) if frame.get("id") == request_id)
        last = max(own, default=None)
        if last is not None:
            frame = self._outgoing[last]
            if "text" in frame and {**frame, "text": ""} == kind | {"text": ""}:
                self._outgoing[last] = {**frame, "text": frame["text"] + text}
                return
        self._outgoing.append(kind | {"text": text})

    def _done(self, request_id: int, **fields: object) -> None:
        self._finish(request_id, event="done", **fields)

    def _finish(self, request_id: int, **fields: object) -> None:
        self._inbox.finish(request_id)
        self._outgoing.append({"id": request_id} | fields)

    def _enter_beside(self, stage: str, request_id: int) -> None:
        """Tell at once that a request is begun, beside those that the engine works on: it may be the last."""
        running = self._engine.request_ids
        self._enter(self._engine.stage if running else stage, *running, request_id)
        self._flush()

    def _enter(self, stage: str, *request_ids: int) -> None:
        if (stage, request_ids) != self._stage:
            self._stage = (stage, request_ids)
            self._outgoing.append({"event": "stage", "stage": stage, "ids": list(request_ids)})

    def _flush(self) -> None:
        if self._outgoing:
            self._send(self._outgoing)
            self._outgoing = []
            self._flushed_secs = time.monotonic()


def _cache(load: LoadRequest) -> BlobCache | None:
    """Return where computed prompts are kept on disk; None where they are not to be."""
    limit_bytes = load.options.prompt_cache_mb * 1_000_000
    if load.cache_dir is None or not limit_bytes:
        return None
    return BlobCache(Path(load.cache_dir), limit_bytes=limit_bytes)


def hello() -> Frame:
    """Return the greeting of the protocol."""
    return {
        "event": "hello",
        "protocol": PROTOCOL_VERSION,
        "pid": os.getpid(),
        "versions": {
            "python": sys.version.split()[0],
            "agx": __version__,
            "llama-cpp-python": native.version(),
            "llguidance": llguidance.version(),
        },
        "system_info": native.system_info(),
        "devices": [_device(device) for device in devices.devices()],
        "backends": list(devices.backend_names()),
        "amx_guard": native.needs_amx_guard(),
        "limits": {"frame_bytes": MAX_FRAME_BYTES, "sequences": MOST_SEQUENCES},
    }


def _device(device: devices.Device) -> Frame:
    facts = asdict(device)
    del facts["address"]
    return facts


def _with_warnings(warnings: Sequence[str]) -> dict[str, list[str]]:
    return {"warnings": list(warnings)} if warnings else {}
