"""What the parts of one run share: the checked plan, the options, the outputs so far, the audience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agx.plan.schema import Plan, Task
from agx.plan.tools import Registry
from agx.run.environment import TaskEnviron
from agx.run.outputs import Outputs
from agx.run.sandbox import Sandbox
from agx.run.schedule import Schedule


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a plan is run. Sizes are in bytes, times in seconds.

    `folder` and `environ` None mean those of this process. `stdin` is a descriptor for the first task that
    reads standard input; all others, and all without it, read an empty one. `max_kept_bytes`
    bounds an output that later tasks use, `max_output_bytes` what a record keeps of an output that no
    task uses, `max_errors_bytes` what it keeps of standard error. A task that is stopped
    has `grace_secs` between SIGTERM and SIGKILL.
    """

    folder: Path | None = None
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    sandbox: bool = False
    stdin: int | None = None
    grace_secs: float = 2.0
    max_kept_bytes: int = 256 << 20
    max_output_bytes: int = 1 << 20
    max_errors_bytes: int = 8 << 10


class Audience(Protocol):
    """Whoever sees what tasks write while they run. `output` gets outputs that no other task reads."""

    async def output(self, task: Task, data: bytes) -> bool:
        """Take the next part of an output; False where it has no reader any more."""
        ...

    def errors(self, task: Task, data: bytes) -> None:
        """Take the next part of a task's standard error."""
        ...

    def note(self, task: Task, text: str) -> None:
        """Take a sentence about how a task is run."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A plan that can run here, with its present risk, and what it will run with.

    `programs` are files by task number, `environs` what each of these tasks gets of the environment, and
    `stdin_task` is the task that reads the given standard input.
    What was shown or approved is what runs: nothing of it is looked up again.
    """

    plan: Plan
    registry: Registry
    options: RunOptions
    schedule: Schedule
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    programs: Mapping[int, str]
    environs: Mapping[int, TaskEnviron] = field(repr=False)
    stdin_task: int | None
    sandbox: Sandbox | None


@dataclass(frozen=True, slots=True)
class Job:
    """A run in progress; `told` are the variables that were said to be kept from a task."""

    checked: CheckedRun
    outputs: Outputs
    audience: Audience | None
    told: set[str] = field(default_factory=set)
