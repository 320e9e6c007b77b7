"""What Delta did to a draft, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agx.plan.changes import TaskChange, change_counts, change_summary
from agx.plan.schema import Task
from agx.shell.render import shell_path, task_line

if TYPE_CHECKING:
    from agx.cli.output import Notes


def tell_changes(changes: Sequence[TaskChange], notes: Notes) -> None:
    """Tell every change, and all of them in one line."""
    for change in changes:
        notes.change(change_sentence(change), change.as_dict())
    notes.summary(change_summary(changes), change_counts(changes))


def change_sentence(change: TaskChange) -> str:
    """Say one change: which task, and what it was and is."""
    before, after = change.before, change.after
    if after is None:
        assert before is not None, "a change has at least one side"
        return f"removed draft task {before.task_number}: {task_text(before)}"
    if before is None:
        return f"added task {after.task_number}: {task_text(after)}"
    if change.kind == "moved":
        return f"moved draft task {before.task_number} to {after.task_number}: {task_text(after)}"
    return f"changed task {after.task_number}: {task_text(before)} -> {task_text(after)}"


def task_text(task: Task) -> str:
    """Return a task on one line, as a person reads it."""
    words = [task_line(task)]
    if task.input_from_task is not None:
        words.append(f"(input: task {task.input_from_task})")
    for arrow, path in ((">", task.save_to), (">>", task.append_to)):
        if path is not None:
            words.append(f"{arrow} {shell_path(path)}")
    return " ".join(words)
