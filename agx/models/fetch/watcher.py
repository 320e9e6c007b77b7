"""How a transfer goes: the interface of what follows it, and a meter of its speed."""

from __future__ import annotations

from collections import deque
from typing import Protocol

WINDOW_SECS = 15.0
LEAST_SECS = 1.5  # a shorter time says nothing of the rate
_STEP_SECS = 0.1


class Watcher(Protocol):
    """Follows a transfer. Calls never overlap."""

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        """Learn that a file is fetched, or read to be checked; `have_bytes` of it are there."""

    def received(self, num_bytes: int) -> None:
        """Learn that more of the file has arrived, or was read."""

    def waiting(self, reason: str, *, wait_secs: float) -> None:
        """Learn why nothing arrives, and in how many seconds the next try comes."""

    def checking(self) -> None:
        """Learn that all of the file is there, and is now read through to be checked."""

    def tick(self) -> None:
        """Learn that a fraction of a second has passed."""

    def note(self, sentence: str) -> None:
        """Show a sentence to a person."""

    def finished(self) -> None:
        """Learn that the file is done, or given up."""


class SilentWatcher:
    """Ignores everything."""

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


class Meter:
    """The rate over the last seconds. Pure: the caller says what time it is.

    A window makes it steadier than a packet's rate, and quicker to change than the average of it all.
    """

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
        """Return bytes per second, or None while it is too early to tell."""
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._window_secs:
            self._samples.popleft()
        if not self._samples or now - self._samples[0][0] < LEAST_SECS:
            return None
        begin, before = self._samples[0]
        return (self._num_bytes - before) / (now - begin)

    def secs_left(self, num_bytes: int, *, now: float) -> float | None:
        """Return how long this many more bytes take at the present rate, or None without one."""
        rate = self.rate(now=now)
        return num_bytes / rate if rate else None
