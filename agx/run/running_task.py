"""One task while it runs: its process, the flow of its output, and what becomes of it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from agx.errors import RunError, TaskFailed, TaskTimedOut
from agx.plan.schema import Task
from agx.run.pipes import Descriptor, Flow, Tail
from agx.run.program import Program, start
from agx.run.record import Status, TaskProblem, TaskRecord

_DRAIN_SECS = 1.0
_SHOWN_LINES = 5

Count = Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class Stream:
    """An input or output of a program: its descriptor, and the number of bytes that went through it.

    `flow` moves an output on from our end of the pipe; without it the program writes a file itself.
    """

    descriptor: Descriptor
    num_bytes: Count
    flow: Flow | None = None


@dataclass(frozen=True, slots=True)
class ReadyTask:
    """A task that is ready to start.

    `argv` and `path` are the plan's; `program` is what is started, which in a sandbox is more. `errors`
    keeps the end of standard error, `accepted` are the exit codes of success.
    """

    task: Task
    program: Program
    argv: tuple[str, ...]
    path: str
    stdin: Stream
    stdout: Stream
    stderr: Stream
    errors: Tail
    accepted: tuple[int, ...]
    notes: tuple[str, ...] = ()


class Timer:
    """When something began, and how long it took."""

    def __init__(self) -> None:
        self.started_at = utc_now()
        self._began = time.monotonic()

    def ms(self) -> float:
        """Return the milliseconds since then."""
        return round((time.monotonic() - self._began) * 1000, 3)


def utc_now() -> str:
    """Return the time now, in UTC and ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunningTask:
    """A running task of a chain. `attend` follows it to its end, `record` says what became of it."""

    def __init__(self, prepared: ReadyTask, *, upstream: RunningTask | None, grace_secs: float) -> None:
        """Start the program; raises `TaskProblem`."""
        self._prepared = prepared
        self._upstream = upstream
        self._grace_secs = grace_secs
        self._status: Status = "stopped"
        self._problem: TaskProblem | None = None
        self._ended: tuple[str, float] | None = None
        self._timer = Timer()
        streams = (prepared.stdin, prepared.stdout, prepared.stderr)
        stdin, stdout, stderr = (stream.descriptor.number for stream in streams)
        self._process = start(prepared.program, stdin=stdin, stdout=stdout, stderr=stderr)
        for stream in streams:
            stream.descriptor.close()  # the program has its own; a reader reaches the end only without ours
        self._output = prepared.stdout.flow
        self._moving = _started(self._output)
        self._moving_errors = _started(prepared.stderr.flow)

    def __repr__(self) -> str:
        return f"<RunningTask of {name_of(self._prepared.task)}, {self._status}>"

    async def attend(self) -> None:
        """Follow the task to its end.

        Raises `TaskFailed` or `TaskTimedOut`. Whatever ends this ends the process group too. A reader
        reaches the end of the output only after the task has succeeded, so that no task takes a part of
        its input for the whole.
        """
        try:
            async with asyncio.timeout(self._prepared.task.timeout_secs):
                await self._run()
        except TimeoutError:
            self._status = "timed_out"
        except TaskProblem as problem:
            self._status, self._problem = "failed", problem
        finally:
            await self.close()
        if self._status != "done":
            raise self._error()
        if self._output is not None:
            self._output.finish()

    def leave(self) -> None:
        """Close the output for want of a reader: the program's next write fails."""
        if self._output is not None and self._moving is not None and not self._moving.done():
            self._output.reader_left = True
            self._moving.cancel()

    async def close(self) -> None:
        """End the rest of the process group, and take what it has written; safe to call twice."""
        if self._ended is not None:
            return
        moving = [one for one in (self._moving, self._moving_errors) if one is not None]
        try:
            await self._process.end(grace_secs=self._grace_secs)
            if self._status != "stopped":  # the rest of a stopped task's output is of no interest
                await _finished(moving, timeout_secs=_DRAIN_SECS)
        finally:
            self._ended = utc_now(), self._timer.ms()
            if self._upstream is not None:
                self._upstream.leave()
            for one in moving:
                one.cancel()
            await _finished(moving)
            for one in moving:
                one.cancelled() or one.exception()  # the error was reported, or is of no interest

    def record(self) -> TaskRecord:
        """Return what became of the task."""
        prepared = self._prepared
        ended_at, duration_ms = self._ended or (utc_now(), self._timer.ms())
        exit_code, signal_name = self._outcome
        return TaskRecord(
            task_number=prepared.task.task_number,
            command=prepared.task.command,
            status=self._status,
            argv=prepared.argv,
            program=prepared.path,
            started_at=self._timer.started_at,
            ended_at=ended_at,
            duration_ms=duration_ms,
            exit_code=exit_code,
            signal=signal_name,
            bytes_in=prepared.stdin.num_bytes(),
            bytes_out=prepared.stdout.num_bytes(),
            reader_left=self._reader_left,
            errors=prepared.errors.kept,
            notes=prepared.notes,
        )

    async def _run(self) -> None:
        code = await self._process.ended()
        self._raise_refusal()
        if code not in self._prepared.accepted and not self._reader_left:
            self._status = "failed"
            return
        if self._moving is not None:
            await _finished([self._moving])  # children of the program may still write
        self._raise_refusal()
        self._status = "done"

    @property
    def _reader_left(self) -> bool:
        return self._output is not None and self._output.reader_left

    @property
    def _outcome(self) -> tuple[int | None, str | None]:
        """The exit code, or the name of the signal that ended the program."""
        code = self._process.returncode
        if code is None or code >= 0:
            return code, None
        return None, _signal_name(-code)

    def _raise_refusal(self) -> None:
        """Raise the sink's problem with the output."""
        if self._moving is not None and self._moving.done() and not self._moving.cancelled():
            self._moving.result()

    def _error(self) -> RunError:
        task, (exit_code, signal_name) = self._prepared.task, self._outcome
        if self._problem is not None:
            return failure(task, self._problem)
        lines = self._prepared.errors.kept.decode(errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip()][-_SHOWN_LINES:]
        details = {"exit_code": exit_code, "signal": signal_name, "errors": said}
        if self._status == "timed_out":
            return timed_out(task, **details)
        how = f"was ended by {signal_name}" if signal_name else f"failed with exit code {exit_code}"
        hint = f"it said: {' / '.join(said)}" if said else "it said nothing on standard error"
        return TaskFailed(f"{name_of(task)} {how}", hint=hint, task=task.task_number, **details)


def name_of(task: Task) -> str:
    """Return a task's name in messages."""
    return f"task {task.task_number} ({task.command})"


def failure(task: Task, problem: TaskProblem) -> TaskFailed:
    """Return the error of a task that a problem kept from running."""
    return TaskFailed(f"{name_of(task)}: {problem.message}", hint=problem.hint, task=task.task_number)


def timed_out(task: Task, **details: object) -> TaskTimedOut:
    """Return the error of a task that took too long."""
    return TaskTimedOut(
        f"{name_of(task)} ran into its time limit of {task.timeout_secs} s",
        hint="give the task a larger timeout_secs",
        task=task.task_number,
        **details,
    )


async def _finished(tasks: Iterable[asyncio.Task[None]], *, timeout_secs: float | None = None) -> None:
    """Wait until all are done, however they end, or the time is over."""
    waiting = [task for task in tasks if not task.done()]
    if waiting:
        await asyncio.wait(waiting, timeout=timeout_secs)


def _started(flow: Flow | None) -> asyncio.Task[None] | None:
    return None if flow is None else asyncio.create_task(flow.run())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
