"""A worker's death in any phase is a typed error at once, and the next call works."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from agx.errors import DeadlineExceeded, WorkerDied
from agx.requests import LoadOptions, LoadRequest
from agx.worker import connection
from agx.worker.channel import Death
from agx.worker.client import WorkerClient
from agx.worker.deaths import Deaths, worker_died
from agx.worker.protocol import Frame
from tests.worker.helpers import LONG_ANSWER, LONG_PROMPT, collect, generate, reach

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
SIGNALS = [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]
NOTICED_SECS = 0.5


async def killed(client: WorkerClient, number: signal.Signals, *, request: Frame, stage: str) -> WorkerDied:
    """Kill the worker in a stage of a request and give the error, which must come in time."""
    task = asyncio.create_task(collect(client, request))
    os.kill(await reach(client, stage), number)
    started = time.monotonic()
    with pytest.raises(WorkerDied) as caught:
        await task
    assert time.monotonic() - started < NOTICED_SECS
    return caught.value


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("stage", "request_"), [("prefill", LONG_PROMPT), ("generating", LONG_ANSWER)])
async def test_death_while_working(
    client: WorkerClient, number: signal.Signals, stage: str, request_: Frame
) -> None:
    error = await killed(client, number, request=request_, stage=stage)
    assert (error.signal, error.stage, error.retryable) == (number.name, stage, True)
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


@pytest.mark.parametrize("number", SIGNALS)
async def test_death_while_loading(
    tiny_model: Path, slow_model: Path, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "model.gguf"
    path.symlink_to(slow_model)
    client = WorkerClient(LoadRequest(str(path), LoadOptions(device="cpu", threads=1)))
    try:
        loads = [asyncio.create_task(client.loaded()) for _ in range(2)]
        request = asyncio.create_task(collect(client, generate()))
        os.kill(await reach(client, "loading"), number)
        started = time.monotonic()
        for outcome in await asyncio.gather(*loads, request, return_exceptions=True):
            assert isinstance(outcome, WorkerDied)
            assert (outcome.signal, outcome.stage) == (number.name, "loading")
        assert time.monotonic() - started < NOTICED_SECS
        path.unlink()
        path.symlink_to(tiny_model)
        assert (await collect(client, generate()))[-1]["finish_reason"] == "length"
    finally:
        await client.aclose()


async def test_a_model_that_killed_it_twice_is_refused_until_it_changes(
    tiny_model: Path, slow_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.symlink_to(slow_model)
    client = WorkerClient(LoadRequest(str(path), LoadOptions(device="cpu", threads=1)))
    try:
        for _ in range(2):
            loading = asyncio.create_task(client.loaded())
            os.kill(await reach(client, "loading"), signal.SIGABRT)
            with pytest.raises(WorkerDied, match="SIGABRT"):
                await loading
        with pytest.raises(WorkerDied, match="refused"):
            client.start()
        path.unlink()
        path.symlink_to(tiny_model)
        assert (await client.loaded())["model"]["architecture"] == "qwen3"
    finally:
        await client.aclose()


async def test_every_pending_request_hears_of_the_death(client: WorkerClient) -> None:
    first = asyncio.create_task(collect(client, LONG_ANSWER))
    pid = await reach(client, "generating")
    waiting = [asyncio.create_task(collect(client, generate(f"request {n}"))) for n in range(3)]
    await asyncio.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    outcomes = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [WorkerDied] * 4


async def test_a_death_between_requests_is_not_noticed_by_the_next(client: WorkerClient) -> None:
    await collect(client, generate())
    for _ in range(3):
        os.kill(int(client.hello["pid"]), signal.SIGKILL)
        assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


@pytest.mark.parametrize(("stage", "request_"), [("prefill", LONG_PROMPT), ("generating", LONG_ANSWER)])
async def test_an_input_that_killed_it_twice_is_refused(
    client: WorkerClient, stage: str, request_: Frame
) -> None:
    for _ in range(2):
        await killed(client, signal.SIGSEGV, request=request_, stage=stage)
    with pytest.raises(WorkerDied, match="refused: it ended the worker process 2 times") as caught:
        await collect(client, request_)
    assert (caught.value.retryable, caught.value.signal) == (False, "SIGSEGV")
    assert (await collect(client, generate()))[-1]["finish_reason"] == "length"


async def test_the_last_log_line_is_told(client: WorkerClient) -> None:
    error = await killed(client, signal.SIGABRT, request=LONG_ANSWER, stage="generating")
    assert error.last_log_line != ""


async def test_a_worker_that_hangs_is_killed_and_its_time_limit_kept(
    client: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, it neither keeps its deadline nor obeys; who waits behind it is served by the next."""
    monkeypatch.setattr(connection, "CANCEL_GRACE_SECS", 0.2)
    stuck = asyncio.create_task(collect(client, LONG_ANSWER, deadline_secs=3.0))
    os.kill(await reach(client, "generating"), signal.SIGSTOP)
    behind = asyncio.create_task(collect(client, generate()))
    with pytest.raises(DeadlineExceeded):
        await stuck
    assert (await behind)[-1]["finish_reason"] == "length"


def test_an_input_that_goes_well_once_is_forgiven() -> None:
    deaths, request = Deaths(), generate()
    error = worker_died(Death("SIGSEGV", None, "line"), stage="prefill")
    for _ in range(3):
        deaths.blame(request, error)
        deaths.check(request)
        deaths.forgive(request)
    deaths.blame(request, error)
    deaths.blame(request, error)
    deaths.check(generate("another"))
    with pytest.raises(WorkerDied, match="refused"):
        deaths.check(generate())


def test_a_bus_error_is_about_the_file() -> None:
    assert "became shorter" in (worker_died(Death("SIGBUS", None, ""), stage="loading").hint or "")
    assert "became shorter" not in (worker_died(Death("SIGSEGV", None, ""), stage="loading").hint or "")


def test_a_death_without_a_signal_tells_the_exit_code() -> None:
    assert "exit code 70" in worker_died(Death(None, 70, ""), stage="loading").message
