"""Changing one task of a plan, and reading tasks as JSON that a person or a program wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from agx.errors import UsageError
from agx.plan.editing import existing, replace_task
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Finding, Task
from agx.plan.validation import exact_tasks
from agx.session.wording import task_text
from agx.shell.parse import read_shell

Row = dict[str, Any]
_EXAMPLE = 'e.g. {"command": "sort", "args": ["-r"], "input_from_task": 1}'
_REDIRECTIONS = ("save_to", "append_to")


@dataclass(frozen=True, slots=True)
class TaskEdit:
    """What is to change in a task: None and False leave a field as it is.

    `command` is shell text and `task` JSON for one task. A field beside them is changed after them.
    """

    command: str | None = None
    task: str | None = None
    input_from: int | None = None
    no_input: bool = False
    save_to: str | None = None
    append_to: str | None = None
    no_save: bool = False
    timeout_secs: int | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of the fields that say something."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # 0 is a value, and a wrong one.
        return frozenset(name for name, value in values.items() if value is not None and value is not False)


class TaskChanger:
    """Applies an edit to a task; `findings` say what its shell text means otherwise than a shell takes it.

    Raises `PlanInvalid` where the shell text has no form in a plan.
    """

    def __init__(self, number: int, edit: TaskEdit) -> None:
        reading = None if edit.command is None else read_shell(edit.command)
        self._number = number
        self._edit = edit
        self._called = None if reading is None else reading.plan.tasks
        found = () if reading is None else reading.findings
        self.findings: tuple[Finding, ...] = tuple(one.model_copy(update={"task": number}) for one in found)

    def applied(self, plan: OpenPlan) -> tuple[OpenPlan, str]:
        """Return the changed plan and what was done; raises `UsageError` or `PlanInvalid`."""
        number, edit = self._number, self._edit
        task = self._changed(existing(plan.tasks, number), plan)
        plan = plan.with_tasks(replace_task(plan.tasks, number, task))
        if edit.command is not None or edit.task is not None:
            plan = plan.with_asked(number, task_text(task))
        limit = f", at most {task.timeout_secs} s" if edit.timeout_secs is not None else ""
        return plan, f"changed task {number}: {task_text(task)}{limit}"

    def _changed(self, task: Task, plan: OpenPlan) -> Task:
        row = self._with_fields(self._replaced(task))
        rows = [one.to_dict() for one in plan.tasks]
        rows[self._number - 1] = row | {"task_number": self._number}
        return exact_tasks(rows)[self._number - 1]

    def _replaced(self, task: Task) -> Row:
        """Return the task as JSON, with another call where the edit has one."""
        if self._edit.task is not None:
            return one_row(task_rows(self._edit.task), hint='add the others: agx plan add --task "…"')
        if self._called is None:
            return task.to_dict()
        rows = [called.written() for called in self._called]
        called = one_row(rows, hint='add the others: agx plan add --command "…"')
        replaced = {"arguments"}
        if called.keys() & set(_REDIRECTIONS):
            replaced.update(_REDIRECTIONS)
        return {key: value for key, value in task.to_dict().items() if key not in replaced} | called

    def _with_fields(self, row: Row) -> Row:
        edit = self._edit
        if edit.no_input:
            row.pop("input_from_task", None)
        if edit.input_from is not None:
            row["input_from_task"] = edit.input_from
        if edit.timeout_secs is not None:
            row["timeout_secs"] = edit.timeout_secs
        targets = {"save_to": edit.save_to, "append_to": edit.append_to}
        target = {name: path for name, path in targets.items() if path is not None}
        if target or edit.no_save:
            for name in _REDIRECTIONS:
                row.pop(name, None)
        return row | target


def task_rows(text: str) -> list[Row]:
    """Read a task, a list of tasks or a plan in JSON; raises `UsageError` for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"this is no JSON: {error}", hint=_EXAMPLE) from None
    if isinstance(data, dict) and isinstance(data.get("tasks"), list):
        data = data["tasks"]
    rows = data if isinstance(data, list) else [data]
    if not all(isinstance(row, dict) for row in rows):
        raise UsageError("a task is a JSON object", hint=_EXAMPLE)
    return rows


def one_row(rows: list[Row], *, hint: str) -> Row:
    """Return the only task of a list; raises `UsageError`, whose hint says what to do with several."""
    if not rows:
        raise UsageError("there is no task in this list", hint="to take the task away: agx plan remove N")
    if len(rows) > 1:
        raise UsageError(f"this makes {len(rows)} tasks, and one is to be changed", hint=hint)
    return rows[0]


def editable_json(plan: OpenPlan, number: int | None) -> str:
    """Return a task, or without a number all of them, as JSON for an editor; risk is computed, not edited."""
    rows = [task.to_dict() for task in plan.tasks]
    for row in rows:
        del row["risk"]
    shown = rows if number is None else rows[existing(plan.tasks, number).task_number - 1]
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def edited_tasks(text: str, plan: OpenPlan, number: int | None) -> tuple[Task, ...]:
    """Return the plan's tasks as an editor left them; raises `UsageError` or `PlanInvalid`."""
    rows = task_rows(text)
    if number is not None:
        row = one_row(rows, hint="edit the whole plan instead: agx plan edit")
        rows = [task.to_dict() for task in plan.tasks]
        rows[number - 1] = row
    # Numbers are places here, so that a task can be taken out or put in.
    return exact_tasks([row | {"task_number": place} for place, row in enumerate(rows, start=1)])
