"""How far a run is: what has its row, how fast it goes, and how long the rest will take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agx.errors import AgxError


class Tally:
    """Counts the rows of a run. `total` is the number of lines, None where nobody knows it yet.

    `num_planned` and `num_failed` are those of the whole output; `codes` are the errors of this run.
    """

    def __init__(
        self,
        *,
        total: int | None = None,
        num_planned: int = 0,
        num_failed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.num_planned = num_planned
        self.num_failed = num_failed
        self.codes: Counter[str] = Counter()
        self._num_before = num_planned + num_failed
        self._clock = clock
        self._started = clock()

    @property
    def num_done(self) -> int:
        """How many lines have their row."""
        return self.num_planned + self.num_failed

    @property
    def num_new(self) -> int:
        """How many of them this run has added."""
        return self.num_done - self._num_before

    @property
    def seconds(self) -> float:
        """The time since the run began, or since `begin`."""
        return self._clock() - self._started

    @property
    def rate(self) -> float:
        """The rows a second of this run."""
        return self.num_new / self.seconds if self.seconds > 0 else 0.0

    @property
    def secs_left(self) -> float | None:
        """How long the rest will take, at the rate so far; None where that cannot be said."""
        return None if self.total is None or not self.rate else (self.total - self.num_done) / self.rate

    def begin(self) -> None:
        """Begin to measure now: the model is loaded."""
        self._started = self._clock()

    def count(self, error: AgxError | None) -> None:
        """Count a row."""
        if error is None:
            self.num_planned += 1
        else:
            self.num_failed += 1
            self.codes[error.code] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers in JSON form, times in seconds."""
        left = self.secs_left
        return {
            "lines": self.total,
            "planned": self.num_planned,
            "errors": self.num_failed,
            "new": self.num_new,
            "seconds": round(self.seconds, 3),
            "per_second": round(self.rate, 3),
            "seconds_left": None if left is None else round(left, 1),
            "new_errors": dict(self.codes.most_common()),
        }
