"""Numbering: tasks whose numbers are in order count from 1, and their references follow."""

from __future__ import annotations

from typing import Any

import pytest

from agx.errors import PlanInvalid
from agx.plan.references import numbered
from agx.plan.schema import TaskOutput
from agx.rules.check import read_plan
from agx.unix.registry import unix_registry


def rows_of(*numbers: Any) -> list[dict[str, Any]]:
    return [{"task_number": number, "command": "ls"} for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0, 1, 2), "the tasks were numbered 0, 1, 2; now they count from 1"),
        ((2,), "the tasks were numbered 2; now they count from 1"),
        ((10, 20, 30, 40, 50, 60), "the tasks were numbered 10, 20, 30, 40, 50, …; now they count from 1"),
    ],
)
def test_numbers_in_order_count_from_1(numbers: tuple[int, ...], said: str) -> None:
    rows, note = numbered(rows_of(*numbers))
    assert [row["task_number"] for row in rows] == list(range(1, len(numbers) + 1))
    assert note == said


def test_every_reference_follows() -> None:
    row = {
        "task_number": 5,
        "command": "echo",
        "input_from_task": 0,
        "args": ["a", {"task": 3}, {"task": 0, "split": True}, {"text": ["b", {"task": 3}, {"env": "A"}]}],
        "arguments": {"task": 3, "a": {"task": 3}, "b": [{"c": {"task": 0}}], "d": {"task": 3, "e": 1}},
    }
    rows, _ = numbered([*rows_of(0, 3), row])
    assert rows[2] == {
        "task_number": 3,
        "command": "echo",
        "input_from_task": 1,
        "args": ["a", {"task": 2}, {"task": 1, "split": True}, {"text": ["b", {"task": 2}, {"env": "A"}]}],
        "arguments": {"task": 3, "a": {"task": 2}, "b": [{"c": {"task": 1}}], "d": {"task": 3, "e": 1}},
    }


def test_missing_numbers_are_filled_in_without_a_word() -> None:
    rows, note = numbered([{"command": "ls"}, {"command": "wc", "input_from_task": 1}])
    assert ([row["task_number"] for row in rows], note) == ([1, 2], None)


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(2, 1),
        rows_of(1, 1),
        rows_of(-1, 0),
        rows_of(True, 2),
        rows_of("2", "3"),
        rows_of(2.0),
        rows_of(10**5000),
        [*rows_of(2), {"command": "ls"}],
        [*rows_of(2), {"task_number": 3, "command": "wc", "input_from_task": 1}],
        [*rows_of(2), {"task_number": 3, "command": "echo", "args": [{"task": 1}]}],
        [*rows_of(2), {"task_number": 3, "command": "echo", "args": [TaskOutput(task=1)]}],
        [*rows_of(2), {"task_number": 3, "command": "echo", "arguments": {"a": {"task": 1}}}],
    ],
    ids=[
        "backwards",
        "twice",
        "negative",
        "a truth value",
        "text",
        "a fraction",
        "huge",
        "one without",
        "a missing input",
        "a missing argument",
        "a typed argument",
        "a missing value",
    ],
)
def test_what_is_not_plain_is_left_to_be_refused(rows: list[dict[str, Any]]) -> None:
    left, note = numbered(rows)
    assert note is None
    assert left[0]["task_number"] == rows[0]["task_number"]
    with pytest.raises(PlanInvalid):
        read_plan({"tasks": rows}, unix_registry())


def test_a_plan_that_counts_from_0_is_read_and_says_so() -> None:
    rows = [{"step": 0, "cmd": "ls"}, {"step": 1, "cmd": "wc", "args": ["-l"], "input_from_step": 0}]
    plan, findings = read_plan({"tasks": rows}, unix_registry())
    assert [(task.task_number, task.input_from_task) for task in plan.tasks] == [(1, None), (2, 1)]
    assert [found.message for found in findings] == [
        "`step` was read as `task_number`",
        "`cmd` was read as `command`",
        "`input_from_step` was read as `input_from_task`",
        "the tasks were numbered 0, 1; now they count from 1",
    ]


def test_short_forms_are_chained_after_they_are_numbered() -> None:
    plan, _ = read_plan({"plan": [{"step": 0, "cmd": "ls"}, {"step": 1, "cmd": "wc"}]}, unix_registry())
    assert [task.input_from_task for task in plan.tasks] == [None, 1]


def test_what_lies_too_deep_is_refused_and_nothing_else() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    rows = [{"task_number": 0, "command": "ls", "arguments": {"a": deep}}]
    with pytest.raises(PlanInvalid):
        read_plan({"tasks": rows}, unix_registry())
