"""Editing a list of tasks: pure functions that keep every reference at the task it named.

Numbers are positions, 1-based. Each function returns a new list, numbered 1, 2, 3, …; a change that
would leave a reference without its task raises `UsageError`, and the list stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from agx.errors import UsageError
from agx.plan.references import references, renumbered, sources
from agx.plan.schema import MAX_TASKS, Task

Tasks = tuple[Task, ...]
WhenRead = Literal["refuse", "reconnect", "cascade"]


def insert_tasks(
    tasks: Sequence[Task], new: Sequence[Task], *, at: int | None = None, input_from: int | None = None
) -> Tasks:
    """Put new tasks at the position `at`, or behind all others.

    The new tasks are numbered among themselves, from 1. `input_from` names the task of the list
    whose output the first of them reads.
    """
    place = len(tasks) + 1 if at is None else at
    if not 1 <= place <= len(tasks) + 1:
        raise UsageError(f"there is no place {place} for a task", hint=f"use 1 to {len(tasks) + 1}")
    if len(tasks) + len(new) > MAX_TASKS:
        raise UsageError(
            f"the plan would have {len(tasks) + len(new)} tasks; {MAX_TASKS} are allowed",
            hint="split the work into two plans",
        )
    if input_from is not None:
        existing(tasks, input_from)
        if input_from >= place:
            raise UsageError(
                f"a task at place {place} cannot read task {input_from}",
                hint="a task reads from one that stands before it",
            )
    old_numbers = {number: number + len(new) * (number >= place) for number in range(1, len(tasks) + 1)}
    new_numbers = {number: number + place - 1 for number in range(1, len(new) + 1)}
    moved = [renumbered(task, old_numbers) for task in tasks]
    added = [renumbered(task, new_numbers) for task in new]
    if input_from is not None and added:
        added[0] = added[0].model_copy(update={"input_from_task": input_from})
    return _numbered([*moved[: place - 1], *added, *moved[place - 1 :]])


def replace_task(tasks: Sequence[Task], number: int, task: Task) -> Tasks:
    """Put another task in the place of one; its references are numbers of this list."""
    existing(tasks, number)
    return _numbered([*tasks[: number - 1], task, *tasks[number:]])


def remove_task(tasks: Sequence[Task], number: int, *, when_read: WhenRead = "refuse") -> Tasks:
    """Take a task away.

    Where others read its output: `refuse`, `cascade` takes them away as well, and `reconnect` lets
    them read what the task itself read as its standard input, or nothing.
    """
    target = existing(tasks, number)
    readers = [task for task in tasks if number in sources(task)]
    if readers and when_read == "refuse":
        raise UsageError(
            f"{_listed(readers)} the output of task {number}",
            hint="--reconnect lets them read what it reads, --cascade removes them as well",
        )
    if when_read == "cascade":
        return _without(tasks, _dependents(tasks, number))
    in_arguments = [task for task in readers if number in references(task)]
    if in_arguments:
        raise UsageError(
            f"{_listed(in_arguments)} the output of task {number} as an argument",
            hint="edit them first, or remove them as well with --cascade",
        )
    kept = [
        task.model_copy(update={"input_from_task": target.input_from_task}) if task in readers else task
        for task in tasks
    ]
    return _without(kept, {number})


def move_task(tasks: Sequence[Task], number: int, to: int) -> Tasks:
    """Move a task to another position; the tasks between make room."""
    existing(tasks, number)
    if not 1 <= to <= len(tasks):
        raise UsageError(f"there is no place {to} in a plan of {len(tasks)}", hint=f"use 1 to {len(tasks)}")
    order = [position for position in range(1, len(tasks) + 1) if position != number]
    order.insert(to - 1, number)
    numbers = {old: new for new, old in enumerate(order, start=1)}
    for task in tasks:
        for source in sources(task):
            if numbers[source] >= numbers[task.task_number]:
                raise UsageError(
                    f"task {task.task_number} reads task {source}, and would stand before it",
                    hint=f"move it elsewhere, or change what task {task.task_number} reads first",
                )
    return _numbered([renumbered(tasks[old - 1], numbers) for old in order])


def existing(tasks: Sequence[Task], number: int) -> Task:
    """Return the task of a number; raises `UsageError` where there is none."""
    if 1 <= number <= len(tasks):
        return tasks[number - 1]
    hint = f"use 1 to {len(tasks)}" if tasks else "the plan has no tasks yet"
    raise UsageError(f"there is no task {number}", hint=hint)


def _dependents(tasks: Sequence[Task], number: int) -> set[int]:
    """Return a task's number with those of all tasks that need its output, at any distance."""
    found = {number}
    for task in tasks:
        if found.intersection(sources(task)):
            found.add(task.task_number)
    return found


def _without(tasks: Sequence[Task], gone: set[int]) -> Tasks:
    kept = [task for task in tasks if task.task_number not in gone]
    numbers = {task.task_number: new for new, task in enumerate(kept, start=1)}
    return _numbered([renumbered(task, numbers) for task in kept])


def _numbered(tasks: Iterable[Task]) -> Tasks:
    return tuple(
        task if task.task_number == number else task.model_copy(update={"task_number": number})
        for number, task in enumerate(tasks, start=1)
    )


def _listed(tasks: Sequence[Task]) -> str:
    numbers = [str(task.task_number) for task in tasks]
    if len(numbers) == 1:
        return f"task {numbers[0]} reads"
    return f"tasks {', '.join(numbers[:-1])} and {numbers[-1]} read"
