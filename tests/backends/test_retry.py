"""Calls that are made again after a failure that may pass."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from agx.backends.retry import RetryingBackend, RetryPolicy
from agx.backends.scripted import Reply, ScriptedBackend, ScriptedReply
from agx.errors import (
    AgxError,
    BackendError,
    BackendUnreachable,
    DeadlineExceeded,
    ModelMissing,
    UsageError,
    WorkerDied,
)
from agx.requests import GenerationRequest, Message

POLICY = RetryPolicy(attempts=3, backoff_secs=0.01)
REQUEST = GenerationRequest((Message("user", "hi"),), seed=1)


async def told(*replies: Reply, policy: RetryPolicy = POLICY, request: GenerationRequest = REQUEST) -> str:
    """Return the text of a request; raises what is left of its failures."""
    backend = RetryingBackend(ScriptedBackend(replies), policy)
    return "".join([chunk.text async for chunk in backend.generate(request)])


async def test_a_failure_that_passes_is_not_seen() -> None:
    assert await told(BackendUnreachable("down"), BackendError("busy"), "yes") == "yes"


async def test_after_the_last_attempt_its_error_is_raised() -> None:
    backend = ScriptedBackend([BackendUnreachable(f"down {number}") for number in range(5)])
    with pytest.raises(BackendUnreachable, match="down 2"):
        [chunk async for chunk in RetryingBackend(backend, POLICY).generate(REQUEST)]
    assert len(backend.requests) == 3


@pytest.mark.parametrize(
    "error", [UsageError("u"), ModelMissing("m"), DeadlineExceeded("d"), WorkerDied("w")], ids=str
)
async def test_what_another_attempt_does_not_mend_is_raised_at_once(error: AgxError) -> None:
    with pytest.raises(type(error)):
        await told(error, "yes")


async def test_what_says_that_it_cannot_succeed_is_raised_at_once() -> None:
    spent = BackendError("no credit")
    spent.retryable = False
    with pytest.raises(BackendError, match="credit"):
        await told(spent, "yes")


async def test_what_is_half_streamed_is_never_started_again() -> None:
    """The error comes after the first chunks."""
    with pytest.raises(BackendUnreachable):
        await told(ScriptedReply("half of a", error=BackendUnreachable("gone")), "all of it")


async def test_the_wait_stays_within_the_time_limit_of_the_request() -> None:
    slow = replace(POLICY, backoff_secs=5, jitter=0)
    started = time.monotonic()
    with pytest.raises(BackendUnreachable):
        await told(
            BackendUnreachable("down"), "yes", policy=slow, request=replace(REQUEST, deadline_secs=0.3)
        )
    assert time.monotonic() - started < 0.3


def test_the_wait_grows_by_twos_up_to_a_limit() -> None:
    policy = RetryPolicy(attempts=9, backoff_secs=1, max_backoff_secs=5)
    down = BackendUnreachable("down")
    assert [policy.delay_secs(down, attempt=number) for number in range(1, 6)] == [1, 2, 4, 5, 5]
    assert policy.delay_secs(down, attempt=2, fraction=1.0) == 1.0
    assert policy.delay_secs(down, attempt=9) is None
    assert policy.delay_secs(down, attempt=2, waited_secs=18.5) is None


def test_a_server_that_says_how_long_is_waited_for_within_the_budget() -> None:
    assert POLICY.delay_secs(BackendError("busy", retry_after_secs=3), attempt=1) == 3
    assert POLICY.delay_secs(BackendError("busy", retry_after_secs=60), attempt=1) is None
