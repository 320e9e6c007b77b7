"""Telling whoever wants to know how a transfer goes."""

from __future__ import annotations

from collections import deque
from typing import Protocol


class Watcher(Protocol):
    """Whoever wants to know how a transfer goes. Calls never overlap."""

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        """Hear that a file is fetched, or read to be checked, and how much of it is there."""

    def received(self, num_bytes: int) -> None:
        """Hear that more of it has come, or has been read."""

    def waiting(self, reason: str, *, wait_secs: float) -> None:
        """Hear why nothing comes, and in how many seconds it is tried again."""

    def checking(self) -> None:
        """Hear that all of it is there; what is left is to read it through."""

    def tick(self) -> None:
        """Hear that a fraction of a second has passed."""

    def note(self, sentence: str) -> None:
        """Hear what a person should know."""

    def finished(self) -> None:
        """Hear that the file is done, or given up."""


class Silent:
    """A watcher that does nothing."""

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        """See `Watcher`."""

    def received(self, num_bytes: int) -> None:
        """See `Watcher`."""

    def waiting(self, reason: str, *, wait_secs: float) -> None:
        """See `Watcher`."""

    def checking(self) -> None:
        """See `Watcher`."""

    def tick(self) -> None:
        """See `Watcher`."""

    def note(self, sentence: str) -> None:
        """See `Watcher`."""

    def finished(self) -> None:
        """See `Watcher`."""


WINDOW_SECS = 15.0
LEAST_SECS = 1.5  # a shorter time says nothing of the rate
_STEP_SECS = 0.1


class Meter:
    """A rate over the last seconds, which neither jumps with every packet nor remembers the start."""

    def __init__(self, *, window_secs: float = WINDOW_SECS) -> None:
        self._window_secs = window_secs
        self._samples: deque[tuple[float, int]] = deque()  # time in seconds, bytes in all by then
        self._num_bytes = 0

    def add(self, num_bytes: int, *, now: float) -> None:
        """Count bytes that arrived at `now` (seconds of a clock that never goes back)."""
        if not self._samples:
            self._samples.append((now, 0))
        self._num_bytes += num_bytes
        if now - self._samples[-1][0] >= _STEP_SECS:
            self._samples.append((now, self._num_bytes))

    def rate(self, *, now: float) -> float | None:
        """Return bytes per second, or None where it is too early to say."""
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._window_secs:
            self._samples.popleft()
        if not self._samples or now - self._samples[0][0] < LEAST_SECS:
            return None
        begin, before = self._samples[0]
        return (self._num_bytes - before) / (now - begin)

    def secs_left(self, num_bytes: int, *, now: float) -> float | None:
        """Return how long so many more bytes take at this rate, or None where nobody can say."""
        rate = self.rate(now=now)
        return num_bytes / rate if rate else None
