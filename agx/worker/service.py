"""What the worker's engine thread does: one request after the other, from inbox to replies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace

from agx.engine import devices, native
from agx.engine.events import DoneEvent, ErrorEvent, TextEvent
from agx.engine.loop import Engine
from agx.errors import AgxError, DeadlineExceeded, UsageError
from agx.grammar import llguidance
from agx.requests import GenerationRequest, LoadRequest
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
        self._stage = "idle"
        self._current_id: int | None = None
        self._load_error: AgxError | None = UsageError("no model has been loaded")

    def turn(self) -> None:
        """Do one step of the running generation, or wait for a request and begin it."""
        if self._engine.has_work:
            self._step()
        else:
            self._enter("idle")
            self._flush()
            arrival = self._inbox.take()
            self._current_id = arrival.request_id
            self._begin(arrival)
            self._flush()

    def _step(self) -> None:
        """Do one step. Only text may wait: a model that is slower than that streams every token."""
        before, events = self._stage, self._engine.step()
        for event in events:
            self._report(event)
        self._enter(self._engine.stage)
        may_wait = self._stage == before and all(isinstance(event, TextEvent) for event in events)
        if not may_wait or time.monotonic() - self._flushed_secs >= TEXT_PAUSE_SECS:
            self._flush()

    def _begin(self, arrival: Arrival) -> None:
        operations = {"load": self._load, "generate": self._generate, "render": self._render}
        request_id = arrival.request_id
        if self._inbox.is_cancelled(request_id):
            self._done(request_id, finish_reason="cancelled", usage={})
            return
        try:
            operations[arrival.frame["op"]](arrival)
        except AgxError as error:
            self._finish(request_id, event="error", error=error.as_dict())

    def _load(self, arrival: Arrival) -> None:
        self._enter("loading")
        self._flush()
        started = time.perf_counter()
        try:
            load = LoadRequest.from_dict(arrival.frame)
            progress = _Progress(arrival.request_id, self._send).report
            facts = self._engine.load(load.model, load.options, progress=progress)
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
        self._enter("prefill")
        self._flush()
        self._engine.start(request_id, replace(request, deadline_secs=remaining_secs))
        # A cancellation that came while `start` ran found no generation to end.
        if self._inbox.is_cancelled(request_id):
            self._engine.cancel(request_id)

    def _render(self, arrival: Arrival) -> None:
        self._check_loaded()
        self._enter("prefill")
        self._flush()
        prompt, num_tokens = self._engine.render(GenerationRequest.from_dict(arrival.frame))
        self._done(arrival.request_id, prompt=prompt, prompt_tokens=num_tokens)

    def _check_loaded(self) -> None:
        if self._load_error is not None:
            raise self._load_error

    def _report(self, event: TextEvent | DoneEvent | ErrorEvent) -> None:
        match event:
            case TextEvent(request_id, text, is_reasoning):
                self._add_text(request_id, text, is_reasoning=is_reasoning)
            case DoneEvent(request_id, finish_reason, usage):
                self._done(request_id, finish_reason=finish_reason, usage=usage.as_dict())
            case ErrorEvent(request_id, error):
                self._finish(request_id, event="error", error=error.as_dict())

    def _add_text(self, request_id: int, text: str, *, is_reasoning: bool) -> None:
        """Send a text, in one chunk with what has not gone yet and is of its kind."""
        kind = {"id": request_id, "event": "chunk"} | ({"is_reasoning": True} if is_reasoning else {})
        last = self._outgoing[-1] if self._outgoing else {}
        if "text" in last and {**last, "text": ""} == kind | {"text": ""}:
            text = self._outgoing.pop()["text"] + text
        self._outgoing.append(kind | {"text": text})

    def _done(self, request_id: int, **fields: object) -> None:
        self._finish(request_id, event="done", **fields)

    def _finish(self, request_id: int, **fields: object) -> None:
        self._inbox.finish(request_id)
        self._outgoing.append({"id": request_id} | fields)

    def _enter(self, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            request_id = None if stage == "idle" else self._current_id
            self._outgoing.append({"event": "stage", "stage": stage, "id": request_id})

    def _flush(self) -> None:
        if self._outgoing:
            self._send(self._outgoing)
            self._outgoing = []
            self._flushed_secs = time.monotonic()


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
        "limits": {"frame_bytes": MAX_FRAME_BYTES, "sequences": 1},
    }


def _device(device: devices.Device) -> Frame:
    facts = asdict(device)
    del facts["address"]
    return facts
