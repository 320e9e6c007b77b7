"""A backend around a backend that asks again after a failure that may pass: for servers.

A request is made again only while nothing of its text has been given out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeVar

from agx.backends.base import BackendKind, Health, ModelBackend, ModelFacts
from agx.backends.plans import GeneratesPlans
from agx.errors import AgxError, BackendError, DeadlineExceeded, WorkerDied
from agx.requests import Chunk, GenerationRequest

_Got = TypeVar("_Got")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a call is made again.

    Before attempt n + 1 it waits `backoff_secs` times 2**(n - 1), at most `max_backoff_secs`, less a random
    part of up to `jitter` of it; a server that says how long to wait (`retry_after_secs` in the error's
    details) is waited for so long. All waiting of a call together stays within `budget_secs`. Errors of
    `errors` count, unless they say that the same call cannot succeed; a time limit that ran out never does,
    nor a worker that died, which is started anew by its own backend.
    """

    attempts: int = 3
    backoff_secs: float = 0.2
    max_backoff_secs: float = 5.0
    budget_secs: float = 20.0
    jitter: float = 0.5
    errors: tuple[type[AgxError], ...] = (BackendError,)
    never: tuple[type[AgxError], ...] = (DeadlineExceeded, WorkerDied)

    def delay_secs(
        self, error: AgxError, *, attempt: int, waited_secs: float = 0.0, fraction: float = 0.0
    ) -> float | None:
        """Return how long to wait after the failure of an attempt, counted from 1; None gives up.

        `waited_secs` is what was waited before, and `fraction`, from 0 to 1, the random part.
        """
        is_counted = isinstance(error, self.errors) and not isinstance(error, self.never)
        if not is_counted or not error.retryable or attempt >= self.attempts:
            return None
        delay = min(self.backoff_secs * 2 ** (attempt - 1), self.max_backoff_secs)
        delay *= 1 - self.jitter * fraction
        asked = error.details.get("retry_after_secs")
        if isinstance(asked, int | float):
            delay = max(delay, asked)
        return delay if waited_secs + delay <= self.budget_secs else None


class RetryingBackend(GeneratesPlans):
    """`backend`, asked again by a policy. Closing it closes that one."""

    def __init__(self, backend: ModelBackend, policy: RetryPolicy | None = None) -> None:
        self._backend = backend
        self._policy = policy or RetryPolicy()

    def __repr__(self) -> str:
        return f"<RetryingBackend {self._policy.attempts} attempts of {self._backend!r}>"

    @property
    def backend_type(self) -> BackendKind:
        """The kind of the backend inside."""
        return self._backend.backend_type

    @property
    def model_name(self) -> str:
        """The model of the backend inside."""
        return self._backend.model_name

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; a failure before the first chunk is tried again within the request's time."""
        attempts = _Attempts(self._policy, request.deadline_secs)
        while True:
            has_begun = False
            try:
                left = replace(request, deadline_secs=attempts.left_secs())
                async with aclosing(self._backend.generate(left)) as chunks:
                    async for chunk in chunks:
                        has_begun = True
                        yield chunk
            except AgxError as error:
                if has_begun or not await attempts.waits_after(error):
                    raise
            else:
                return

    async def model_facts(self) -> ModelFacts:
        """Return the facts of the backend inside."""
        return await self._again(self._backend.model_facts)

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return what the backend inside makes of a request."""
        return await self._again(lambda: self._backend.render(request))

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors of the backend inside."""
        return await self._again(lambda: self._backend.embed(texts))

    async def health_check(self) -> Health:
        """Return the health of the backend inside, asked once."""
        return await self._backend.health_check()

    async def aclose(self) -> None:
        """Close the backend inside."""
        await self._backend.aclose()

    async def _again(self, call: Callable[[], Awaitable[_Got]]) -> _Got:
        attempts = _Attempts(self._policy, None)
        while True:
            try:
                return await call()
            except AgxError as error:
                if not await attempts.waits_after(error):
                    raise


class _Attempts:
    """The attempts of one call, the first of which is under way."""

    def __init__(self, policy: RetryPolicy, deadline_secs: float | None) -> None:
        self._policy = policy
        self._now = asyncio.get_running_loop().time
        self._deadline_at = None if deadline_secs is None else self._now() + deadline_secs
        self._num = 1
        self._waited_secs = 0.0

    def left_secs(self) -> float | None:
        """Return what is left of the time limit; None where there is none."""
        return None if self._deadline_at is None else max(0.0, self._deadline_at - self._now())

    async def waits_after(self, error: AgxError) -> bool:
        """Wait for the next attempt, and return whether there is one."""
        delay = self._policy.delay_secs(
            error,
            attempt=self._num,
            waited_secs=self._waited_secs,
            fraction=random.random(),  # noqa: S311  spreads attempts, keeps no secret
        )
        left = self.left_secs()
        if delay is None or (left is not None and delay >= left):
            return False
        await asyncio.sleep(delay)
        self._num += 1
        self._waited_secs += delay
        return True
