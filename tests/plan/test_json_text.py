"""Finding a plan's JSON in a text."""

from __future__ import annotations

from typing import Any

import pytest

from agx.errors import PlanInvalid
from agx.plan.json_text import MAX_TEXT_CHARS, find_json

PLAN = '{"tasks":[{"command":"ls","args":[]}]}'
VALUE = {"tasks": [{"command": "ls", "args": []}]}


@pytest.mark.parametrize(
    "text",
    [
        PLAN,
        f"\n {PLAN}\n",
        f"```json\n{PLAN}\n```",
        f"```\n{PLAN}\n```\n",
        f"Here it is:\n```json\n{PLAN}\n```\nDone.",
        f"Sure! {PLAN} That is all.",
        f"Use [ls] and {{braces}}: {PLAN}",
        f"[1, 2] {PLAN}",
        f'First {{"mood": "good"}}, then {PLAN}',
        f'It has the form {{"tasks": […]}}:\n```json\n{PLAN}\n```',
        f"{PLAN} {PLAN.replace('ls', 'rm')}",
    ],
    ids=range(11),
)
def test_a_plan_is_found_alone_fenced_or_with_text_around(text: str) -> None:
    assert find_json(text) == VALUE


@pytest.mark.parametrize(
    ("text", "value"), [("[]", []), ('{"a": 1}', {"a": 1}), ('so: [{"command": "ls"}]', [{"command": "ls"}])]
)
def test_other_values_are_found_where_there_is_no_plan(text: str, value: Any) -> None:
    assert find_json(text) == value


BROKEN = {
    "nothing": "",
    "prose": "I cannot do that.",
    "no object": '"text" 5 null',
    "open": "{",
    "many openings": "[x" * 10**5,
    "deep": "[" * 10**5,
    "deep objects": '{"a":' * 10**5,
    "deep but closed": "[" * 10**5 + "]" * 10**5,
    "not a number": '{"tasks": NaN}',
    "infinite": '{"tasks": -Infinity}',
    "long number": '{"tasks": ' + "9" * 5000 + "}",
    "too long": " " * (MAX_TEXT_CHARS + 1),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_text_without_a_readable_value_is_refused(text: str) -> None:
    with pytest.raises(PlanInvalid):
        find_json(text)


@pytest.mark.parametrize("end", range(1, len(PLAN)))
def test_a_plan_that_breaks_off_is_never_taken_for_a_shorter_one(end: int) -> None:
    with pytest.raises(PlanInvalid):
        find_json(PLAN[:end])
    with pytest.raises(PlanInvalid):
        find_json(f"```json\n{PLAN[:end]}")


@pytest.mark.parametrize(
    "text",
    [
        '{"tasks":[{"command":"a","args":["x\ny"]},{"command":"ls"}]}',
        '{"tasks":[{"command":"a"},{"command":"b",},{"command":"ls"}]}',
        '{"tasks":[{\'command\':\'a\'},{"command":"ls"}]}',
        '[{"command":"a"} {"command":"ls"}]',
    ],
    ids=["raw newline", "comma", "quotes", "no comma"],
)
def test_a_piece_of_a_broken_plan_is_never_taken_for_the_plan(text: str) -> None:
    with pytest.raises(PlanInvalid, match="broken at character"):
        find_json(text)
