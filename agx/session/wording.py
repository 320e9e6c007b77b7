"""What was done to a plan, in words: tasks and changes as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from agx.plan.changes import TaskChange
from agx.plan.schema import Task
from agx.shell.render import shell_path, task_line


def task_text(task: Task) -> str:
    """Return a task on one line: what it calls, what it reads and where its output goes."""
    words = [task_line(task)]
    if task.input_from_task is not None:
        words.append(f"(input: task {task.input_from_task})")
    for arrow, path in ((">", task.save_to), (">>", task.append_to)):
        if path is not None:
            words.append(f"{arrow} {shell_path(path)}")
    return " ".join(words)


def called_text(tasks: Sequence[Task]) -> str:
    """Return tasks as one pipeline would show them, for people who read what was asked for."""
    return " | ".join(task_text(task.model_copy(update={"input_from_task": None})) for task in tasks)


def added_sentence(tasks: Sequence[Task]) -> str:
    """Say which tasks were added."""
    texts = [f"{task.task_number}: {task_text(task)}" for task in tasks]
    return f"added task {texts[0]}" if len(texts) == 1 else f"added tasks {'; '.join(texts)}"


def change_sentence(change: TaskChange) -> str:
    """Say what Delta changed: which task, and what it was and is."""
    before, after = change.before, change.after
    if after is None:
        assert before is not None, "a change has at least one side"
        return f"removed draft task {before.task_number}: {task_text(before)}"
    if before is None:
        return f"added task {after.task_number}: {task_text(after)}"
    if change.kind == "moved":
        return f"moved draft task {before.task_number} to {after.task_number}: {task_text(after)}"
    return f"changed task {after.task_number}: {task_text(before)} -> {task_text(after)}"
