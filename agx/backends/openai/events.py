"""The body of an answer, as it comes in: server-sent events, or one JSON object, with a limit to everything.

Source: the HTML standard, "Server-sent events"; OpenAI's streams end with `data: [DONE]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from agx.backends.http_limits import MAX_LINE_BYTES
from agx.errors import BackendError

Event = dict[str, Any]
_END = b"[DONE]"
_LINE_ENDS = re.compile(rb"\r\n|\n|\r")
_HINT = "is this the address of an OpenAI-compatible API? It usually ends in /v1"


async def read_events(
    pieces: AsyncIterator[bytes], *, content_type: str, max_bytes: int
) -> AsyncGenerator[Event, None]:
    """Yield the JSON objects of an answer; raises `BackendError` for what is none, or too long.

    A server that does not stream answers with one object, which is yielded as it is.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in {"application/json", "text/event-stream", ""}:
        raise BackendError(f"the server answered with {kind}, not with a stream of events", hint=_HINT)
    reader = _Whole() if kind == "application/json" else _Lines()
    num_bytes = 0
    async for piece in pieces:
        num_bytes += len(piece)
        if num_bytes > max_bytes:
            raise _endless(max_bytes)
        for data in reader.read(piece):
            if data == _END:
                return
            yield _object(data)
    for data in reader.rest():
        if data != _END:
            yield _object(data)


class _Whole:
    """One object, in pieces."""

    def __init__(self) -> None:
        self._body = bytearray()

    def read(self, piece: bytes) -> list[bytes]:
        """Keep a piece; nothing is whole before the end."""
        self._body += piece
        return []

    def rest(self) -> list[bytes]:
        """Return the object."""
        return [bytes(self._body)]


class _Lines:
    """The data of events, one a line. Comments keep a connection open; other fields say nothing here."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def read(self, piece: bytes) -> list[bytes]:
        """Return the data of the lines that have come to their end."""
        self._rest += piece
        lines = [b""]
        if b"\n" in piece or b"\r" in piece:
            *lines, last = _LINE_ENDS.split(bytes(self._rest))
            self._rest = bytearray(last)
        if len(self._rest) > MAX_LINE_BYTES:
            raise BackendError(f"the server's answer has a line of over {MAX_LINE_BYTES:,} bytes", hint=_HINT)
        return [data for line in lines if (data := _data(line))]

    def rest(self) -> list[bytes]:
        """Return the data behind the last end of a line, which a server may leave out."""
        data = _data(bytes(self._rest))
        return [data] if data else []


def _data(line: bytes) -> bytes:
    name, _, value = line.partition(b":")
    return value.strip() if name == b"data" else b""


def _endless(max_bytes: int) -> BackendError:
    return BackendError(
        f"the server's answer is longer than {max_bytes:,} bytes, and still goes on",
        hint="look at the server: it keeps to no max_tokens",
    )


def _object(data: bytes) -> Event:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        said = data[:80].decode(errors="replace")
        raise BackendError(f"the server's answer is not JSON: {said!r}", hint=_HINT) from None
    if not isinstance(value, dict):
        raise BackendError(f"the server's answer is no JSON object but {type(value).__name__}", hint=_HINT)
    return value
