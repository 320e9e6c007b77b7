"""Running a plan with what its tasks write shown: outputs on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
import codecs
import sys
from collections.abc import Sequence

from agx.cli.show.output import Notes, is_terminal, tell, visible_on
from agx.cli.signals import until_signal
from agx.errors import RunError, StorageError
from agx.plan.schema import Task
from agx.run.job import CheckedRun
from agx.run.pipes import Outlet
from agx.run.record import RunResult
from agx.run.runner import run_checked
from agx.util.texts import visible, visible_lines

MAX_TERMINAL_BYTES = 1 << 20
MAX_ERROR_BYTES = 64 << 10
MAX_LINE_BYTES = 4 << 10


def run_shown(checked: CheckedRun, *, as_json: bool, notes: Notes) -> RunResult:
    """Run what was checked and approved, and show what its tasks write unless the result is JSON.

    Returns the result and raises as `run_checked`.
    """
    live = None if as_json else Live(notes)
    try:
        result = asyncio.run(until_signal(run_checked(checked, audience=live)))
    except RunError as error:
        if live is not None:
            live.finish()
            live.report(error)
        raise
    if live is not None:
        live.finish()
    return result


class Live:
    """An `Audience` for people and pipes.

    A pipe or a file gets every byte of an output. A terminal gets text, its control characters
    escaped, and at most `MAX_TERMINAL_BYTES` of it. Of each task's standard error at most
    `MAX_ERROR_BYTES` are shown, line by line with the task's number.
    """

    def __init__(self, notes: Notes) -> None:
        if sys.stdout is None:
            raise StorageError("standard output is closed", hint="leave stdout open, or send it to a file")
        sys.stdout.flush()
        self._notes = notes
        self._outlet = Outlet(sys.stdout.fileno())
        self._is_terminal = is_terminal(sys.stdout)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._room = MAX_TERMINAL_BYTES
        self._stderr: dict[int, _Lines] = {}
        self._last_heard: int | None = None
        self._in_line = False

    async def output(self, task: Task, data: bytes) -> bool:
        """Show the next part of an output; raises `StorageError` where stdout cannot be written."""
        if self._is_terminal:
            data = self._for_terminal(task, data)
        try:
            is_read = await self._outlet.write(data)
        except OSError as error:
            raise StorageError(
                f"standard output cannot be written: {error.strerror}", hint="free some space"
            ) from error
        if data:
            self._last_heard, self._in_line = None, self._is_terminal and not data.endswith(b"\n")
        return is_read

    def errors(self, task: Task, data: bytes) -> None:
        """Show the next part of a task's standard error."""
        lines = self._stderr.setdefault(task.task_number, _Lines(task.task_number))
        self._show(lines, lines.whole(data))

    def note(self, task: Task, text: str) -> None:
        """Say how a task is run."""
        self._begin_line()
        self._notes.warning(f"task {task.task_number}: {text}")

    def finish(self) -> None:
        """Show what is left: lines without an end."""
        for lines in self._stderr.values():
            self._show(lines, lines.rest())

    def report(self, error: RunError) -> None:
        """Prepare the error for a person: what stands right above it is not repeated."""
        self._begin_line()
        last = self._last_heard
        if last is None or last != error.details.get("task") or not error.details.get("errors"):
            return
        if not self._stderr[last].is_cut:
            error.hint = "what it said stands above"

    def _show(self, lines: _Lines, texts: Sequence[str]) -> None:
        for text in texts:
            self._begin_line()
            tell(text)
            self._last_heard = lines.number

    def _begin_line(self) -> None:
        """Leave the line of an output that has no end, where both are on one terminal."""
        if self._in_line and is_terminal(sys.stderr):
            tell("")
        self._in_line = False

    def _for_terminal(self, task: Task, data: bytes) -> bytes:
        if self._room < 0:
            return b""
        shown, self._room = data[: self._room], self._room - len(data)
        if self._room < 0:
            limit = f"{MAX_TERMINAL_BYTES:,} bytes"
            self.note(task, f"only the first {limit} of output are shown; send it to a file to have all")
        return visible_on(sys.stdout, visible_lines(self._decoder.decode(shown))).encode(
            sys.stdout.encoding or "utf-8"
        )


class _Lines:
    """A task's standard error as lines for people, up to a limit."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._open = b""
        self._room = MAX_ERROR_BYTES

    @property
    def is_cut(self) -> bool:
        """Whether there was more than is shown."""
        return self._room < 0

    def whole(self, data: bytes) -> list[str]:
        """Take the next part, and return the lines that it completes."""
        if self.is_cut:
            return []
        self._room -= len(data)
        *lines, self._open = (self._open + data).split(b"\n")
        if len(self._open) > MAX_LINE_BYTES:
            lines, self._open = [*lines, self._open], b""
        shown = [self._line(line) for line in lines]
        if self.is_cut:
            self._open = b""
            shown.append(f"task {self.number}: … the rest of its standard error is not shown")
        return shown

    def rest(self) -> list[str]:
        """Return what came without a line break."""
        rest, self._open = self._open, b""
        return [self._line(rest)] if rest else []

    def _line(self, line: bytes) -> str:
        text = line[:MAX_LINE_BYTES].decode(errors="replace")
        return f"task {self.number}: {visible(text.removesuffix(chr(13)))}"
