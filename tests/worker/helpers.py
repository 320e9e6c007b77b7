"""Requests and waits that the worker's tests share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame

PATIENCE_SECS = 20


def generate(text: str = "hi", *, max_tokens: int = 8, **fields: Any) -> Frame:
    """Return a request for free text of just that length.

    The penalty below 1 makes the model say the same again and again, so it never ends by itself.
    """
    parameters = {
        "temperature": 0.0,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "repeat_penalty": 0.01,
        "max_tokens": max_tokens,
    }
    request = {
        "op": "generate",
        "messages": [{"role": "user", "content": text}],
        "schema": None,
        "parameters": parameters,
        "seed": None,
        "reasoning_tokens": 0,
    }
    return request | fields


# A prefill of tens of seconds, and a generation of as long.
LONG_PROMPT = generate("a" * 30_000)
LONG_ANSWER = generate(max_tokens=30_000)


async def collect(client: WorkerClient, request: Frame, *, deadline_secs: float | None = None) -> list[Frame]:
    """Return all the replies to a request."""
    async with aclosing(client.stream(request, deadline_secs=deadline_secs)) as replies:
        return [reply async for reply in replies]


async def reach(client: WorkerClient, stage: str) -> int:
    """Wait until the worker is in that stage, and give its process id."""
    async with asyncio.timeout(PATIENCE_SECS):
        while client.stage != stage or not client.hello:
            await asyncio.sleep(0.002)
    return int(client.hello["pid"])


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended and was not collected yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def secs_until(condition: Callable[[], bool]) -> float:
    """Wait until something is so, and give how long that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < PATIENCE_SECS, "it never became so"
        time.sleep(0.005)
    return time.monotonic() - started
