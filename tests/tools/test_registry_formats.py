"""The forms of lists of tools: they mean the same."""

from __future__ import annotations

from typing import Any

import pytest

from agx.app.registries import registry_of
from tests.tools.support import CITY, one_tool, refused_at

OWN = {"name": "weather", "description": "d", "schema": CITY}
FUNCTION = {"name": "weather", "description": "d", "parameters": CITY}
MCP = {"name": "weather", "title": "Weather", "description": "d", "inputSchema": CITY, "annotations": {}}


@pytest.mark.parametrize(
    "data",
    [
        [OWN],
        {"tools": [OWN]},
        OWN,
        [FUNCTION],
        {"functions": [FUNCTION | {"strict": True}]},
        [{"type": "function", "function": FUNCTION}],
        {"type": "function", "function": FUNCTION},
        {"model": "gpt", "tools": [{"type": "function", "function": FUNCTION | {"strict": True}}]},
        [{"type": "function", "strict": True} | FUNCTION],
        {"tools": [MCP], "nextCursor": "x"},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [MCP | {"outputSchema": CITY, "_meta": {}}]}},
        [
            {
                "name": "weather",
                "description": "d",
                "input_schema": CITY,
                "cache_control": {"type": "ephemeral"},
            }
        ],
        [{"functionDeclarations": [FUNCTION]}],
        {"tools": [{"function_declarations": [FUNCTION]}]},
        {"weather": {"description": "d", "schema": CITY}},
        {"tools": {"weather": {"description": "d", "parameters": CITY}}},
        {"tools": {"weather": FUNCTION}},
        [{"title": "weather", "description": "d"} | CITY],
        [{"name": "weather", "description": "d", "strict": True, "schema": CITY}],
        {"id": "simple_1", "question": [], "function": [FUNCTION], "gold": []},
    ],
    ids=str,
)
def test_the_forms_of_a_registry_mean_the_same(data: Any) -> None:
    tool = one_tool(data)
    assert (tool.name, tool.description) == ("weather", "d")
    assert tool.schema is not None
    assert {key: value for key, value in tool.schema.items() if key != "title"} == CITY
    assert tool.risk == ("runs_code",), "what nobody vouches for is not harmless"


def test_a_bare_schema_keeps_its_keys() -> None:
    """And what belongs to the tool is not in it."""
    schema = {
        "$defs": {"c": {"type": "string"}},
        "properties": {"c": {"$ref": "#/$defs/c"}},
        "additionalProperties": False,
    }
    tool = one_tool({"weather": schema | {"risk": ["network"], "description": "d"}})
    assert tool.schema == {"type": "object"} | schema
    assert tool.risk == ("network",)


@pytest.mark.parametrize("none", [{}, {"parameters": None}], ids=str)
def test_a_function_without_parameters_is_no_command(none: dict[str, Any]) -> None:
    tool = one_tool([{"type": "function", "function": {"name": "now"} | none}])
    assert tool.schema == {"type": "object", "properties": {}}
    assert one_tool([{"name": "now"}]).schema is None


def test_a_tool_may_lack_a_description() -> None:
    assert one_tool([{"name": "a", "description": None}]).description == ""


def test_what_belongs_to_the_tool_may_stand_beside_the_function() -> None:
    """A risk that somebody adds to a list of a chat service counts, and a key that nobody knows is told."""
    wrapped = {"type": "function", "function": FUNCTION, "risk": ["network"]}
    assert one_tool([wrapped]).risk == ("network",)
    registry = registry_of([wrapped | {"risks": [], "x-by": "me"}])
    assert registry.warnings == ("the registry: what is said under `risks`, `x-by` was ignored",)


@pytest.mark.parametrize("inner", [[FUNCTION], {"weather": FUNCTION}], ids=["list", "object"])
def test_of_two_lists_in_one_document_neither_is_passed_over(inner: Any) -> None:
    both = {"tools": [{"name": "now"}], "functions": inner}
    assert refused_at(both) == {"": "it has `tools` and `functions`"}
    assert refused_at([both]) == {"/0": "it has `tools` and `functions`"}


def test_answers_within_answers_come_to_an_end() -> None:
    endless: dict[str, Any] = {}
    endless["result"] = endless
    assert refused_at(endless)
    deep: dict[str, Any] = {"tools": ["sort"]}
    for _ in range(900):
        deep = {"result": deep}
    assert refused_at(deep)


def test_the_order_stays() -> None:
    assert list(registry_of([{"name": name} for name in "cab"]).tools) == ["c", "a", "b"]


def test_pointers_lead_into_the_form_that_was_given() -> None:
    bad = {"type": "object", "properties": {"city": {"type": "txt"}}}
    function = FUNCTION | {"parameters": bad}
    end = "properties/city/type"
    assert list(refused_at([{"type": "function", "function": function}])) == [f"/0/function/parameters/{end}"]
    assert list(refused_at({"result": {"tools": [MCP | {"inputSchema": bad}]}})) == [
        f"/result/tools/0/inputSchema/{end}"
    ]
    assert list(refused_at({"a/b~": bad})) == [f"/a~1b~0/{end}"]


def test_a_list_with_nothing_but_a_tool_of_a_services_own_is_refused() -> None:
    (message,) = refused_at([{"type": "web_search"}]).values()
    assert message == (
        "it has no tool to plan with: it was left out: "
        "a tool of the type 'web_search' is one that a service runs itself"
    )
