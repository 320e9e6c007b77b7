"""What became of a plan that ran: a frozen record for each task, and the result that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["done", "failed", "timed_out", "stopped", "not_started"]


class TaskProblem(Exception):
    """Keeps one task from running, before its plan and its record are known; becomes a `TaskFailed`."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What became of one task.

    `status` is `stopped` for a task that was ended because another failed. `argv` is the argument vector
    that ran, None for a function. Times are UTC in ISO 8601. `exit_code` is None for a task that a signal
    ended; `signal` is then its name. `bytes_in` and `bytes_out` count standard input and output, None
    where AGX does not see them. `reader_left`: the reader of the output closed it early, which is not a
    failure. `output` is the beginning of an output that no task reads, `errors` the end of standard
    error, and `value` what a function returned.
    """

    task_number: int
    command: str
    status: Status = "not_started"
    argv: tuple[str, ...] | None = None
    program: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    duration_ms: float | None = None
    exit_code: int | None = None
    signal: str | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    reader_left: bool = False
    output: bytes = field(default=b"", repr=False)
    output_is_cut: bool = False
    errors: bytes = field(default=b"", repr=False)
    value: Any = None
    notes: tuple[str, ...] = ()

    @property
    def output_text(self) -> str:
        """The kept output as text; bytes that are not UTF-8 are replaced."""
        return self.output.decode(errors="replace")

    @property
    def errors_text(self) -> str:
        """The kept end of standard error as text."""
        return self.errors.decode(errors="replace")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "task_number": self.task_number,
            "command": self.command,
            "status": self.status,
            "argv": None if self.argv is None else list(self.argv),
            "program": self.program,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "duration_ms": self.duration_ms,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "reader_left": self.reader_left,
            "output": self.output_text,
            "output_is_cut": self.output_is_cut,
            "errors": self.errors_text,
            "value": self.value,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of a plan: a record for each task, in the plan's order."""

    plan_id: str
    started_at: str
    ended_at: str
    is_sandboxed: bool
    tasks: tuple[TaskRecord, ...]

    @property
    def is_done(self) -> bool:
        """Whether every task was done."""
        return all(task.status == "done" for task in self.tasks)

    @property
    def value(self) -> Any:  # noqa: ANN401  any JSON value
        """The value of the last task: what a function returned, or the kept output of a command."""
        last = self.tasks[-1]
        return last.value if last.argv is None else last.output_text

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "plan_id": self.plan_id,
            "is_done": self.is_done,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "is_sandboxed": self.is_sandboxed,
            "tasks": [task.to_dict() for task in self.tasks],
        }
