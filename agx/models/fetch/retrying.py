"""Trying again: how often, and how long to wait between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from agx.errors import BackendUnreachable
from agx.models.fetch.http import Lost
from agx.models.fetch.watching import Watcher

_T = TypeVar("_T")
_FIRST_TRIES = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried in vain, and how many seconds lie between, doubled each time.

    A server may ask for a longer wait, up to `longest_asked_secs`.
    """

    tries: int = 8
    first_secs: float = 0.5
    longest_secs: float = 30.0
    longest_asked_secs: float = 300.0

    def wait_secs(self, failures: int, lost: Lost) -> float:
        """Return how long to wait after so many failures in a row; raises `BackendUnreachable` to give up."""
        wait = min(self.first_secs * 2.0 ** (failures - 1), self.longest_secs)
        asked = lost.wait_secs or 0.0
        if failures >= self.tries or asked > self.longest_asked_secs:
            later = f"in {asked / 60:.0f} minutes" if asked > self.longest_asked_secs else "later"
            raise BackendUnreachable(
                lost.reason,
                hint=f"check the network, or try again {later}: the same command goes on with what is there",
            )
        return max(wait, asked)

    @property
    def at_first(self) -> Patience:
        """The patience with a server that has not answered yet: nobody knows whether it is there at all."""
        return replace(self, tries=min(self.tries, _FIRST_TRIES))


async def with_patience(call: Callable[[], Awaitable[_T]], *, patience: Patience, watcher: Watcher) -> _T:
    """Return what the call gives, which is made again after a `Lost`."""
    failures = 0
    while True:
        try:
            return await call()
        except Lost as lost:
            failures += 1
            wait = patience.wait_secs(failures, lost)
            watcher.waiting(lost.reason, wait_secs=wait)
            await asyncio.sleep(wait)
