"""How a transfer goes, on stderr: a line that is redrawn on a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
import time

from agx.cli.show.output import is_terminal, tell, visible_on
from agx.models.fetch.watcher import Meter
from agx.util.texts import visible

LINE_SECS = 5.0
_DRAW_SECS = 0.15
MAX_NAME_CELLS = 40
_LEAST_NAME_CELLS = 8
_LEAST_BAR_CELLS = 10
_MOST_BAR_CELLS = 40
_UNITS = ((10**9, "GB", 2), (10**6, "MB", 1), (10**3, "kB", 1))


class TransferView:
    """Shows one transfer after the other; a `Watcher` of `agx.models`. With `is_silent` it shows none."""

    def __init__(self, *, is_silent: bool, verb: str = "left") -> None:
        is_redrawn = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self._stream = sys.stderr if is_redrawn and not is_silent else None
        self._is_silent = is_silent
        self._verb = verb
        self._meter = Meter()
        self._name = ""
        self._size_bytes: int | None = None
        self._have_bytes = 0
        self._state = ""
        self._again_at = 0.0
        self._figures_cells = 0
        self._is_under_way = False
        self._told_at = self._drawn_at = 0.0

    @property
    def progress(self) -> str:
        """How much of the file there is, in words; empty where nothing of it is kept."""
        is_kept = self._have_bytes and self._size_bytes is not None  # see `Version.can_be_resumed`
        return amount(self._have_bytes, self._size_bytes) if is_kept else ""

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        """Show a file that is fetched or read, of which so much is there."""
        self._meter = Meter()
        self._name, self._size_bytes, self._have_bytes = visible(name), size_bytes, have_bytes
        self._state, self._is_under_way, self._told_at = "", True, time.monotonic()
        self._figures_cells = 0
        if self._stream is None and not self._is_silent:
            size = amount(size_bytes, None) if size_bytes is not None else "of unknown size"
            there = f", {amount(have_bytes, None)} of it are there" if have_bytes else ""
            tell(f"{self._name}: {size}{there}")
        self._draw(is_forced=True)

    def received(self, num_bytes: int) -> None:
        """Count what has come."""
        self._have_bytes += num_bytes
        self._state = ""
        self._meter.add(num_bytes, now=time.monotonic())

    def waiting(self, reason: str, *, wait_secs: float) -> None:
        """Show why nothing comes."""
        now = time.monotonic()
        self._state, self._again_at = visible(reason), now + wait_secs
        if self._stream is None and not self._is_silent and wait_secs >= 1:
            self._told_at = now
            tell(f"{self._name or 'waiting'}: {self._waiting(now)}")
        self._draw(is_forced=True)

    def checking(self) -> None:
        """Show that all bytes are there."""
        self._state, self._again_at = "checking it", 0.0

    def tick(self) -> None:
        """Show how far it is now."""
        self._draw()
        now = time.monotonic()
        if self._stream is None and not self._is_silent and now - self._told_at >= LINE_SECS:
            self._told_at = now
            tell(f"{self._name}: {self._figures(now)}")

    def note(self, sentence: str) -> None:
        """Say something above the line."""
        if not self._is_silent:
            self._clear()
            tell(f"note: {visible(sentence)}")

    def finished(self) -> None:
        """Take the line away."""
        self._is_under_way = False
        self._clear()

    def _draw(self, *, is_forced: bool = False) -> None:
        now = time.monotonic()
        is_due = self._is_under_way and now - self._drawn_at >= _DRAW_SECS
        if self._stream is None or not (is_due or is_forced):
            return
        self._drawn_at = now
        columns = max(shutil.get_terminal_size().columns - 1, 10)
        self._write(f"\r\x1b[K{self._line(columns)}")

    def _line(self, columns: int) -> str:
        """Return the line: name, bar and figures, which give way in this order on a narrow terminal."""
        from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  only a terminal needs it

        now = time.monotonic()
        figures = self._figures(now) if self._is_under_way else self._waiting(now)
        if not self._state:  # the bar's end stays where it is while the figures change
            self._figures_cells = max(self._figures_cells, cell_len(figures))
        figures = set_cell_size(figures, min(columns, cell_len(figures)))
        if not self._is_under_way:
            return figures
        room = columns - max(self._figures_cells, cell_len(figures)) - 2
        has_bar = bool(self._size_bytes) and room >= _LEAST_BAR_CELLS
        name = self._short_name(room - 2 - (_LEAST_BAR_CELLS if has_bar else -2))
        room -= cell_len(name) + 2 if name else 0
        bar = self._bar(min(room, _MOST_BAR_CELLS)) if has_bar else ""
        return "  ".join(filter(None, (name, bar, figures)))

    def _short_name(self, cells: int) -> str:
        """Return the name in so many cells at most, or nothing where that would say nothing."""
        from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  only a terminal needs it

        cells = min(cells, MAX_NAME_CELLS)
        if cell_len(self._name) <= cells:
            return self._name
        mark = "…" if self._is_utf8 else "~"
        return set_cell_size(self._name, cells - 1) + mark if cells >= _LEAST_NAME_CELLS else ""

    def _bar(self, cells: int) -> str:
        assert self._size_bytes
        filled = min(cells, cells * self._have_bytes // self._size_bytes)
        done, rest = ("━", "╌") if self._is_utf8 else ("#", "-")
        return done * filled + rest * (cells - filled)

    @property
    def _is_utf8(self) -> bool:
        return "utf" in (getattr(self._stream, "encoding", "") or "").lower()

    def _waiting(self, now: float) -> str:
        """Return why nothing comes, and when it is tried again."""
        secs = self._again_at - now
        return f"{self._state}; again in {duration(secs)}" if secs >= 1 else self._state

    def _figures(self, now: float) -> str:
        size, have = self._size_bytes, self._have_bytes
        share = f"{min(100 * have // size, 100):3} %  " if size else ""
        if self._state:
            return f"{share}{self._waiting(now)}"
        rate = self._meter.rate(now=now)
        words = [f"{share}{amount(have, size)}"]
        if rate is not None:
            words.append(f"{amount(round(rate), None)}/s")
        left = self._meter.secs_left(size - have, now=now) if size else None
        if left is not None:
            words.append(f"{duration(left)} {self._verb}")
        elif rate == 0:
            words.append("nothing comes")
        return "  ".join(words)

    def _clear(self) -> None:
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(visible_on(self._stream, text))
            self._stream.flush()
        except (OSError, ValueError):
            self._stream, self._is_silent = None, True  # the terminal is gone


def amount(have_bytes: int, size_bytes: int | None) -> str:
    """Return an amount, or how much of another, in the unit of the larger one."""
    largest = have_bytes if size_bytes is None else size_bytes
    unit, name, digits = next((row for row in _UNITS if largest >= row[0]), (1, "bytes", 0))
    of = "" if size_bytes is None else f" of {size_bytes / unit:,.{digits}f}"
    return f"{have_bytes / unit:,.{digits}f}{of} {name}"


def duration(secs: float) -> str:
    """Return a time as a person would say it: the longer, the coarser."""
    if secs < 20:
        return f"{max(1, round(secs))} s"
    rounded = 5 * round(secs / 5)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 600:
        minutes, rest = divmod(rounded, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(secs / 60), 60)
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
