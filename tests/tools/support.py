"""What the tests of registries share: reading data, and the problems of data that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.app.registries import registry_of
from agx.errors import RegistryInvalid
from agx.plan.tools import ToolInfo

BFCL = Path(__file__).parents[3] / "shared" / "data" / "bfcl" / "cases.jsonl"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def one_tool(data: Any) -> ToolInfo:
    """Read data that has one tool."""
    (tool,) = registry_of(data)
    return tool


def with_schema(schema: Any, **more: Any) -> list[dict[str, Any]]:
    """Return a registry of one function."""
    return [{"name": "x", "schema": schema} | more]


def problems(data: Any) -> list[dict[str, Any]]:
    """Return what is wrong with data that has to be refused, and see that all of it can be read."""
    with pytest.raises(RegistryInvalid) as caught:
        registry_of(data, strict=True)
    error = caught.value
    assert error.exit_code == 2
    assert error.hint
    assert "\n" not in error.message
    found = error.details["problems"]
    assert isinstance(found, list)
    assert all(problem["hint"] and problem["message"].isprintable() for problem in found)
    assert json.loads(json.dumps(error.as_dict()))["code"] == "RegistryInvalid"
    assert error.message.startswith("the registry: ")
    return found


def refused_at(data: Any) -> dict[str, str]:
    """Return the places where data is refused, with the messages."""
    return {problem["pointer"]: problem["message"] for problem in problems(data)}
