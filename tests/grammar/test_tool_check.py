"""What a constraint cannot be compiled for, said before any model is loaded."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

from agx.errors import RegistryInvalid
from agx.grammar.tool_check import check_tools
from agx.plan.tools import ToolInfo
from agx.unix.registry import unix_registry
from tests.grammar.walks import functions

STRING = {"type": "string"}
GOOD = ToolInfo("good", schema={"type": "object", "properties": {"a": STRING}})


def with_property(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"fine": STRING, "p": schema}, "required": ["p"]} | more


P = "/properties/p"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "contains": (with_property({"type": "array", "contains": {"const": 1}}), f"{P}/contains"),
    "uniqueItems": (with_property({"type": "array", "uniqueItems": True}), f"{P}/uniqueItems"),
    "not": (with_property({"not": {"type": "string"}}), f"{P}/not"),
    "if": (with_property({"if": {"const": 1}, "then": {"const": 1}}), f"{P}/if"),
    "look-ahead": (with_property({"type": "string", "pattern": "(?=a)b"}), f"{P}/pattern"),
    "no regular expression": (with_property({"type": "string", "pattern": "("}), f"{P}/pattern"),
    "no such type": (with_property({"type": "float"}), f"{P}/type"),
    "nothing fits": (with_property({"type": "string", "minLength": 3, "maxLength": 2}), f"{P}/minLength"),
    "a list that is no list": (
        with_property({"type": "array", "items": STRING, "enum": ["a"]}),
        f"{P}/enum",
    ),
    "a property that cannot be": (with_property(False), P),
    "alternatives that overlap": (
        with_property({"anyOf": [STRING, {"oneOf": [{"type": "integer"}, {"type": "number"}]}]}),
        f"{P}/anyOf/1/oneOf",
    ),
    "in an alternative": (with_property({"anyOf": [STRING, {"not": {}}]}), f"{P}/anyOf/1/not"),
    "in a definition": (
        with_property({"$ref": "#/$defs/d"}, **{"$defs": {"ok": STRING, "d": {"items": {"contains": {}}}}}),
        "/$defs/d/items/contains",
    ),
    "in two places": (
        {"type": "object", "properties": {"a/b~": {"not": {}}, "c": {"contains": {}}}},
        "/properties/a~1b~0/not",
    ),
    "a keyword's name as a property": (
        {"type": "object", "properties": {"contains": {"type": "array", "contains": {}}}},
        "/properties/contains/contains",
    ),
    "among names that are required": (
        {
            "type": "object",
            "properties": {"a": STRING, "b": {"type": "array", "uniqueItems": True}},
            "required": ["a", "b"],
            "additionalProperties": False,
        },
        "/properties/b/uniqueItems",
    ),
    "no JSON": (with_property({"const": math.nan}), f"{P}/const"),
    "no reference": (with_property({"$ref": "#/$defs/none"}), f"{P}/$ref"),
}


@pytest.mark.parametrize(("schema", "pointer"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_names_tool_place_and_keyword(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        check_tools([GOOD, ToolInfo("odd", schema=schema)])
    error = caught.value
    assert error.details["tool"] == "odd"
    assert error.details["pointer"] == pointer
    assert error.details["keyword"] == (pointer.rpartition("/")[2] if pointer != P else "properties")
    assert "'odd'" in error.message
    assert f"`{error.details['keyword']}` at {pointer}: " in error.message
    assert "\n" not in error.message


def test_what_compiles_is_not_refused() -> None:
    check_tools([])
    check_tools(unix_registry())
    check_tools([*unix_registry(), GOOD, *functions(300)])


def test_definitions_that_nothing_refers_to_are_not_compiled() -> None:
    check_tools([ToolInfo("x", schema={"type": "object", "$defs": {"unused": {"not": {}}}})])


def test_schemas_are_nested_as_deeply_as_a_registry_allows() -> None:
    schema: dict[str, Any] = STRING
    for level in range(32):
        inner = {"type": "array", "items": schema} if level % 2 else {"anyOf": [schema, {"type": "null"}]}
        schema = {"type": "object", "properties": {"a": inner}}
    check_tools([ToolInfo("deep", schema=schema)])


def test_an_endless_chain_of_references_is_refused() -> None:
    chain = {
        str(at): {"type": "object", "properties": {"a": {"$ref": f"#/$defs/{at + 1}"}}} for at in range(3000)
    }
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/0"}}, "$defs": chain | {"3000": STRING}}
    with pytest.raises(RegistryInvalid, match=r"'long'.*nested too deeply"):
        check_tools([ToolInfo("long", schema=schema)])


def test_nothing_heavy_is_imported_before_it_is_asked() -> None:
    program = (
        "import sys, agx.grammar.tool_check; assert not any(m.startswith('llguidance') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
