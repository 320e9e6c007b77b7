"""The worker seen through its client: replies, queueing, cancelling, large requests, closing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import aclosing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from agx import __version__
from agx.errors import AgxError, DeadlineExceeded, PromptTooLong, UsageError
from agx.requests import LoadOptions, LoadRequest
from agx.worker import connection
from agx.worker.client import WorkerClient
from agx.worker.process import spawn
from agx.worker.protocol import MAX_FRAME_BYTES
from tests.worker.helpers import LONG_ANSWER, LONG_PROMPT, collect, generate, is_running, reach, secs_until

FREED_SECS = 0.25


async def test_a_generation_streams_and_ends_with_its_usage(client: WorkerClient) -> None:
    *chunks, done = await collect(client, generate(max_tokens=5))
    assert {reply["event"] for reply in chunks} <= {"chunk"}
    assert (done["event"], done["finish_reason"]) == ("done", "length")
    assert done["usage"]["completion_tokens"] == 5
    assert done["usage"]["prompt_tokens"] > 0
    assert isinstance(done["usage"]["seed"], int)


async def test_the_worker_greets_and_the_model_gives_its_facts(client: WorkerClient) -> None:
    assert client.stage == "stopped"
    reply = await client.loaded()
    assert reply["model"]["architecture"] == "qwen3"
    assert reply["timings_ms"]["load"] > 0
    assert client.hello["protocol"] == 1
    versions = client.hello["versions"]
    assert versions["llama-cpp-python"] == version("llama-cpp-python")
    assert versions["llguidance"] == version("llguidance")
    assert versions["agx"] == __version__
    assert any(device["type"] == "cpu" for device in client.hello["devices"])


async def test_render_gives_the_prompt_and_its_tokens(client: WorkerClient) -> None:
    reply = await client.call({"op": "render", "messages": [{"role": "user", "content": "hi"}]})
    assert reply["prompt"] == "<|user|>hi<|assistant|>"
    assert reply["prompt_tokens"] == 4


async def test_requests_made_at_once_are_all_served(client: WorkerClient) -> None:
    requests = [generate(f"number {n}", max_tokens=n + 1) for n in range(5)]
    replies = await asyncio.gather(*(collect(client, request) for request in requests))
    assert [reply[-1]["usage"]["completion_tokens"] for reply in replies] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("stage", "request_"),
    [("prefill", LONG_PROMPT), ("generating", LONG_ANSWER)],
    ids=["prefill", "generating"],
)
async def test_a_cancelled_consumer_frees_the_worker(
    client: WorkerClient, stage: str, request_: dict[str, object]
) -> None:
    task = asyncio.create_task(collect(client, request_))
    pid = await reach(client, stage)
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    while client.stage != "idle":
        await asyncio.sleep(0.002)
    assert time.monotonic() - started < FREED_SECS
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"
    assert client.hello["pid"] == pid


async def test_a_stream_that_is_left_frees_the_worker(client: WorkerClient) -> None:
    async with aclosing(client.stream(LONG_ANSWER)) as replies:
        async for reply in replies:
            assert reply["event"] == "chunk"
            break
    started = time.monotonic()
    assert (await collect(client, generate(max_tokens=1)))[-1]["finish_reason"] == "length"
    assert time.monotonic() - started < FREED_SECS


async def test_cancelling_one_that_waits_leaves_the_running_one_alone(client: WorkerClient) -> None:
    running = asyncio.create_task(collect(client, generate(max_tokens=400)))
    await reach(client, "generating")
    waiting = asyncio.create_task(collect(client, LONG_ANSWER))
    await asyncio.sleep(0.01)
    waiting.cancel()
    assert (await running)[-1]["usage"]["completion_tokens"] == 400
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


async def test_the_deadline_counts_the_waiting(one_by_one: WorkerClient) -> None:
    client = one_by_one
    await client.loaded()
    running = asyncio.create_task(collect(client, LONG_ANSWER))
    await reach(client, "generating")
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await collect(client, generate(), deadline_secs=0.3)
    assert 0.3 <= time.monotonic() - started < 1.0
    running.cancel()
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


@pytest.mark.parametrize("stage_request", [LONG_PROMPT, LONG_ANSWER], ids=["prefill", "generating"])
async def test_the_deadline_ends_a_generation(client: WorkerClient, stage_request: dict[str, object]) -> None:
    await client.loaded()
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await collect(client, stage_request, deadline_secs=0.4)
    assert time.monotonic() - started < 1.0
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


@pytest.mark.parametrize("size_bytes", [200_000, 1 << 20], ids=["200 kB", "1 MB"])
async def test_an_instruction_of_one_letter_is_too_long_and_harmless(
    client: WorkerClient, size_bytes: int
) -> None:
    with pytest.raises(PromptTooLong):
        await collect(client, generate("a" * size_bytes))
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


async def test_what_no_frame_can_hold_is_a_usage_error(client: WorkerClient) -> None:
    for request in (generate("a" * MAX_FRAME_BYTES), generate(seed={1, 2})):
        with pytest.raises(UsageError, match="cannot be sent"):
            await collect(client, request)
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


async def test_a_model_that_cannot_be_loaded_fails_every_request_and_may_be_repaired(
    tiny_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_model.read_bytes()[:5000])
    client = WorkerClient(LoadRequest(str(path), LoadOptions(device="cpu")))
    try:
        outcomes = await asyncio.gather(client.loaded(), collect(client, generate()), return_exceptions=True)
        assert [type(outcome).__name__ for outcome in outcomes] == ["GgufInvalid"] * 2
        path.write_bytes(tiny_model.read_bytes())
        assert (await collect(client, generate()))[-1]["finish_reason"] == "length"
    finally:
        await client.aclose()


async def test_takes_a_worker_that_was_started_before_and_loads_the_same(
    tiny_load: LoadRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(tiny_load.model)
    monkeypatch.chdir(path.parent)
    process = spawn(replace(tiny_load, model=path.name))
    client = WorkerClient(tiny_load, process=process)
    try:
        await client.loaded()
        assert client.hello["pid"] == process.pid
    finally:
        await client.aclose()
    assert not is_running(process.pid)


async def test_closes_a_worker_that_was_started_for_something_else(tiny_model: Path) -> None:
    process = spawn(LoadRequest(str(tiny_model), LoadOptions(threads=2)))
    client = WorkerClient(LoadRequest(str(tiny_model), LoadOptions(threads=1)), process=process)
    try:
        await client.loaded()
        assert client.hello["pid"] != process.pid
        secs_until(lambda: not is_running(process.pid))
    finally:
        await client.aclose()


async def test_closing_ends_what_runs_and_can_be_done_twice(client: WorkerClient) -> None:
    task = asyncio.create_task(collect(client, LONG_ANSWER))
    pid = await reach(client, "generating")
    started = time.monotonic()
    await client.aclose()
    await client.aclose()
    assert time.monotonic() - started < 1.0
    assert not is_running(pid)
    for closed in (task, collect(client, generate()), client.loaded()):
        with pytest.raises(AgxError, match="closed"):
            await closed
    assert repr(client).endswith("closed>")


@pytest.mark.skipif(sys.platform == "win32", reason="stops a process with a POSIX signal")
@pytest.mark.parametrize("cancel", [False, True], ids=["waited for", "cancelled"])
async def test_closing_kills_a_worker_that_does_not_leave(
    client: WorkerClient, monkeypatch: pytest.MonkeyPatch, *, cancel: bool
) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECS", 5.0 if cancel else 0.2)
    await client.loaded()
    pid = int(client.hello["pid"])
    os.kill(pid, signal.SIGSTOP)
    closing = asyncio.create_task(client.aclose())
    await asyncio.sleep(0.05)
    if cancel:
        closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    assert closing.cancelled() == cancel
    assert secs_until(lambda: not is_running(pid)) < 1.0


def test_works_in_an_event_loop_of_another_thread_whose_end_is_not_the_workers(tiny_model: Path) -> None:
    """The kernel's parent-death signal would come when the thread that started the worker ends."""
    load = LoadRequest(str(tiny_model), LoadOptions(device="cpu", threads=1))
    spawned = []
    starter = threading.Thread(target=lambda: spawned.append(spawn(load)))
    starter.start()
    starter.join()
    outcomes: list[object] = []

    async def use() -> None:
        client = WorkerClient(load, process=spawned[0])
        try:
            await asyncio.sleep(0.1)
            outcomes.append((await collect(client, generate()))[-1]["finish_reason"])
            outcomes.append(client.hello["pid"])
        finally:
            await client.aclose()

    user = threading.Thread(target=lambda: asyncio.run(use()))
    user.start()
    user.join()
    assert outcomes == ["length", spawned[0].pid]


def test_a_loop_that_was_closed_without_closing_the_client_ends_the_worker(tiny_model: Path) -> None:
    load = LoadRequest(str(tiny_model), LoadOptions(device="cpu", threads=1))
    process = spawn(load)

    async def use() -> None:
        WorkerClient(load, process=process).start()

    asyncio.run(use())
    secs_until(lambda: process.death is not None)
    assert not is_running(process.pid)


async def test_the_progress_of_a_slow_load_is_told(slow_model: Path) -> None:
    told: list[float] = []
    load = LoadRequest(str(slow_model), LoadOptions(device="cpu", threads=1))
    client = WorkerClient(load, on_progress=told.append)
    try:
        await client.loaded()
    finally:
        await client.aclose()
    assert told
    assert told == sorted(told)
    assert 0.0 <= told[0] <= told[-1] <= 1.0


async def test_closing_gives_up_a_load(slow_model: Path) -> None:
    client = WorkerClient(LoadRequest(str(slow_model), LoadOptions(device="cpu", threads=1)))
    loading = asyncio.create_task(client.loaded())
    pid = await reach(client, "loading")
    await client.aclose()
    with pytest.raises(UsageError, match="closed"):
        await loading
    assert not is_running(pid)


async def test_who_stops_waiting_for_a_load_leaves_it_to_the_next(slow_model: Path) -> None:
    client = WorkerClient(LoadRequest(str(slow_model), LoadOptions(device="cpu", threads=1)))
    try:
        loading = asyncio.create_task(client.loaded())
        pid = await reach(client, "loading")
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        assert loading.cancelled()
        assert (await client.loaded())["model"]["architecture"] == "qwen3"
        assert client.hello["pid"] == pid
    finally:
        await client.aclose()
