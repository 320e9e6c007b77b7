"""Calls are read from any text that has them, and a broken one is never taken for a whole."""

from __future__ import annotations

import pytest

from agx.errors import PlanInvalid
from agx.toolcalls.reading import calls_in, plan_of_calls

ONE = '{"name": "f", "arguments": {"a": 1}}'
CALL = ("f", {"a": 1})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (ONE, 1),
        (f"<tool_call>\n{ONE}\n</tool_call>", 1),
        (f"<tool_call>\n{ONE}\n</tool_call>\n<tool_call>\n{ONE}\n</tool_call>", 2),
        (f"[{ONE}, {ONE}]", 2),
        (ONE.replace("arguments", "parameters") + "; " + ONE, 2),
        (f"I call the function.\n```json\n{ONE}\n```\nThat is all.", 1),
        ('{"type": "function", "function": ' + ONE + "}", 1),
        ('{\n  "name": "f",\n  "arguments": {\n    "a": 1\n  }\n}', 1),
        (f"{{x}} [1, 2] {ONE}", 1),
        ("I cannot do that.", 0),
        ('{"name": "f"}', 0),
        ("", 0),
    ],
)
def test_calls_are_read_from_any_text_that_has_them(text: str, number: int) -> None:
    assert calls_in(text) == [CALL] * number


@pytest.mark.parametrize("length", range(1, len(ONE)))
def test_a_text_that_was_cut_off_has_no_call(length: int) -> None:
    try:
        assert calls_in(ONE[:length]) == []
    except PlanInvalid as error:
        assert error.text == ONE[:length]  # noqa: PT017  either will do


def test_a_broken_call_behind_a_whole_one_is_an_error() -> None:
    with pytest.raises(PlanInvalid, match="broken"):
        calls_in(f"{ONE}\n{ONE[:-3]}")


def test_calls_become_a_plan_and_none_are_an_error() -> None:
    assert plan_of_calls(ONE) == {"tasks": [{"command": "f", "arguments": {"a": 1}}]}
    with pytest.raises(PlanInvalid, match="no tool call") as caught:
        plan_of_calls("No.")
    assert caught.value.text == "No."
