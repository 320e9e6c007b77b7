"""What the rules find in a plan."""

from __future__ import annotations

from typing import Any

import pytest

from agx.plan.references import references, sources
from agx.rules.findings import MAX_FOUND, check
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of, task

UNIX = unix_registry()


def found(*rows: dict[str, Any], max_tasks: int = 10) -> list[tuple[str, str, int | None]]:
    """Return severity, rule and task of each finding."""
    return [
        (finding.severity, finding.rule, finding.task)
        for finding in check(plan_of(*rows).tasks, UNIX, max_tasks=max_tasks)
    ]


def row(command: str, *args: Any, **fields: Any) -> dict[str, Any]:
    return {"command": command, "args": args, **fields}


def test_a_good_plan_has_no_findings() -> None:
    good = [row("find", ".", "-name", "*.rs"), row("xargs", "wc", "-l", input_from_task=1)]
    assert found(*good) == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("frobnicate")], ("error", "unknown-tool", 1)),
        ([row("wc", input_from_task=1)], ("error", "bad-reference", 1)),
        ([row("wc", input_from_task=2, save_to="a"), row("ls")], ("error", "bad-reference", 1)),
        ([row("echo", {"task": 1})], ("error", "bad-reference", 1)),
        ([row("echo", {"text": ["a", {"task": 4}]})], ("error", "bad-reference", 1)),
        ([row("ls", save_to="a"), row("wc", input_from_task=1)], ("error", "empty-reference", 2)),
        ([row("ls", append_to="a"), row("echo", {"task": 1})], ("error", "empty-reference", 2)),
        ([row("ls"), row("date")], ("warning", "unread-output", 1)),
        ([row("find", "."), row("ls", input_from_task=1)], ("warning", "ignored-input", 2)),
        ([row("cat", "a"), row("uniq", input_from_task=1)], ("warning", "uniq-without-sort", 2)),
        ([row("grep", {"glob": "a*"}, "f")], ("warning", "pattern-as-glob", 1)),
        ([row("find", ".", "-name", {"glob": "*.c"})], ("warning", "pattern-as-glob", 1)),
        ([row("find", "."), row("sudo", "rm", input_from_task=1)], ("warning", "ignored-input", 2)),
        (
            [row("find", "."), row("nice", "env", "A=b", "ls", input_from_task=1)],
            ("warning", "ignored-input", 2),
        ),
        ([row("xargs", "grep", {"glob": "a*"})], ("warning", "pattern-as-glob", 1)),
        ([row("rm", "*.o")], ("advice", "glob-as-text", 1)),
        ([row("grep", "-n", "a*", "*.c")], ("advice", "glob-as-text", 1)),
        ([row("sudo", "rm", "*.o")], ("advice", "glob-as-text", 1)),
        ([row("xargs", "-I", "{}", "cp", "{}", "*.d")], ("advice", "glob-as-text", 1)),
        ([row("echo", {"task": 4}, {"task": 4})], ("error", "bad-reference", 1)),
        ([row("parallel", "grep", {"glob": "a*"})], ("warning", "pattern-as-glob", 1)),
        ([row("watch", "ls", "*.o")], ("advice", "glob-as-text", 1)),
        ([row("ls", "--frob")], ("warning", "unknown-option", 1)),
        ([row("xargs", "rm", "--frob")], ("warning", "unknown-option", 1)),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_each_rule_finds_its_fault(rows: list[dict[str, Any]], expected: tuple[str, str, int]) -> None:
    assert found(*rows) == [expected]


@pytest.mark.parametrize(
    "rows",
    [
        [row("mkdir", "a"), row("ls", "a")],
        [row("ls", save_to="a"), row("wc", "a")],
        [row("sort", "a"), row("uniq", input_from_task=1)],
        [row("uniq", "a")],
        [row("find", ".", "-name", "*.c")],
        [row("ls", {"glob": "*.c"})],
        [row("echo", "*")],
        [row("date"), row("echo", {"task": 1})],
        [row("sort", "a"), row("head", input_from_task=1), row("uniq", input_from_task=2)],
        [row("ls"), row("uniq", input_from_task=1)],
        [row("head", "-n", "*", "a")],
        [row("cut", "-d", "*", "-f", "1", "a")],
        [row("sort", "-t", "?", "a")],
        [row("grep", "-e", "a*", "-e", "b*", "f")],
        [row("find", "."), row("sudo", "tee", "a", input_from_task=1)],
        [row("find", "."), row("xargs", "ls", input_from_task=1)],
        [row("cat", "password"), row("sudo", "-S", "rm", "a", input_from_task=1)],
        [row("yes"), row("rm", "-i", "a", input_from_task=1)],
        [row("ls"), row("date", "-f", "-", input_from_task=1)],
        [row("find", ".", "-size", "-5k", "-exec", "rm", "-rf", "{}", "+")],
    ],
)
def test_what_is_right_is_left_alone(rows: list[dict[str, Any]]) -> None:
    assert found(*rows) == []


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("gerp", "; did you mean grep?"),
        ("/bin/ls", "; did you mean ls?"),
        ("get-weather", ""),
    ],
)
def test_an_unknown_tool_has_the_nearest_name_as_its_hint(command: str, hint: str) -> None:
    finding = check(plan_of(row(command)).tasks, UNIX, max_tasks=10)[0]
    assert finding.hint == f"use a tool of the registry, or add this one to it{hint}"


def test_a_flood_of_findings_is_not_told_one_by_one() -> None:
    rows = [row("rm", *[f"*.{number}" for number in range(200)]) for _ in range(64)]
    assert len(found(*rows, max_tasks=64)) == MAX_FOUND
    strange = [row("x" * 128) for _ in range(64)]
    assert len(found(*strange, max_tasks=64)) == MAX_FOUND


@pytest.mark.parametrize(
    "given",
    [
        row("rm", "*" * 60_000),
        row("grep", {"glob": "*\n" * 2000}),
        row("ls", "--" + "x\n" * 30_000),
        row("x\n" * 60),
        row("xargs", "x\n" * 30_000, "-name", {"glob": "*"}),
    ],
    ids=["a pattern", "file names", "an option", "a tool", "an inner tool"],
)
def test_a_message_is_one_short_line_whatever_it_quotes(given: dict[str, Any]) -> None:
    """It goes into Delta's prompt, where one line is one finding."""
    (finding,) = check(plan_of(given).tasks, UNIX, max_tasks=10)
    assert len(finding.message) < 250
    assert "\n" not in finding.message


def test_too_many_tasks_concern_the_whole_plan() -> None:
    rows = [row("mkdir", str(number)) for number in range(4)]
    assert found(*rows, max_tasks=3) == [("error", "too-many-tasks", None)]
    assert found(*rows, max_tasks=4) == []


def test_errors_come_first_then_the_order_of_tasks() -> None:
    rows = [row("ls"), row("rm", "*.o"), row("cat", "*"), row("frobnicate")]
    assert [(severity, number) for severity, _, number in found(*rows)] == [
        ("error", 4),
        ("warning", 1),
        ("warning", 3),
        ("advice", 2),
        ("advice", 3),
    ]


def test_the_sentences_that_the_planner_is_trained_on_stay_as_they_are() -> None:
    rows = [
        row("frobnicate"),
        row("wc", input_from_task=9),
        row("ls", save_to="a"),
        row("cat", input_from_task=3),
        row("date"),
        row("echo", "x", input_from_task=5),
        row("uniq", input_from_task=6),
        row("grep", {"glob": "a*"}),
        row("rm", "*.o", "-j"),
    ]
    assert {finding.rule: finding.message for finding in check(plan_of(*rows).tasks, UNIX, max_tasks=8)} == {
        "unknown-tool": "there is no tool named 'frobnicate'",
        "too-many-tasks": "the plan has 9 tasks; 8 are allowed",
        "bad-reference": "it reads task 9, which is not an earlier task",
        "empty-reference": "it reads task 3, whose output goes to a file",
        "unread-output": "no task reads its output",
        "ignored-input": "echo does not read its standard input",
        "uniq-without-sort": "uniq drops only neighbouring duplicates",
        "pattern-as-glob": "grep wants the pattern a* itself",
        "glob-as-text": "*.o is taken literally",
        "unknown-option": "rm has no option -j",
    }


def test_references_are_found_at_any_depth_of_named_arguments() -> None:
    arguments = {"a": {"task": 1}, "b": [{"c": {"task": 2}}], "task": 3, "d": {"task": 4, "split": True}}
    assert list(references(task("f", arguments=arguments))) == [1, 2]
    assert list(references(task("f", arguments={"task": 3}))) == [], "here `task` is a parameter's name"


@pytest.mark.parametrize("number", [-1, 0, 1, 2, 99])
def test_a_named_argument_cannot_read_a_task_that_is_not_earlier(number: int) -> None:
    plan = plan_of({"command": "ls", "arguments": {"a": [{"task": number}]}})
    rules = [finding.rule for finding in check(plan.tasks, UNIX, max_tasks=10)]
    assert rules == ["bad-reference"]


def test_sources_name_standard_input_first() -> None:
    reading = task("echo", {"task": 1}, {"text": [{"task": 3}]}, number=4, input_from_task=2)
    assert sources(reading) == [2, 1, 3]
