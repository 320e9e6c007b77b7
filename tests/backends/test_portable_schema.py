"""A plan's schema as servers get it: plain, and as strict as it can be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agx.backends.portable_schema import PortableSchemas, portable_schema
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.tools import ToolInfo
from agx.unix.registry import unix_registry

WEATHER = ToolInfo(
    name="weather",
    description="Says the weather.",
    schema={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"enum": [1, 2]}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
FIND = {"command": "find", "args": [".", "-name", {"glob": "*.rs"}]}
COUNT = {"command": "xargs", "args": ["wc", "-l"], "input_from_task": 1}


def unix(max_tasks: int = 4) -> dict[str, Any]:
    return portable_schema(plan_schema(tuple(unix_registry()), PlanLimits(max_tasks=max_tasks)))


@pytest.mark.parametrize("max_tasks", [1, 2, 10])
def test_no_word_is_left_that_servers_do_not_know(max_tasks: int) -> None:
    text = json.dumps(unix(max_tasks))
    assert not any(word in text for word in ('"$', "urn:", "prefixItems", "x-guidance"))
    Draft202012Validator.check_schema(json.loads(text))
    tasks = json.loads(text)["properties"]["tasks"]
    assert (tasks["minItems"], tasks["maxItems"], tasks["items"]["type"]) == (1, max_tasks, "object")


@pytest.mark.parametrize(
    ("tasks", "is_valid"),
    [
        ([FIND], True),
        ([FIND, COUNT], True),
        ([FIND, {"command": "echo", "args": [{"task": 1, "split": True}], "save_to": "a"}], True),
        ([FIND, {"command": "echo", "args": [{"text": ["a", {"env": "HOME"}]}]}], True),
        ([], False),
        ([FIND] * 5, False),
        ([{"command": "no-such-tool", "args": []}], False),
        ([{"command": "find"}], False),
        ([{"command": "find", "args": [], "-l": 1}], False),
        ([{"command": "find", "args": [{"-l": "x"}]}], False),
        ([{"command": "find", "args": [1]}], False),
        ([FIND, COUNT | {"input_from_task": 4}], False),
    ],
)
def test_plans_of_unix_tools(tasks: list[Any], is_valid: bool) -> None:
    assert Draft202012Validator(unix()).is_valid({"tasks": tasks}) is is_valid


@pytest.mark.parametrize(
    ("arguments", "is_valid"),
    [
        ({"city": "Rome"}, True),
        ({"city": {"task": 1}, "days": 2}, True),
        ({"city": 3}, False),
        ({"days": 1}, False),
        ({"city": "Rome", "days": 3}, False),
        ({"city": "Rome", "hours": 3}, False),
    ],
)
def test_plans_of_functions(arguments: Any, is_valid: bool) -> None:
    schema = portable_schema(plan_schema((WEATHER,), PlanLimits(max_tasks=2)))
    assert '"$' not in json.dumps(schema)
    first = {"command": "weather", "arguments": {"city": "Oslo"}}
    tasks = [first, {"command": "weather", "arguments": arguments}]
    assert Draft202012Validator(schema).is_valid({"tasks": tasks}) is is_valid


def test_a_schema_of_another_kind_keeps_its_meaning() -> None:
    schema = {
        "$defs": {"word": {"type": "string", "default": {"$ref": "x"}}},
        "type": "object",
        "properties": {"$ref": {"$ref": "#/$defs/word"}, "pair": {"prefixItems": [{"const": 1}]}},
    }
    assert portable_schema(schema) == {
        "type": "object",
        "properties": {
            "$ref": {"type": "string", "default": {"$ref": "x"}},
            "pair": {"prefixItems": [{"const": 1}]},
        },
    }


def test_what_goes_round_in_circles_ends_in_any_value() -> None:
    schema = {"$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, "$ref": "#/$defs/tree"}
    assert portable_schema(schema) == {"type": "array", "items": {}}


def test_the_last_schema_is_made_portable_once() -> None:
    schemas = PortableSchemas()
    one: dict[str, Any] = {"type": "object"}
    other: dict[str, Any] = {"type": "array"}
    assert schemas(one) is schemas(one)
    assert (schemas(other), schemas(one)) == (portable_schema(other), portable_schema(one))
