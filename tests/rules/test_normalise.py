"""Normalising: a lone `uniq` becomes `sort` and `uniq`, and whoever reads the plan is told."""

from __future__ import annotations

from typing import Any

import pytest

from agx.plan.schema import MAX_TASKS, Plan, PlanMetadata
from agx.plan.tools import Registry, ToolInfo
from agx.rules.check import read_draft, read_plan
from agx.rules.normalise import normalised
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of

UNIX = unix_registry()
SENTENCE = "a sort was put before uniq, which drops only neighbouring duplicates"


def row(command: str, *args: Any, **fields: Any) -> dict[str, Any]:
    return {"command": command, "args": list(args), **fields}


def written(plan: Plan) -> list[dict[str, Any]]:
    return [task.written() for task in plan.tasks]


def test_a_sort_comes_between_a_uniq_and_its_unsorted_input() -> None:
    plan, notes = normalised(plan_of(row("cat", "a"), row("uniq", "-c", input_from_task=1)), UNIX)
    assert written(plan) == [
        row("cat", "a"),
        row("sort", input_from_task=1),
        row("uniq", "-c", input_from_task=2),
    ]
    assert [(found.severity, found.task, found.rule, found.message) for found in notes] == [
        ("advice", 2, "normalised", SENTENCE)
    ]


@pytest.mark.parametrize(
    ("uniq", "expected"),
    [
        (row("uniq"), [row("sort"), row("uniq", input_from_task=1)]),
        (row("uniq", "-"), [row("sort"), row("uniq", input_from_task=1)]),
        (row("uniq", "-c", "f"), [row("sort", "f"), row("uniq", "-c", input_from_task=1)]),
        (row("uniq", {"env": "F"}), [row("sort", {"env": "F"}), row("uniq", input_from_task=1)]),
        (row("uniq", "-di", "f"), [row("sort", "-f", "f"), row("uniq", "-di", input_from_task=1)]),
        (
            row("uniq", "-z", "--ignore-case", save_to="out"),
            [row("sort", "-fz"), row("uniq", "-z", "--ignore-case", input_from_task=1, save_to="out")],
        ),
    ],
    ids=["alone", "dash", "file", "variable", "ignoring case", "both"],
)
def test_a_uniq_that_comes_first_leaves_its_file_to_the_sort(
    uniq: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    plan, notes = normalised(plan_of(uniq), UNIX)
    assert written(plan) == expected
    assert [found.task for found in notes] == [1]


def test_every_reference_follows() -> None:
    rows = [
        row("date"),
        row("cat", "a"),
        row("uniq", input_from_task=2),
        row("cat", "b"),
        row("uniq", input_from_task=4),
        row("echo", {"task": 3}, {"text": ["x", {"task": 1}, {"task": 5}]}, {"task": 5, "split": True}),
        {"command": "note", "arguments": {"a": [{"task": 3}], "b": {"task": 4}}, "input_from_task": 5},
    ]
    plan, notes = normalised(plan_of(*rows), UNIX)
    assert written(plan) == [
        row("date"),
        row("cat", "a"),
        row("sort", input_from_task=2),
        row("uniq", input_from_task=3),
        row("cat", "b"),
        row("sort", input_from_task=5),
        row("uniq", input_from_task=6),
        row("echo", {"task": 4}, {"text": ["x", {"task": 1}, {"task": 7}]}, {"task": 7, "split": True}),
        {"command": "note", "arguments": {"a": [{"task": 4}], "b": {"task": 5}}, "input_from_task": 7},
    ]
    assert [task.task_number for task in plan.tasks] == list(range(1, 10))
    assert [found.task for found in notes] == [3, 6]


def test_the_sort_has_the_time_of_its_uniq() -> None:
    plan, _ = normalised(plan_of(row("cat", "a"), row("uniq", input_from_task=1, timeout_secs=7)), UNIX)
    assert [task.timeout_secs for task in plan.tasks] == [300, 7, 7]


@pytest.mark.parametrize(
    "rows",
    [
        [row("sort", "a"), row("uniq", input_from_task=1)],
        [row("ls"), row("uniq", input_from_task=1)],
        [row("uniq", "a", "b")],
        [row("uniq", "-f", "1", "a")],
        [row("uniq", "-f1", "a")],
        [row("uniq", "-w", "12", "a")],
        [row("uniq", "-5", "a")],
        [row("uniq", "--frob", "a")],
        [row("uniq", "--", "a")],
        [row("uniq", {"env": "A"}, {"env": "B"})],
        [row("sort", "a"), row("uniq")],
        [row("cat", "a"), row("uniq", "b", input_from_task=1)],
        [row("cat", "a"), row("uniq", {"task": 1})],
        [row("tail", "-f", "a"), row("uniq", input_from_task=1)],
        [row("frobnicate"), row("uniq", input_from_task=1)],
        [row("sort", "a"), row("cut", "-f1", input_from_task=1), row("uniq", input_from_task=2)],
        [row("xargs", "uniq")],
        [row("uniq", input_from_task=1)],
        [row("uniq", input_from_task=2), row("cat", "a")],
    ],
    ids=str,
)
def test_what_is_right_or_in_doubt_stays_as_it_is(rows: list[dict[str, Any]]) -> None:
    plan = plan_of(*rows)
    assert normalised(plan, UNIX) == (plan, ())


@pytest.mark.parametrize(
    "instruction",
    [
        "drop adjacent duplicates",
        "Collapse repeats",
        "squeeze lines",
        "consecutively equal lines",
        "equal lines next to each other",
        "Back-to-back repeats",
    ],
)
def test_an_instruction_that_speaks_of_neighbours_means_uniq_alone(instruction: str) -> None:
    plan = plan_of(row("uniq", "a"), instruction=instruction)
    assert normalised(plan, UNIX) == (plan, ())


def test_a_plan_never_gets_longer_than_it_may() -> None:
    rows = [row("cat", "a"), row("uniq", input_from_task=1), row("cat", "b"), row("uniq", input_from_task=3)]
    assert [len(normalised(plan_of(*rows), UNIX, max_tasks=most)[0].tasks) for most in (4, 5, 6)] == [4, 5, 6]
    full = plan_of(*[row("mkdir", str(number)) for number in range(MAX_TASKS - 1)], row("uniq", "a"))
    assert normalised(full, UNIX) == (full, ())


@pytest.mark.parametrize(
    "tools",
    [
        [ToolInfo("uniq")],
        [ToolInfo("uniq"), ToolInfo("sort", schema={})],
        [ToolInfo("uniq", schema={}), ToolInfo("sort")],
    ],
    ids=["no sort", "another sort", "another uniq"],
)
def test_a_registry_without_the_two_commands_leaves_the_plan_alone(tools: list[ToolInfo]) -> None:
    plan = plan_of({"command": "uniq"})
    assert normalised(plan, Registry.of(tools)) == (plan, ())


def test_normalising_again_changes_nothing() -> None:
    once, _ = normalised(plan_of(row("cat", "a"), row("uniq", input_from_task=1)), UNIX)
    assert normalised(once, UNIX) == (once, ())


def test_a_plan_that_is_read_says_what_was_normalised() -> None:
    metadata = PlanMetadata(backend="scripted", model="none", normalised=("before",))
    source = {"tasks": [row("cat", "a"), row("uniq", input_from_task=1)]}
    plan, findings = read_plan(source, UNIX, metadata=metadata)
    assert plan.metadata is not None
    assert plan.metadata.normalised == ("before", f"task 2: {SENTENCE}")
    assert [(found.severity, found.rule, found.task) for found in findings] == [("advice", "normalised", 2)]
    assert [task.risk for task in plan.tasks] == [("reads",)] * 3
    again, found_again = read_plan(plan.to_dict(), UNIX)
    assert (again, found_again) == (plan, ())


def test_a_plan_without_metadata_has_the_note_among_its_findings_alone() -> None:
    plan, findings = read_plan({"tasks": [row("cat", "a"), row("uniq", input_from_task=1)]}, UNIX)
    assert plan.metadata is None
    assert [found.message for found in findings] == [SENTENCE]


def test_where_there_is_no_room_the_warning_stays() -> None:
    source = {"tasks": [row("cat", "a"), row("uniq", input_from_task=1)]}
    plan, findings = read_plan(source, UNIX, max_tasks=2)
    assert written(plan) == source["tasks"]
    assert [found.rule for found in findings] == ["uniq-without-sort"]


def test_a_draft_for_delta_stays_as_it_was_written() -> None:
    source = {"tasks": [row("cat", "a"), row("uniq", input_from_task=1)]}
    plan, findings = read_draft(source, UNIX)
    assert written(plan) == source["tasks"]
    assert [found.rule for found in findings] == ["uniq-without-sort"]
