"""Whether equal lines stand together in a task's output."""

from __future__ import annotations

from typing import Any

import pytest

from agx.plan.tools import Registry, ToolInfo
from agx.rules.line_order import equal_lines
from agx.shell.parse import parse_shell
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sort f", "together"),
        ("ls", "together"),
        ("comm a b", "together"),
        ("join a b", "together"),
        ("cut -f1 f | sort | head -n 5", "together"),
        ("sort f | grep -v x | tail +2", "unsure"),
        ("sort f | grep -v x | tail -n +2 | cat | tac", "together"),
        ("sort f | tee copy", "together"),
        ("uniq f", "together"),
        ("cat f", "apart"),
        ("cut -f1 f", "apart"),
        ("ls -l | awk '{print $3}'", "apart"),
        ("find . | xargs -n1 dirname", "apart"),
        ("grep -o x f", "apart"),
        ("sort f | cut -f1", "unsure"),
        ("sort f | grep -o x", "unsure"),
        ("sort f | grep --only-matching x", "unsure"),
        ("sort f | grep x other", "unsure"),
        ("sort f | cat - other", "unsure"),
        ("sort f | head -n 1 other", "unsure"),
        ("sudo sort f", "unsure"),
        ("find . | xargs sort", "unsure"),
        ("sh -c 'sort f'", "unsure"),
        ("perl -e 'print sort <>' f", "unsure"),
        ("ssh host sort f", "unsure"),
        ("frobnicate", "unsure"),
        ("tail -f log", "unsure"),
        ("tail -n5 -F log | cut -f1", "unsure"),
        ("tail --follow=name log", "unsure"),
        ("tail -n5 log", "apart"),
        ("tail -n5 conf", "apart"),
        ("dmesg -w | grep x", "unsure"),
        ("yes | head -n 5", "unsure"),
        ("vmstat 1", "unsure"),
    ],
)
def test_it_is_told_from_the_tools_on_the_way(command: str, expected: str) -> None:
    tasks = parse_shell(command).tasks
    assert equal_lines(tasks, len(tasks), unix_registry()) == expected


@pytest.mark.parametrize(
    "rows",
    [
        [{"command": "cat", "input_from_task": 1}],
        [{"command": "cat", "input_from_task": 2}, {"command": "cut", "input_from_task": 1}],
        [{"command": "cat", "args": ["f"], "save_to": "out"}],
    ],
    ids=["itself", "a later one", "a file"],
)
def test_what_cannot_be_followed_is_a_doubt(rows: list[dict[str, Any]]) -> None:
    assert equal_lines(plan_of(*rows).tasks, 1, unix_registry()) == "unsure"


def test_a_function_of_the_same_name_is_no_tool_that_is_known() -> None:
    registry = Registry.of([ToolInfo("cat", schema={"type": "object"})])
    assert equal_lines(plan_of({"command": "cat"}).tasks, 1, registry) == "unsure"
