"""Servers that do not answer as Ollama: an error of ours within the time limit, and nothing left open."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from agx.backends.http_limits import HttpLimits
from agx.backends.ollama.backend import OllamaBackend
from agx.backends.ollama.spec import OllamaSpec
from agx.errors import AgxError, BackendError, BackendUnreachable, DeadlineExceeded
from agx.requests import GenerationRequest, Message

LIMITS = HttpLimits(connect_secs=0.5, first_secs=0.5, between_secs=0.5, answer_secs=0.5)
REQUEST = GenerationRequest((Message("user", "hi"),), seed=1)
SHOWN = json.dumps({"model_info": {"general.architecture": "x"}, "capabilities": ["completion"]}).encode()
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
PART = b'{"model":"m","message":{"role":"assistant","content":"a"},"done":false}\n'
Misbehave = Callable[[asyncio.StreamWriter], Awaitable[None]]


def says(*pieces: bytes) -> Misbehave:
    """Return a server that says this and ends."""

    async def play(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return play


def goes_on(first: bytes, again: bytes, *, every_secs: float) -> Misbehave:
    """Return a server that repeats itself for ever."""

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(every_secs)

    return play


async def silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


BROKEN: dict[str, tuple[Misbehave, type[AgxError]]] = {
    "silent": (silent, DeadlineExceeded),
    "slow headers": (goes_on(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", every_secs=0.05), DeadlineExceeded),
    "trickling": (goes_on(STREAM + b'{"model":"', b"x", every_secs=0.05), DeadlineExceeded),
    "silent after a part": (goes_on(STREAM + PART, b"", every_secs=1), DeadlineExceeded),
    "endless line": (goes_on(STREAM, b"x" * 65_536, every_secs=0), BackendUnreachable),
    "garbage": (says(b"\x00\xff garbage\r\n\r\n"), BackendUnreachable),
    "garbage lines": (says(STREAM + b"\xff\xfe{]\n"), BackendUnreachable),
    "a list": (says(STREAM + b"[1]\n"), BackendUnreachable),
    "nothing of a chat": (says(STREAM + b'{"message":7}\n'), BackendUnreachable),
    "deep": (says(STREAM + b"[" * 200_000 + b"\n"), BackendUnreachable),
    "closed": (says(b""), BackendUnreachable),
    "broken off": (says(STREAM + PART), BackendError),
    "cut in a line": (says(STREAM + PART[:20]), BackendUnreachable),
    "a page": (says(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"), BackendUnreachable),
    "no type": (says(b"HTTP/1.1 200 OK\r\n\r\n" + PART), BackendUnreachable),
    "elsewhere": (
        says(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/api/chat\r\nContent-Length: 0\r\n\r\n"),
        BackendUnreachable,
    ),
    "fails": (says(b'HTTP/1.1 500 X\r\nContent-Length: 16\r\n\r\n{"error":"boom"}'), BackendError),
    "fails on the way": (says(STREAM + PART + b'{"error":"out of memory"}\n'), BackendError),
    "endless failure": (goes_on(b"HTTP/1.1 500 X\r\n\r\n", b"x" * 65_536, every_secs=0), AgxError),
}


@asynccontextmanager
async def server(misbehave: Misbehave, *, also_shows: bool = False) -> AsyncIterator[str]:
    """Run a server that says what its model is, and misbehaves in all else; yields its address."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/api/show" in head and not also_shows:
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                    )
                    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(SHOWN), SHOWN))
                    await writer.drain()
                else:
                    await misbehave(writer)
        finally:
            writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = running.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.close()
        handlers = asyncio.all_tasks() - {asyncio.current_task()}
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def num_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc/self/fd")
@pytest.mark.parametrize("also_shows", [False, True], ids=["chat", "show"])
@pytest.mark.parametrize("name", BROKEN)
async def test_ends_with_an_error_in_time_and_leaves_nothing_open(name: str, *, also_shows: bool) -> None:
    """The limit is half a second of silence, twice where the model is asked for first."""
    misbehave, kind = BROKEN[name]
    async with server(misbehave, also_shows=also_shows) as url:
        before = num_open_files()
        backend = OllamaBackend(OllamaSpec("m", url, limits=LIMITS))
        started = time.monotonic()
        with pytest.raises(AgxError if also_shows else kind) as caught:
            [chunk async for chunk in backend.generate(REQUEST)]
        assert time.monotonic() - started < LIMITS.first_secs + 0.5
        assert caught.value.hint
        assert isinstance(caught.value, BackendError)
        await backend.aclose()
        await asyncio.sleep(0.05)
        # What is left is the other end of each connection, which the test's server may not have closed.
        assert num_open_files() <= before + 1
    assert num_open_files() < before


@pytest.mark.parametrize("name", ["silent", "trickling", "silent after a part", "slow headers"])
async def test_the_time_limit_of_a_request_comes_first(name: str) -> None:
    limits = replace(LIMITS, first_secs=30, between_secs=30, answer_secs=30)
    async with server(BROKEN[name][0]) as url:
        backend = OllamaBackend(OllamaSpec("m", url, limits=limits))
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded, match="time limit"):
            [chunk async for chunk in backend.generate(replace(REQUEST, deadline_secs=0.3))]
        assert time.monotonic() - started < 0.8
        await backend.aclose()


async def test_a_server_that_is_down_is_named_with_what_to_do() -> None:
    backend = OllamaBackend(OllamaSpec("m", "http://127.0.0.1:9", limits=LIMITS))
    with pytest.raises(BackendUnreachable, match=r"127\.0\.0\.1:9") as caught:
        await backend.model_facts()
    assert caught.value.exit_code == 5
    assert "ollama serve" in caught.value.hint
    health = await backend.health_check()
    assert (health.ok, "127.0.0.1:9" in health.detail) == (False, True)
    await backend.aclose()


async def test_another_host_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where a redirect leads, and no proxy for a server on this machine."""
    asked = []

    async def other(writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        await says(b"HTTP/1.1 200 OK\r\n\r\n")(writer)

    async with server(other, also_shows=True) as elsewhere:
        monkeypatch.setitem(os.environ, "http_proxy", elsewhere)
        answer = f"HTTP/1.1 308 X\r\nLocation: {elsewhere}/api/show\r\nContent-Length: 0\r\n\r\n"
        async with server(says(answer.encode()), also_shows=True) as url:
            backend = OllamaBackend(OllamaSpec("m", url, limits=LIMITS))
            with pytest.raises(BackendUnreachable, match="does not follow"):
                await backend.model_facts()
            await backend.aclose()
    assert asked == []


async def test_plain_http_where_tls_is_expected_is_named() -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{running.sockets[0].getsockname()[1]}"
    backend = OllamaBackend(OllamaSpec("m", url, limits=LIMITS))
    started = time.monotonic()
    with pytest.raises(BackendUnreachable, match="no secure connection to Ollama at https") as caught:
        await backend.model_facts()
    assert time.monotonic() - started < LIMITS.first_secs + 0.5
    assert "http or https" in caught.value.hint
    await backend.aclose()
    running.close()
    await running.wait_closed()
