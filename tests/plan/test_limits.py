"""The bounds of a task: what runs past one is an error, whoever wrote it."""

from __future__ import annotations

import json

import pytest

from agx.backends.plan_requests import PlanOptions, plan_request
from agx.backends.plans import generate_plan
from agx.backends.scripted import ScriptedBackend
from agx.errors import PlanInvalid, UsageError
from agx.plan.limits import TaskLimits
from agx.risk.context import PlanContext

SMALL = PlanContext(limits=TaskLimits(max_args=2, max_arg_chars=4, max_path_chars=4, max_text_parts=2))
FITTING = {"command": "cat", "args": ["four", {"text": ["a", {"env": "A_LONG_NAME"}]}], "save_to": "f.md"}


def _written(**changes: object) -> str:
    return json.dumps({"tasks": [FITTING | changes]})


async def test_a_plan_at_its_limits_comes_back() -> None:
    """Limits are inclusive, and the name of a variable has a bound of its own."""
    generated = await generate_plan(ScriptedBackend([_written()]), "show it", SMALL)
    assert generated.tasks[0].written() == FITTING


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"args": ["a", "b", "c"]}, "3 arguments; 2 are allowed"),
        ({"args": ["12345"]}, "5 characters in one argument; 4 are allowed"),
        ({"args": [{"glob": "*.txt"}]}, "5 characters in one argument; 4 are allowed"),
        ({"args": [{"text": ["a", "12345"]}]}, "5 characters in one argument; 4 are allowed"),
        ({"args": [{"text": ["a", "b", "c"]}]}, "3 parts in one text; 2 are allowed"),
        ({"save_to": "a.txt"}, "5 characters in a path; 4 are allowed"),
    ],
    ids=["arguments", "literal", "glob", "in a text", "parts", "path"],
)
async def test_a_backend_that_ignores_the_schema_is_found_out(
    changes: dict[str, object], message: str
) -> None:
    """The text of a scripted backend is not constrained, so the check afterwards has to see it."""
    with pytest.raises(PlanInvalid, match=message) as caught:
        await generate_plan(ScriptedBackend([_written(**changes)]), "show it", SMALL)
    assert caught.value.findings[0]["rule"] == "limits"
    assert caught.value.findings[0]["task"] == 1


@pytest.mark.parametrize(
    "limits",
    [{"max_args": -1}, {"max_arg_chars": 0}, {"max_path_chars": 4097}, {"max_text_parts": 65}],
    ids=str,
)
def test_a_limit_that_no_plan_can_have_is_a_usage_error(limits: dict[str, int]) -> None:
    """The hint says what is possible."""
    with pytest.raises(UsageError, match=next(iter(limits))) as caught:
        TaskLimits(**limits)
    assert caught.value.hint.startswith("use ")


def test_the_schema_holds_the_limits() -> None:
    """It is made once for the same registry and limits, and anew for others."""
    schemas = [
        plan_request("show it", context, PlanOptions()).schema for context in (SMALL, SMALL, PlanContext())
    ]
    assert schemas[0] is schemas[1]
    assert schemas[0] != schemas[2]
