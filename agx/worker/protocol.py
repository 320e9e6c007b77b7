"""What the parent and its worker say to each other, as pure functions over bytes.

A frame is a length (4 bytes, big-endian) and that many bytes of JSON, one object. Parent to worker
runs on what was the worker's standard input, worker to parent on what was its standard output.

The fields of requests and replies are those of `agx.requests`, in their JSON form.

Parent to worker (`id` counts up from 1; `LOAD_ID` is the load, the first request of every worker)::

    {"id": 1, "op": "load", …}                  the fields of `LoadRequest`
    {"id": 2, "op": "generate", …}              the fields of `GenerationRequest`
    {"id": 3, "op": "render", …}                the same: what prompt it makes
    {"id": 4, "op": "embed", "texts": ["…"]}    of a worker whose load said `embeds`, which has no other
    {"id": 5, "op": "cancel", "target": 2}      has no reply of its own

Worker to parent::

    {"event": "hello", "protocol": 1, "pid": …, "versions": {…}, "system_info": "…",
     "devices": [{name, type, description, free_bytes, total_bytes}], "limits": {…}}
                                                first and unasked
    {"event": "stage", "stage": "loading", "ids": [1]}
                                                idle, loading, prefill or generating, and the requests
                                                that have been begun and have not ended
    {"id": 1, "event": "progress", "fraction": 0.4}
                                                how much of the weights has been read, now and then
    {"id": 1, "event": "done", "model": {…}, "timings_ms": {…}}
    {"id": 2, "event": "chunk", "text": "…"}    with "is_reasoning": true where it is reasoning
    {"id": 2, "event": "chunk", "text": "", "prompt": [64, 804]}
                                                how many tokens of a long prompt have been read
    {"id": 2, "event": "done", "finish_reason": "stop", "usage": {…}}
    {"id": 3, "event": "done", "prompt": "…", "prompt_tokens": 14}
    {"id": 4, "event": "done", "embeddings": [[…]]}
    {"id": 2, "event": "error", "error": {…}}   `AgxError.as_dict`

Every request but cancel ends with exactly one `done` or `error`. A cancelled one ends with `done` and
the finish reason "cancelled". Requests are begun in the order they came, so a `generate` may follow its
`load` at once; when the load failed, what follows fails with its error. Several are worked on at once, and
their replies come mixed. The end of its input ends the worker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agx.requests import LoadRequest

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 32 << 20
LOAD_ID = 1
HEADER_BYTES = 4

Frame = Mapping[str, Any]

# Nothing is begun and not done.
IDLE: Frame = {"event": "stage", "stage": "idle", "ids": []}


class FrameError(ValueError):
    """Bytes or a value that cannot be a frame: too large, not JSON, not an object, cut off."""


def load_frame(load: LoadRequest) -> Frame:
    """Return the frame that loads a model: the first request of every worker."""
    return {"id": LOAD_ID, "op": "load", **load.as_dict()}


def encode(frame: Frame) -> bytes:
    """Return the frame's bytes, with their length in front; raises `FrameError` where that cannot be."""
    try:
        payload = json.dumps(frame, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"cannot be written as JSON: {error}") from error
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameError(f"{len(payload)} bytes, and a frame has at most {MAX_FRAME_BYTES}")
    return len(payload).to_bytes(HEADER_BYTES, "big") + payload


def decode(payload: bytes) -> Frame:
    """Read one frame's payload; raises `FrameError` when it is not one JSON object."""
    try:
        frame = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from error
    if not isinstance(frame, dict):
        raise FrameError(f"not an object but {type(frame).__name__}")
    return frame


class FrameReader:
    """Makes frames of bytes that arrive in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes, and return the frames that they complete; raises `FrameError`."""
        self._buffer += data
        frames = []
        start = 0
        while (end := self._frame_end(start)) is not None:
            frames.append(decode(bytes(self._buffer[start + HEADER_BYTES : end])))
            start = end
        del self._buffer[:start]
        return frames

    def close(self) -> None:
        """Say that no more bytes come; raises `FrameError` when they ended inside a frame."""
        if self._buffer:
            raise FrameError(f"the stream ended inside a frame, after {len(self._buffer)} of its bytes")

    def _frame_end(self, start: int) -> int | None:
        """Return where the frame at `start` ends, or None while a part of it is still to come."""
        header = self._buffer[start : start + HEADER_BYTES]
        if len(header) < HEADER_BYTES:
            return None
        size = int.from_bytes(header, "big")
        if size > MAX_FRAME_BYTES:
            raise FrameError(f"a frame of {size} bytes, and one has at most {MAX_FRAME_BYTES}")
        end = start + HEADER_BYTES + size
        return end if end <= len(self._buffer) else None
