"""Changing one task, and tasks as JSON in an editor."""

from __future__ import annotations

import json

import pytest

from agx.errors import UsageError
from agx.plan.open_plan import OpenPlan
from agx.session.task_edit import TaskChanger, TaskEdit, editable_json, edited_tasks, task_rows
from tests.plan.helpers import task

PLAN = OpenPlan.begun(
    tasks=[
        task("find", "."),
        task("sort", number=2, input_from_task=1, timeout_secs=9),
        task("wc", number=3, input_from_task=2, save_to="out"),
    ]
)


@pytest.mark.parametrize(
    ("number", "edit", "expected"),
    [
        (2, TaskEdit(command="sort -rn"), {"args": ["-rn"], "input_from_task": 1, "timeout_secs": 9}),
        (2, TaskEdit(no_input=True), {"input_from_task": None}),
        (3, TaskEdit(input_from=1), {"input_from_task": 1, "save_to": "out"}),
        (3, TaskEdit(append_to="log"), {"save_to": None, "append_to": "log"}),
        (3, TaskEdit(no_save=True), {"save_to": None}),
        (3, TaskEdit(command="ls >> log"), {"command": "ls", "save_to": None, "append_to": "log"}),
        (3, TaskEdit(command="ls"), {"command": "ls", "save_to": "out"}),
        (3, TaskEdit(task='{"command": "ls"}', save_to="x"), {"command": "ls", "save_to": "x"}),
        (2, TaskEdit(timeout_secs=5), {"timeout_secs": 5}),
    ],
)
def test_an_edit_changes_what_it_says(number: int, edit: TaskEdit, expected: dict[str, object]) -> None:
    changed, done = TaskChanger(number, edit).applied(PLAN)
    row = changed.tasks[number - 1].to_dict()
    assert {name: row.get(name) for name in expected} == expected
    assert done.startswith(f"changed task {number}: ")
    assert changed.tasks[: number - 1] == PLAN.tasks[: number - 1]


def test_an_edit_knows_what_it_says() -> None:
    assert TaskEdit().given == frozenset()
    assert TaskEdit(timeout_secs=0, no_save=True).given == {"timeout_secs", "no_save"}


def test_one_task_is_changed_to_one() -> None:
    with pytest.raises(UsageError, match="this makes 2 tasks"):
        TaskChanger(1, TaskEdit(command="ls | wc")).applied(PLAN)


def test_a_plan_comes_back_from_an_editor_as_it_was() -> None:
    """Risk is not shown, since it is computed; a task can be taken out, and numbers are places."""
    text = editable_json(PLAN, None)
    assert '"risk"' not in text
    assert edited_tasks(text, PLAN, None) == PLAN.tasks
    assert edited_tasks(editable_json(PLAN, 2), PLAN, 2) == PLAN.tasks
    assert [one.command for one in edited_tasks(json.dumps(json.loads(text)[:2]), PLAN, None)] == [
        "find",
        "sort",
    ]


def test_tasks_are_read_from_a_plan_a_list_or_one() -> None:
    row = {"command": "ls"}
    for data in (row, [row], {"tasks": [row]}):
        assert task_rows(json.dumps(data)) == [row]
