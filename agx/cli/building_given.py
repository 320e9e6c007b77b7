"""`agx plan add` with tasks that need no model: shell text, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agx.cli.building import added_text, buffer_of, checked, registry_of, task_rows, tell_done
from agx.cli.changes import task_text
from agx.cli.options import App
from agx.errors import UsageError
from agx.plan.editing import insert_tasks
from agx.plan.exact import exact_tasks
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Finding, Task
from agx.shell.parse import read_shell


def add_given(app: App, options: Mapping[str, Any]) -> int:
    """Add the tasks of --command or --task, and show the plan."""
    reading = None if options["command"] is None else read_shell(options["command"])

    def appended(plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        known = plan or OpenPlan.begun()
        if reading is None:
            tasks = _with_rows(known, str(options["task"]))
        else:
            tasks = insert_tasks(known.tasks, reading.plan.tasks, input_from=source_of(known, options))
        checked(tasks, registry_of(known))
        added = tasks[len(known.tasks) :]
        asked = _called(added) if reading is None else reading.plan.instruction.strip()
        return known.with_tasks(tasks, asked=asked), added_text(added)

    plan, done = buffer_of(options).change(appended)
    said = [] if reading is None else _behind(len(plan.tasks) - len(reading.plan.tasks), reading.findings)
    return tell_done(plan, done, app=app, options=options, said=said)


def _behind(num_tasks: int, findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with the numbers that their tasks have behind others."""
    return [one.model_copy(update={"task": one.task and one.task + num_tasks}) for one in findings]


def _called(tasks: Iterable[Task]) -> str:
    """Return tasks as a shell text would, for whoever reads what was asked for."""
    return " | ".join(task_text(task.model_copy(update={"input_from_task": None})) for task in tasks)


def source_of(plan: OpenPlan, options: Mapping[str, Any]) -> int | None:
    """Return the number of the task that the first one reads; raises `UsageError` where --pipe has none."""
    if not options["pipe"]:
        number: int | None = options["input_from"]
        return number
    if not plan.tasks:
        raise UsageError("there is no task yet whose output could be read", hint="leave --pipe out")
    return len(plan.tasks)


def _with_rows(plan: OpenPlan, text: str) -> tuple[Task, ...]:
    """Return the plan's tasks with those of a JSON text behind them; raises `UsageError` or `PlanInvalid`."""
    numbered = [
        {"task_number": number, **row}
        for number, row in enumerate(task_rows(text), start=len(plan.tasks) + 1)
    ]
    if not numbered:
        raise UsageError("there are no tasks in this list", hint="give at least one")
    return exact_tasks([*(task.to_dict() for task in plan.tasks), *numbered])
