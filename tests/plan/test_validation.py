"""What pydantic refuses comes out as errors of our own."""

from __future__ import annotations

from typing import Any

import pytest

from agx.errors import PlanInvalid
from agx.plan.schema import MAX_ARGUMENT_CHARS, MAX_TASKS, Plan, Task, Text
from agx.plan.validation import exact, exact_tasks, limits_refused_as, validated

ROW: dict[str, Any] = {"task_number": 1, "command": "ls"}


def test_exact_reads_the_form_of_a_value_and_nothing_else() -> None:
    assert exact(Task, ROW) == Task(task_number=1, command="ls")
    with pytest.raises(PlanInvalid, match=r"^it does not have the form of a plan: command"):
        exact(Task, {"task_number": 1, "cmd": "ls"})


@pytest.mark.parametrize(
    "rows",
    [[{**ROW, "task_number": 2}], [ROW, ROW], [ROW] * (MAX_TASKS + 1), [{**ROW, "args": [{"glob": ""}]}]],
    ids=["not from 1", "twice", "too many", "no argument"],
)
def test_tasks_that_are_not_numbered_from_1_or_have_another_form_are_refused(rows: list[Any]) -> None:
    with pytest.raises(PlanInvalid) as raised:
        exact_tasks(rows)
    assert raised.value.details["findings"]


def test_no_tasks_are_tasks() -> None:
    assert exact_tasks([]) == ()


def test_the_error_has_a_finding_a_place_and_the_text() -> None:
    rows = [{**ROW, "args": [3, {"glob": 4}]}, {"task_number": "2", "command": "ls"}]
    data = {"plan_id": "plan_0", "instruction": "", "tasks": rows}
    with pytest.raises(PlanInvalid, match=r"^the draft does not have") as raised:
        validated(Plan, data, what="the draft", text="the text")
    findings: Any = raised.value.details["findings"]
    assert [finding["task"] for finding in findings] == [1, 1, 2]
    assert {finding["rule"] for finding in findings} == {"form"}
    assert raised.value.details["text"] == "the text"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Task(task_number=1, command="x" * 129), "the command's name has more than 128 characters"),
        (
            lambda: Task(task_number=1, command="l", save_to="x" * 5000),
            "a path has more than 4096 characters",
        ),
        (lambda: Text(text=("x",) * 65), "an argument has more than 64 parts"),
        (
            lambda: Task(task_number=1, command="ls", args=("x" * (MAX_ARGUMENT_CHARS + 1),)),
            "an argument has more than 65536 characters",
        ),
    ],
    ids=["command", "path", "parts", "argument"],
)
def test_a_limit_that_is_passed_is_named_in_the_error_that_was_asked_for(make: Any, message: str) -> None:
    with pytest.raises(LookupError) as raised, limits_refused_as(LookupError):
        make()
    assert raised.value.args == (message,)
