"""Schemas on their way into a registry: odd types, earlier drafts, and everything that is refused."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agx.app.registries import registry_of
from agx.plan.tools import Registry
from agx.tools.tool_schemas import MAX_PARTS
from tests.tools.support import BFCL, CITY, one_tool, problems, refused_at, with_schema


def adapted(schema: Any) -> Any:
    """Return a schema as the registry has it."""
    return one_tool(with_schema(schema)).schema


def parameter(schema: Any) -> Any:
    """Return the schema of a parameter as the registry has it."""
    return adapted({"type": "object", "properties": {"p": schema}})["properties"]["p"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("dict", "object"),
        ("HashMap", "object"),
        ("tuple", "array"),
        ("ArrayList", "array"),
        ("str", "string"),
        ("STRING", "string"),
        ("float", "number"),
        ("double", "number"),
        ("int", "integer"),
        ("Boolean", "boolean"),
        ("None", "null"),
        (["int", "none"], ["integer", "null"]),
        (["dict", "object"], ["object"]),
        ("string", "string"),
    ],
    ids=str,
)
def test_types_of_other_languages_are_mapped(given: Any, kept: Any) -> None:
    assert parameter({"type": given}) == {"type": kept}


@pytest.mark.parametrize("given", ["any", ["string", "any"]], ids=str)
def test_any_is_no_type(given: Any) -> None:
    assert parameter({"type": given}) == {}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: {"properties": {"q": inner}},
        lambda inner: {"items": inner},
        lambda inner: {"prefixItems": [inner]},
        lambda inner: {"anyOf": [inner, inner]},
        lambda inner: {"type": "array", "items": {"type": "object", "properties": {"q": inner}}},
        lambda inner: {"additionalProperties": inner},
        lambda inner: {"patternProperties": {"^a": inner}},
    ],
)
def test_types_are_mapped_wherever_a_schema_stands(wrap: Any) -> None:
    assert parameter(wrap({"type": "float"})) == wrap({"type": "number"})


def test_what_is_called_type_and_is_none_stays() -> None:
    """A parameter of that name, and data."""
    schema = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["dict", "float"], "default": "dict"},
            "properties": {"type": "object", "properties": {"type": {"type": "string"}}},
            "shape": {"type": "object", "default": {"type": "dict"}, "examples": [{"type": "tuple"}]},
            "kind": {"const": {"type": "any"}, "default": {"$ref": "http://example.com"}},
        },
        "required": ["type"],
    }
    assert adapted(schema) == schema


def test_an_object_is_said_to_be_one() -> None:
    assert adapted({"properties": {}}) == {"type": "object", "properties": {}}


def test_lists_of_items_of_earlier_drafts_are_prefix_items() -> None:
    old = {"type": "array", "items": [{"type": "int"}], "additionalItems": False}
    assert parameter(old) == {"type": "array", "prefixItems": [{"type": "integer"}], "items": False}
    assert parameter({"type": "array", "items": []}) == {"type": "array"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            {"type": "array", "items": {"type": "str"}, "enum": ["a", "b"]},
            {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
        ),
        ({"type": "integer", "enum": ["1", "dontcare"]}, {"enum": ["1", "dontcare"]}),
        ({"type": "boolean", "enum": [1]}, {"enum": [1]}),
    ],
)
def test_an_enum_that_no_value_can_have_is_read_as_it_was_meant(given: Any, kept: Any) -> None:
    """Said with a warning, since something was changed."""
    registry = registry_of(with_schema({"properties": {"p": given}}))
    schema = registry.tools["x"].schema
    assert schema is not None
    assert schema["properties"]["p"] == kept
    (warning,) = registry.warnings
    assert warning.startswith("the registry: x, /0/schema/properties/p/enum: ")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "enum": [1, "a"]},
        {"type": "number", "enum": [1]},
        {"type": "integer", "enum": [1.0]},
        {"type": ["string", "null"], "enum": [None]},
        {"enum": ["a"]},
    ],
    ids=str,
)
def test_an_enum_with_a_possible_value_stays(schema: Any) -> None:
    assert parameter(schema) == schema


@pytest.mark.parametrize(
    "dialect",
    [
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2020-12/schema",
        "http://json-schema.org/draft-04/schema",
    ],
)
def test_names_of_the_whole_schema_are_left_out(dialect: str) -> None:
    assert adapted(CITY | {"$schema": dialect, "$id": "https://example.com/city"}) == CITY


def test_an_unknown_dialect_is_read_as_the_newest_with_a_warning() -> None:
    registry = registry_of(with_schema(CITY | {"$schema": "https://example.com/mine"}))
    assert registry.tools["x"].schema == CITY
    (warning,) = registry.warnings
    assert "AGX does not know the dialect 'https://example.com/mine'" in warning


def test_arguments_that_may_be_null_are_an_object_all_the_same() -> None:
    assert adapted(CITY | {"type": ["object", "null"]}) == CITY


def test_descriptions_inside_are_cleaned() -> None:
    registry = registry_of(
        with_schema({"properties": {"p": {"description": "a\u200b\n  b", "title": "t\u202e"}}})
    )
    schema = registry.tools["x"].schema
    assert schema is not None
    assert schema["properties"]["p"] == {"description": "a b", "title": "t"}
    assert len(registry.warnings) == 2


def test_a_schema_may_refer_to_its_own_parts() -> None:
    parts = {"a/b c": {"type": "string"}, "d": {"anyOf": [{"type": "null"}]}, "e": {}}
    references = ["#", "#/$defs/a~1b%20c", "#/$defs/d/anyOf/0", "#/$defs/e"]
    schema = {"properties": {str(at): {"$ref": ref} for at, ref in enumerate(references)}, "$defs": parts}
    assert adapted(schema) == {"type": "object"} | schema


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        ({"type": "strnig"}, "/type", "'strnig' is no type"),
        ({"type": 5}, "/type", "5 is no type"),
        (
            {"type": []},
            "/type",
            "the schema is no JSON Schema: [] is not valid under any of the given schemas",
        ),
        ({"minLength": -1}, "/minLength", "the schema is no JSON Schema: -1 is less than the minimum of 0"),
        ({"required": "city"}, "/required", "the schema is no JSON Schema: 'city' is not of type 'array'"),
        (
            {"pattern": "("},
            "/pattern",
            "the schema is no JSON Schema: '(' is no regular expression: a group is not closed",
        ),
        ({"properties": 5}, "/properties", "the schema is no JSON Schema: 5 is not of type 'object'"),
        (
            {"items": [{"minLength": -1}]},
            "/items/0/minLength",
            "the schema is no JSON Schema: -1 is less than the minimum of 0",
        ),
        ({"$ref": 5}, "/$ref", "the schema is no JSON Schema: 5 is not of type 'string'"),
        (
            {"$ref": "https://example.com/s"},
            "/$ref",
            "the schema refers to 'https://example.com/s', which is no schema in it",
        ),
        ({"$ref": "other.json"}, "/$ref", "the schema refers to 'other.json', which is no schema in it"),
        (
            {"$ref": "file:///etc/passwd"},
            "/$ref",
            "the schema refers to 'file:///etc/passwd', which is no schema in it",
        ),
        ({"$ref": "#/$defs/a"}, "/$ref", "the schema refers to '#/$defs/a', which is no schema in it"),
        (
            {"$ref": "#anchor", "$defs": {"a": {"$anchor": "other"}}},
            "/$ref",
            "the schema refers to '#anchor', which is no schema in it",
        ),
        (
            {"$dynamicRef": "https://example.com"},
            "/$dynamicRef",
            "the schema refers to 'https://example.com', which is no schema in it",
        ),
        (
            {"$id": "https://example.com/a", "$ref": "b"},
            "/$ref",
            "the schema refers to 'b', which is no schema in it",
        ),
    ],
)
def test_what_is_no_schema_of_its_own_is_refused(schema: Any, pointer: str, message: str) -> None:
    """At its place; the same inside a list of alternatives."""
    assert refused_at(with_schema({"properties": {"a/b": schema}})) == {
        "/0/schema/properties/a~1b" + pointer: message
    }
    assert refused_at(with_schema({"anyOf": [{}, {"items": schema}]})) == {
        "/0/schema/anyOf/1/items" + pointer: message
    }


@pytest.mark.parametrize("target", ["#/properties/a/default", "#/x-parts/a", "#/required", "#/properties"])
def test_a_reference_to_what_is_no_schema_is_refused(target: str) -> None:
    """Whatever it led to would be read as a schema, and nobody has looked at it."""
    hidden = {"$ref": "http://example.com"}
    schema = {
        "properties": {"a": {"default": hidden}, "b": {"$ref": target}},
        "x-parts": {"a": hidden},
        "required": [],
    }
    assert list(refused_at(with_schema(schema))) == ["/0/schema/properties/b/$ref"]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$defs": {"a": {"anyOf": [{"type": "null"}, {"not": {"$ref": "#/$defs/a"}}]}}},
        {"properties": {"a": {"if": {"$ref": "#/properties/a"}}}},
    ],
)
def test_references_in_a_circle_are_refused(schema: Any) -> None:
    (problem,) = problems(with_schema(schema))
    assert problem["message"] == "its references lead in a circle without looking at a part of the value"
    assert problem["tool"] == "x"


def test_references_that_unfold_beyond_measure_are_refused() -> None:
    """Forty definitions that each refer twice to the next are a million million schemas."""
    twice = {f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(40)} | {"d40": {}}
    (problem,) = problems(with_schema({"$ref": "#/$defs/d0", "$defs": twice}))
    assert "unfold to more than 10000 schemas" in problem["message"]
    chain = {f"d{at}": {"$ref": f"#/$defs/d{at + 1}"} for at in range(3000)} | {"d3000": {}}
    (problem,) = problems(with_schema({"$ref": "#/$defs/d0", "$defs": chain}))
    assert "64 levels" in problem["message"]


def test_a_schema_of_too_many_parts_is_refused_before_anybody_works_on_it() -> None:
    """Compiling takes time by the square of them, in which nothing can interrupt it."""
    schema: dict[str, Any] = {"properties": {f"p{number}": {} for number in range(MAX_PARTS)}}
    (problem,) = problems(with_schema(schema))
    assert (problem["tool"], problem["pointer"]) == ("x", "/0/schema")
    assert problem["message"] == f"the schema has more than {MAX_PARTS} schemas in it"


def test_a_schema_may_refer_to_itself_inside_its_parts() -> None:
    tree = {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}}
    assert adapted(tree) == tree


@pytest.mark.parametrize("pattern", ["a{99999999999}", "(" * 3000], ids=["huge", "deep"])
def test_regular_expressions_beyond_measure_are_refused(pattern: str) -> None:
    (message,) = refused_at(with_schema({"properties": {"p": {"pattern": pattern}}})).values()
    assert "is no regular expression: " in message


def test_python_says_nothing_about_odd_regular_expressions() -> None:
    """`re` warns of this one; warnings are errors here."""
    assert parameter({"type": "string", "pattern": "[a||b]"}) == {"type": "string", "pattern": "[a||b]"}


def test_what_a_model_is_not_held_to_is_one_warning_a_tool() -> None:
    parts = {"p": {"type": "array", "uniqueItems": True}, "q": {"oneOf": [{}, {"type": "null"}]}, "r": CITY}
    other = {"properties": {"p": {"not": {"const": 1}}}}
    registry = registry_of(
        [
            {"name": "fine", "schema": CITY},
            *with_schema({"properties": parts}, name="a"),
            *with_schema(other, name="b"),
        ]
    )
    start = "a model is not fully held to"
    end = "while it writes: the finished plan is checked for that"
    assert registry.warnings == (
        f"the registry: a, /1/schema: {start} `oneOf` and `uniqueItems` {end}",
        f"the registry: b, /2/schema: {start} `not` {end}",
    )
    assert registry.tools["a"].schema == {"type": "object", "properties": parts}, (
        "what is checked is all of it"
    )


@cache
def bfcl() -> list[tuple[dict[str, Any], Registry]]:
    """Return every case with its registry, which is made once for the tests here."""
    cases = map(json.loads, BFCL.read_text(encoding="utf-8").splitlines())
    return [(case, registry_of(case, source=case["id"])) for case in cases]


@pytest.mark.skipif(not BFCL.exists(), reason="the data is not here")
def test_every_registry_of_bfcl_loads() -> None:
    """779 registries, whose schemas have only types that JSON Schema knows."""
    cases = bfcl()
    num_tools = 0
    for case, registry in cases:
        assert list(registry.tools) == [function["name"] for function in case["function"]]
        num_tools += len(registry)
        for tool in registry:
            assert tool.schema is not None
            Draft202012Validator.check_schema(tool.schema)
    assert (len(cases), num_tools) == (779, 2082)


@pytest.mark.skipif(not BFCL.exists(), reason="the data is not here")
def test_the_accepted_arguments_of_bfcl_fit_the_mapped_types() -> None:
    """`gold` lists the values that are right: of nearly all parameters one of them fits the schema."""
    fits: list[bool] = []
    for case, registry in bfcl():
        tools = registry.tools
        for name, arguments in (pair for call in case["gold"] for pair in call.items()):
            schema = tools[name].schema
            assert schema is not None
            for parameter_name, values in arguments.items():
                part = schema["properties"].get(parameter_name)
                if part is not None and not {"object", "array"} & {part.get("type")}:
                    validator = Draft202012Validator(part)
                    fits.append(any(value == "" or validator.is_valid(value) for value in values))
    assert len(fits) > 1000
    assert sum(fits) / len(fits) > 0.99
