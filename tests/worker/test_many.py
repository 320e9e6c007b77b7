"""Several requests in one worker: served together, cancelled and blamed one by one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from agx.errors import WorkerDied
from agx.worker import connection
from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame
from tests.worker.helpers import LONG_ANSWER, LONG_PROMPT, collect, generate, reach

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def text_of(replies: list[Frame]) -> str:
    return "".join(reply.get("text", "") for reply in replies)


async def test_a_short_request_does_not_wait_for_a_long_one(client: WorkerClient) -> None:
    long = asyncio.create_task(collect(client, LONG_ANSWER))
    await reach(client, "generating")
    assert (await collect(client, generate(max_tokens=5)))[-1]["usage"]["completion_tokens"] == 5
    assert not long.done()
    long.cancel()


async def test_a_long_prompt_stops_no_other_text(client: WorkerClient) -> None:
    """It would be read for tens of seconds, and the other one writes on between its blocks."""
    writing = asyncio.create_task(collect(client, generate(max_tokens=100)))
    await reach(client, "generating")
    reading = asyncio.create_task(collect(client, LONG_PROMPT))
    assert (await writing)[-1]["usage"]["completion_tokens"] == 100
    assert not reading.done()
    reading.cancel()


async def test_cancelling_one_leaves_the_texts_of_the_others(client: WorkerClient) -> None:
    wanted = [generate(f"number {number}", max_tokens=120, seed=number) for number in range(3)]
    alone = [text_of(await collect(client, request)) for request in wanted]
    left = [asyncio.create_task(collect(client, request)) for request in (LONG_ANSWER, LONG_PROMPT)]
    await reach(client, "generating")
    others = [asyncio.create_task(collect(client, request)) for request in wanted]
    await asyncio.sleep(0.05)
    for task in left:
        task.cancel()
    assert [text_of(await other) for other in others] == alone


@needs_signals
async def test_after_a_death_with_several_each_runs_alone_until_it_is_cleared(client: WorkerClient) -> None:
    """Each may have been the cause. The one that is, dies alone the second time, and is refused."""
    killer, innocent = LONG_ANSWER, generate("another", max_tokens=600)
    tasks = [asyncio.create_task(collect(client, request)) for request in (killer, innocent)]
    pid = await reach(client, "generating")
    while len(client_active(client)) < 2:
        await asyncio.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [WorkerDied] * 2
    tasks = [asyncio.create_task(collect(client, request)) for request in (killer, innocent)]
    pid = await reach(client, "generating")
    assert len(client_active(client)) == 1
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDied):
        await tasks[0]
    assert (await tasks[1])[-1]["usage"]["completion_tokens"] == 600
    with pytest.raises(WorkerDied, match="refused"):
        await collect(client, killer)


def client_active(client: WorkerClient) -> frozenset[int]:
    assert client._connection is not None
    return client._connection._active_ids


@needs_signals
async def test_a_worker_that_hangs_with_several_is_killed_when_it_says_nothing(
    client: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CANCEL_GRACE_SECS", 0.1)
    monkeypatch.setattr(connection, "SILENCE_SECS", 0.5)
    first, second = (asyncio.create_task(collect(client, LONG_ANSWER)) for _ in range(2))
    pid = await reach(client, "generating")
    while len(client_active(client)) < 2:
        await asyncio.sleep(0.002)
    os.kill(pid, signal.SIGSTOP)
    first.cancel()
    with pytest.raises(WorkerDied):
        await second
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


async def test_a_worker_that_goes_on_with_others_is_left_alone(
    client: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CANCEL_GRACE_SECS", 0.0)
    writing = asyncio.create_task(collect(client, generate(max_tokens=400)))
    pid = await reach(client, "generating")
    other = asyncio.create_task(collect(client, LONG_ANSWER))
    while len(client_active(client)) < 2:
        await asyncio.sleep(0.002)
    other.cancel()
    assert (await writing)[-1]["usage"]["completion_tokens"] == 400
    assert client.hello["pid"] == pid
