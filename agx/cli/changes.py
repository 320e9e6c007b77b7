"""What Delta did to a draft, in sentences."""

from __future__ import annotations

from agx.plan.context import TaskChange
from agx.plan.render import shell_argument
from agx.plan.schema import Task


def change_sentence(change: TaskChange) -> str:
    """Say one change: which task, and what it was and is."""
    if change.after is None:
        assert change.before is not None, "a change has at least one side"
        return f"removed draft task {change.before.task_number}: {_written(change.before)}"
    if change.before is None:
        return f"added task {change.after.task_number}: {_written(change.after)}"
    return f"changed task {change.after.task_number}: {_written(change.before)} -> {_written(change.after)}"


def _written(task: Task) -> str:
    words = [task.command, *map(shell_argument, task.args)]
    if task.arguments is not None:
        words.append(str(task.arguments))
    if task.input_from_task is not None:
        words.append(f"(input: task {task.input_from_task})")
    if task.save_to is not None or task.append_to is not None:
        words.append(f"> {task.save_to}" if task.save_to else f">> {task.append_to}")
    return " ".join(words)
