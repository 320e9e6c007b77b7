"""A text that becomes a plan: shell or JSON."""

from __future__ import annotations

import pytest

from agx.app.plan_sources import import_plan
from agx.errors import PlanInvalid
from agx.unix.registry import unix_registry


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("ls | wc -l", ["ls", "wc"]),
        ('{"tasks": [{"command": "ls"}]}', ["ls"]),
        ('[{"cmd": "ls", "args": []}]', ["ls"]),
        ('{"plan": ["sort", "uniq"]}', ["sort", "uniq"]),
        ('```json\n{"tasks": [{"command": "ls"}]}\n```', ["ls"]),
        ("[ -f x ]", ["["]),
    ],
    ids=["shell", "plan", "list", "older", "fenced", "test command"],
)
def test_shell_and_json_are_told_apart(text: str, commands: list[str]) -> None:
    plan, _ = import_plan(text, unix_registry())
    assert [task.command for task in plan.tasks] == commands


def test_findings_of_the_shell_text_come_with_the_plan() -> None:
    _, findings = import_plan("cat $X 2>/dev/null", unix_registry())
    assert any("2>/dev/null" in finding.message for finding in findings)


@pytest.mark.parametrize("text", ["no-such-tool -x", "ls; ps", '{"tasks": [{"command": "no-such-tool"}]}'])
def test_what_cannot_be_a_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanInvalid):
        import_plan(text, unix_registry())
