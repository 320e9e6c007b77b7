"""How fast bytes arrive, and how long the rest will take. Pure: whoever asks says what time it is."""

from __future__ import annotations

from collections import deque

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
