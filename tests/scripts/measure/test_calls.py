"""`scripts/measure-calls`: which cases it takes, how it asks, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.backends.scripted import ScriptedBackend
from agx.errors import BackendError
from scripts.measure.calls import CATEGORIES, WITHOUT_AGX, answer, chosen_cases, measured, table, wilson

WEATHER = {
    "name": "get_weather",
    "description": "The weather",
    "parameters": {"type": "dict", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CASE = {
    "id": "a",
    "category": "multiple",
    "question": [[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Rome?"}]],
    "function": [WEATHER],
    "gold": [{"get_weather": {"city": ["Rome"]}}],
}
CALL = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
PLAN = json.dumps({"tasks": [{"command": "get_weather", "arguments": {"city": "Rome"}}]})


def calling(*replies: Any) -> ScriptedBackend:
    return ScriptedBackend(replies, takes_grammar=True, call_format="hermes")


def row(name: str, candidate: str, *, right: bool) -> dict[str, Any]:
    return {"id": name, "category": "multiple", "candidate": candidate, "right": right}


def test_cases_come_from_each_category_in_turn_and_are_always_the_same() -> None:
    cases = [{"id": f"{category}{at}", "category": category} for at in range(9) for category in CATEGORIES]
    chosen = chosen_cases(cases, 8)
    assert [case["category"] for case in chosen] == [*CATEGORIES, *CATEGORIES[:2]]
    assert chosen_cases(reversed(cases), 8) == chosen
    assert len(chosen_cases(cases, 200)) == len(cases)


@pytest.mark.parametrize(
    ("candidate", "reply"),
    [
        (WITHOUT_AGX, f"```json\n{CALL}\n```"),
        ("json", PLAN),
        ("native", f"<tool_call>\n{CALL}\n</tool_call>"),
    ],
)
async def test_each_candidate_asks_in_its_own_way(candidate: str, reply: str) -> None:
    backend = calling(reply)
    assert await answer(backend, CASE, candidate) == row("a", candidate, right=True) | {"text": reply}
    (request,) = backend.requests
    assert request.messages[-1].content == "Rome?"
    is_free = request.schema is None and request.grammar is None
    assert is_free is (candidate == WITHOUT_AGX)


@pytest.mark.parametrize("reply", ["I do not know.", CALL[:-2], BackendError("gone")])
@pytest.mark.parametrize("candidate", [WITHOUT_AGX, "native"])
async def test_an_answer_without_the_calls_is_wrong(candidate: str, reply: Any) -> None:
    assert (await answer(calling(reply), CASE, candidate))["right"] is False


async def test_what_the_log_knows_is_not_asked_again(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    first = await measured(calling(CALL), [CASE], [WITHOUT_AGX], log=log)
    again = await measured(calling(PLAN), [CASE], [WITHOUT_AGX, "json"], log=log)
    assert again[:1] == first
    assert [each["candidate"] for each in again] == [WITHOUT_AGX, "json"]


def test_the_table_has_the_cases_that_all_have_answered() -> None:
    rows = [row("a", "x", right=True), row("b", "x", right=True), row("a", "y", right=False)]
    lines = table(rows).splitlines()
    assert lines[0] == "| category | cases | x | y |"
    assert lines[-1] == "| all | 1 | 1 (0.21 to 1.00) | 0 (0.00 to 0.79) |"


def test_wilsons_bounds() -> None:
    """The example of 8 in 10."""
    assert [round(bound, 3) for bound in wilson(8, 10)] == [0.49, 0.943]
    assert wilson(0, 0) == (0.0, 1.0)
