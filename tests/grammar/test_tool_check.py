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
    "no such type": (with_property({"type": "float"}), f"{P}/type"),
    "nothing fits": (with_property({"type": "string", "minLength": 3, "maxLength": 2}), f"{P}/minLength"),
    "never": (with_property({"description": "off", "not": {}}), f"{P}/not"),
    "patterns that exclude each other": (
        with_property({"allOf": [STRING | {"pattern": "^a$"}, {"pattern": "^b$"}]}),
        f"{P}/allOf",
    ),
    "a list that is no list": (
        with_property({"type": "array", "items": STRING, "enum": ["a"]}),
        f"{P}/enum",
    ),
    "a property that cannot be": (with_property(False), P),
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


def test_what_nothing_fits_may_be_where_it_is_not_needed() -> None:
    never = {"allOf": [STRING | {"pattern": "^a$"}, {"pattern": "^b$"}]}
    check_tools([ToolInfo("odd", schema={"properties": {"p": never}})])
    check_tools([ToolInfo("odd", schema=with_property({"anyOf": [never, STRING]}))])


def test_all_places_where_nothing_fits_are_named() -> None:
    schema = {"properties": {"a": False, "b": {"not": {}}, "c": STRING}, "required": ["a", "b", "c"]}
    with pytest.raises(RegistryInvalid) as caught:
        check_tools([ToolInfo("odd", schema=schema)])
    places = caught.value.details["all"]
    assert isinstance(places, tuple)
    assert [pointer for pointer, _ in places] == ["/properties/a", "/properties/b/not"]
    assert caught.value.hint == "let a value fit, or do not require one"


UNHELD: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "in an alternative": (with_property({"anyOf": [STRING, {"not": {}}]}), [], []),
    "alternatives that overlap": (
        with_property({"anyOf": [STRING, {"oneOf": [{"type": "integer"}, {"type": "number"}]}]}),
        [f"{P}/anyOf/1/oneOf"],
        [],
    ),
    "in a definition": (
        with_property({"$ref": "#/$defs/d"}, **{"$defs": {"d": {"items": {"contains": STRING}}}}),
        [],
        ["/$defs/d/items/contains"],
    ),
    "in two places": (
        {"type": "object", "properties": {"a/b~": {"not": {"const": 1}}, "c": {"contains": {"const": 1}}}},
        [],
        ["/properties/a~1b~0/not", "/properties/c/contains"],
    ),
    "a keyword's name as a property": (
        {"type": "object", "properties": {"contains": {"type": "array", "contains": STRING}}},
        [],
        ["/properties/contains/contains"],
    ),
}


@pytest.mark.parametrize(("schema", "approximated", "left_out"), UNHELD.values(), ids=UNHELD.keys())
def test_what_the_constraint_does_not_hold_is_named_by_its_place(
    schema: dict[str, Any], approximated: list[str], left_out: list[str]
) -> None:
    good, odd = check_tools([GOOD, ToolInfo("odd", schema=schema)])
    assert (good.approximated, good.left_out) == ((), ())
    assert sorted(odd.approximated) == approximated
    assert sorted(odd.left_out) == left_out


def test_what_the_compiler_does_not_take_is_left_out_and_the_rest_is_held() -> None:
    schema = with_property({"type": "string", "pattern": r"^\p{Block=Greek}$", "maxLength": 5})
    [tool] = check_tools([ToolInfo("odd", schema=schema)])
    assert tool.left_out == (f"{P}/pattern",)


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
