"""What would run: every task's argument vector, as far as it is known beforehand. Nothing is started."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agx.errors import UsageError
from agx.plan.schema import Argument, Glob, Task, Text
from agx.run.empty_values import guards
from agx.run.expansion import Surroundings, depends_on_output, expand
from agx.run.job import CheckedRun
from agx.run.preflight import risks_to_approve
from agx.run.record import TaskProblem
from agx.shell.render import shell_argument


@dataclass(frozen=True, slots=True)
class TaskPreview:
    """One task as it would run.

    `argv` is final unless `may_change`: another task's output is shown as `$(task 1)`, and file names may
    differ once an earlier task has changed files. `line` is the same for people; a literal argument never
    looks like an output in it. `together_with` are the tasks of its pipeline.
    """

    task_number: int
    program: str | None
    argv: tuple[str, ...]
    line: str
    may_change: bool
    together_with: tuple[int, ...]
    input: str
    output: str
    risk: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPreview:
    """A plan as it would run: tasks in the order they start, and the risks to approve.

    `sandbox` is the beginning of every argument vector in a sandbox; it is empty without one.
    """

    plan_id: str
    folder: str
    to_approve: tuple[str, ...]
    sandbox: tuple[str, ...]
    tasks: tuple[TaskPreview, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def preview_of(checked: CheckedRun) -> RunPreview:
    """Return what would run; raises `UsageError` for an argument that cannot be expanded."""
    look = _Look(checked)
    return RunPreview(
        plan_id=checked.plan.plan_id,
        folder=str(checked.folder),
        to_approve=risks_to_approve(checked.plan),
        sandbox=() if checked.sandbox is None else tuple(checked.sandbox.argv(())),
        tasks=tuple(look.task(task) for task in look.in_order()),
    )


class _Look:
    def __init__(self, checked: CheckedRun) -> None:
        self._checked = checked
        self._order = checked.schedule
        # `shell_argument` writes outputs of other tasks; they are never needed here.
        self._around = Surroundings(checked.folder, checked.environ, output_of=str)

    def in_order(self) -> list[Task]:
        return [self._checked.plan.tasks[number - 1] for chain in self._order.chains for number in chain]

    def task(self, task: Task) -> TaskPreview:
        chain = next(chain for chain in self._order.chains if task.task_number in chain)
        args, words, notes = self._args(task)
        return TaskPreview(
            task_number=task.task_number,
            program=self._checked.programs.get(task.task_number),
            argv=(task.command, *args),
            line=" ".join((task.command, *words)),
            may_change=self._may_change(task),
            together_with=tuple(number for number in chain if number != task.task_number),
            input=self._input(task, chain),
            output=self._output(task, chain),
            risk=task.risk,
            notes=notes,
        )

    def _args(self, task: Task) -> tuple[list[str], list[str], tuple[str, ...]]:
        """Return the arguments, the same as words for people, and notes about them."""
        args: list[str] = []
        words: list[str] = []
        notes: list[str] = []
        for item, guard in zip(task.args, guards(task, self._checked.registry), strict=True):
            if depends_on_output(item):
                args.append(shell_argument(item))
                words.append(args[-1])
                continue
            try:
                expanded = expand([item], self._around, guards=[guard])
            except TaskProblem as problem:
                raise UsageError(
                    f"task {task.task_number} ({task.command}): {problem.message}", hint=problem.hint
                ) from None
            args += expanded.args
            words += map(shlex.quote, expanded.args)
            notes += expanded.notes
        if task.arguments is not None:
            words.append(json.dumps(task.arguments, ensure_ascii=False))
        return args, words, tuple(notes)

    def _may_change(self, task: Task) -> bool:
        before = self.in_order()
        before = before[: before.index(task)]
        changes_files = any(set(earlier.risk) - {"reads"} for earlier in before)
        return any(depends_on_output(item) or (changes_files and _has_pattern(item)) for item in task.args)

    def _input(self, task: Task, chain: Sequence[int]) -> str:
        if task.task_number == self._checked.stdin_task:
            return "standard input"
        if task.input_from_task is None:
            return "empty"
        how = "through a pipe" if task.input_from_task in chain else "once it has ended"
        return f"task {task.input_from_task}, {how}"

    def _output(self, task: Task, chain: Sequence[int]) -> str:
        if task.saves_output:
            return (
                f"{'replaces' if task.append_to is None else 'appends to'} {task.save_to or task.append_to}"
            )
        if task.task_number != chain[-1]:
            return f"task {chain[chain.index(task.task_number) + 1]}, through a pipe"
        return "kept for later tasks" if task.task_number in self._order.kept else "standard output"


def _has_pattern(item: Argument) -> bool:
    parts = item.text if isinstance(item, Text) else (item,)
    return any(isinstance(part, Glob) for part in parts)
