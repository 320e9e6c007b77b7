"""How far a batch is: a moving line on a terminal, else a line now and then, and a summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from agx.batch.tally import Tally
    from agx.cli.show.output import Notes
    from agx.cli.show.streaming import Progress

MOVING_SECS = 0.1
FIRST_LINE_SECS = 5.0
LINE_SECS = 30.0


class BatchProgress:
    """Shows a tally after each row: in `moving` where that shows anything, and else as notes."""

    def __init__(
        self,
        tally: Tally,
        *,
        moving: Progress,
        notes: Notes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tally = tally
        self._moving = moving
        self._notes = notes
        self._clock = clock
        self._due = clock() + (0.0 if moving.is_shown else FIRST_LINE_SECS)

    def show(self) -> None:
        """Show the tally, where it is time to."""
        now = self._clock()
        if now < self._due:
            return
        if self._moving.is_shown:
            self._due = now + MOVING_SECS
            self._moving.clear()
            self._moving.add(progress_sentence(self._tally))
        else:
            self._due = now + LINE_SECS
            self._notes.tally("progress", progress_sentence(self._tally), self._tally.as_dict())


def progress_sentence(tally: Tally) -> str:
    """Return how far a run is, in words."""
    of_total = "" if tally.total is None else f" of {tally.total:,}"
    parts = [f"{tally.num_done:,}{of_total} lines"]
    if tally.num_failed:
        parts.append(_counted(tally.num_failed, "error"))
    if tally.num_new:
        parts.append(pace(tally.rate))
    if tally.secs_left is not None:
        parts.append(f"{duration(tally.secs_left)} left")
    return ", ".join(parts)


def summary_sentence(tally: Tally, *, is_whole: bool, path: Path | None) -> str:
    """Return what a run has done, in words; `path` is the file that its rows are in."""
    of_total = "" if tally.total is None or is_whole else f" of {tally.total:,}"
    text = f"{tally.num_done:,}{of_total} lines have their row: {tally.num_planned:,} planned"
    text += f", {_counted(tally.num_failed, 'error')}" if tally.num_failed else ""
    text += f" ({', '.join(f'{code} {n:,}' for code, n in tally.codes.most_common())})" if tally.codes else ""
    if tally.num_new:
        text += f"; {tally.num_new:,} in {duration(tally.seconds)}, {pace(tally.rate)}"
    goes_on = path is not None and not is_whole
    return f"{text}; the same command goes on from here" if goes_on else text


def pace(rate: float) -> str:
    """Return so many a second in words; of less than one, how long each takes."""
    return f"{rate:.3g} a second" if rate >= 1 or not rate else f"{duration(1 / rate)} each"


def duration(seconds: float) -> str:
    """Return a time in words of at most two units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
