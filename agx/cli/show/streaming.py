"""Text on a terminal's stderr while a model writes it, and cleared when it is complete."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
import unicodedata
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self

from agx.app.planners import unseen_warning
from agx.cli.show.output import Notes, is_terminal, may_colour, visible_on
from agx.planning.planner import Planner
from agx.requests import Chunk, PromptProgress
from agx.risk.context import GeneratedPlan, PlanContext
from agx.util.texts import visible

_DIM, _PLAIN = "\x1b[2m", "\x1b[22m"


class Progress:
    """A context manager that shows pieces of text on a terminal, and nothing anywhere else."""

    def __init__(self) -> None:
        self._stream = sys.stderr if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb" else None
        size = shutil.get_terminal_size()
        self._columns, self._lines = max(size.columns, 2), max(size.lines, 3)
        self._row = self._column = 0
        self._is_dim = False
        # When the prompt that is being read was first heard of, and how much of it had been read then.
        self._reading: tuple[float, int] | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there is a terminal to show anything on."""
        return self._stream is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def add(self, text: str, *, is_dim: bool = False) -> None:
        """Show the next piece of text, dimly where it is reasoning; raises nothing."""
        if self._stream is None:
            return
        if is_dim != self._is_dim:
            self.clear()  # a plan begins on a line of its own
        self._is_dim = is_dim
        shown = []
        for character in visible_on(self._stream, visible(text.replace("\n", " ") if is_dim else text)):
            width = _cells(character)
            if self._column + width > self._columns:
                self._row, self._column = self._row + 1, 0
            self._column += width
            shown.append(character)
        self._write("".join((_DIM, *shown, _PLAIN) if is_dim and may_colour(self._stream) else shown))
        if self._row >= self._lines - 2:
            self.clear()  # what has scrolled off the screen could not be taken away

    def loading(self, fraction: float) -> None:
        """Show how much of a model has been read, from 0 to 1, in place of the text."""
        self.clear()
        if fraction < 1.0:
            self.add(f"loading the model: {fraction:.0%}")

    def reading(self, prompt: PromptProgress) -> None:
        """Show how much of a prompt has been read, and how long the rest may take, in place of the text."""
        now = time.monotonic()
        if self._reading is None or prompt.num_read < self._reading[1]:
            self._reading = now, prompt.num_read
        self.clear()
        began_at, num_before = self._reading
        share = f"reading the prompt: {prompt.num_read / prompt.num_tokens:.0%} of {prompt.num_tokens} tokens"
        num_read = prompt.num_read - num_before
        if num_read:
            left_secs = (now - began_at) / num_read * (prompt.num_tokens - prompt.num_read)
            share += f", {left_secs:.0f} s left"
        self.add(share)

    def before(self, tell: Callable[[str], None]) -> Callable[[str], None]:
        """Return the function, with the text cleared before each call."""

        def cleared(text: str) -> None:
            self.clear()
            tell(text)

        return cleared

    def begin_text(self) -> None:
        """Clear what was shown of the prompt, once its answer begins."""
        if self._reading is not None:
            self._reading = None
            self.clear()

    def clear(self) -> None:
        """Clear what was shown."""
        if self._row or self._column:
            up = f"\x1b[{self._row}A" if self._row else ""
            self._write(f"{up}\r\x1b[J")
        self._row = self._column = 0

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None  # the terminal is gone


def shown_generation(
    planner: Planner,
    pieces: AsyncGenerator[Chunk | GeneratedPlan, None],
    *,
    context: PlanContext,
    notes: Notes,
) -> GeneratedPlan:
    """Run a stream of this planner, show its text while it comes, and return the plan."""

    async def run() -> GeneratedPlan:
        async with planner:
            with Progress() as progress:
                planner.on_progress = progress.loading
                planner.on_warning = progress.before(notes.warning)
                generated = await _streamed(pieces, progress)
            unseen = await unseen_warning(planner, context)
            if unseen is not None:
                notes.warning(unseen)
            return generated

    return asyncio.run(run())


async def _streamed(pieces: AsyncGenerator[Chunk | GeneratedPlan, None], progress: Progress) -> GeneratedPlan:
    generated: GeneratedPlan | None = None
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, GeneratedPlan):
                generated = piece
            elif piece.prompt is not None:
                progress.reading(piece.prompt)
            else:
                progress.begin_text()
                progress.add(piece.text, is_dim=piece.is_reasoning)
                if piece.finish_reason is not None:
                    progress.clear()  # with two roles a second text follows
    assert generated is not None, "a stream ends with its plan, or raises"
    return generated


def _cells(character: str) -> int:
    """Return how many columns a character takes. Source: Unicode Standard Annex 11."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
