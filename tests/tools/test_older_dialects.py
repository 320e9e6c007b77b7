"""Schemas of earlier drafts, of OpenAPI and of programs, in the words of draft 2020-12."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.app.registries import registry_of
from tests.tools.support import one_tool, with_schema

FIELD = Path(__file__).parents[3] / "shared" / "data" / "field"
STRING = {"type": "string"}
D4 = "http://json-schema.org/draft-04/schema#"


def adapted(schema: dict[str, Any]) -> Any:
    """Return the schema of a tool as its registry has it, without its type."""
    known = one_tool(with_schema(schema)).schema
    assert known is not None
    return {key: value for key, value in known.items() if key != "type"}


def part(schema: dict[str, Any], **more: Any) -> Any:
    """Return a property of such a schema."""
    return adapted({"properties": {"p": schema}} | more)["properties"]["p"]


PARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "exclusive limits as flags": (
        {"exclusiveMinimum": True, "minimum": 0, "exclusiveMaximum": False, "maximum": 9},
        {"exclusiveMinimum": 0, "maximum": 9},
    ),
    "a flag without its limit": ({"exclusiveMinimum": True}, {}),
    "limits of the newest draft": ({"exclusiveMinimum": 0}, {"exclusiveMinimum": 0}),
    "empty maps of PHP": (
        {"properties": [], "patternProperties": [], "additionalProperties": []},
        {"properties": {}, "patternProperties": {}, "additionalProperties": {}},
    ),
    "dependencies": (
        {"dependencies": {"a": ["b"], "c": {"required": ["d"]}, "e": "f"}},
        {"dependentRequired": {"a": ["b"], "e": ["f"]}, "dependentSchemas": {"c": {"required": ["d"]}}},
    ),
    "items as a list": (
        {"items": [STRING], "additionalItems": False},
        {"prefixItems": [STRING], "items": False},
    ),
    "additional items beside nothing": ({"items": STRING, "additionalItems": False}, {"items": STRING}),
    "nullable": ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    "not nullable": ({"type": "string", "nullable": False}, STRING),
    "a nullable choice": (
        {"anyOf": [STRING], "nullable": True},
        {"anyOf": [STRING, {"type": "null"}]},
    ),
    "types in capitals": ({"type": ["STRING", "NULL"]}, {"type": ["string", "null"]}),
    "null": (
        {"type": "string", "minLength": None, "enum": None, "title": None, "default": None, "pattern": None},
        {"type": "string", "default": None},
    ),
    "a constant that is null": ({"const": None}, {"const": None}),
    "what says nothing in its type": (
        {"description": 5, "deprecated": "no", "examples": "a", "format": 1, "required": True},
        {},
    ),
    "a name required twice": ({"required": ["a", "a"]}, {"required": ["a"]}),
    "a flag of a property": (
        {"properties": {"a": {"type": "string", "required": True}, "b": {"required": False}}},
        {"properties": {"a": STRING, "b": {}}, "required": ["a"]},
    ),
    "slashes and a flag of JavaScript": ({"pattern": "/^a$/i"}, {"pattern": "(?i)^a$"}),
    "slashes that are characters": ({"pattern": "/users/i"}, {"pattern": "/users/i"}),
}


@pytest.mark.parametrize(("given", "becomes"), PARTS.values(), ids=PARTS.keys())
def test_what_a_part_becomes(given: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert part(given) == becomes
    assert part({"anyOf": [given, {}]})["anyOf"] == [becomes, {}]


def test_beside_a_reference_nothing_counts_up_to_draft_7() -> None:
    schema = {"$ref": "#/definitions/a", "maxLength": 3, "description": "d"}
    definitions = {"definitions": {"a": STRING}}
    old = {"$schema": "http://json-schema.org/draft-07/schema#"}
    assert part(schema, **definitions, **old) == {"$ref": "#/definitions/a", "description": "d"}
    assert part(schema, **definitions) == schema


REFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "an anchor": ({"$ref": "#a", "$defs": {"d": {"$anchor": "a"}}}, "#/$defs/d"),
    "a name of draft 4": (
        {"$schema": D4, "$ref": "#a", "definitions": {"d": {"id": "#a"}}},
        "#/definitions/d",
    ),
    "the address of the whole": (
        {"$id": "https://a.de/s.json", "$ref": "https://a.de/s.json#/$defs/d", "$defs": {"d": {}}},
        "#/$defs/d",
    ),
    "an address inside": (
        {"$id": "https://a.de/s.json", "$ref": "d.json", "$defs": {"d": {"$id": "d.json"}}},
        "#/$defs/d",
    ),
    "a name in an address": (
        {"$ref": "urn:a#b", "$defs": {"d": {"$id": "urn:a", "$defs": {"e": {"$anchor": "b"}}}}},
        "#/$defs/d/$defs/e",
    ),
    "a dynamic one": ({"$dynamicRef": "#a", "$defs": {"d": {"$dynamicAnchor": "a"}}}, "#/$defs/d"),
    "the first of a list of items": (
        {"$ref": "#/definitions/t/items/0", "definitions": {"t": {"items": [{}]}}},
        "#/definitions/t/prefixItems/0",
    ),
    "dependencies": (
        {"$ref": "#/definitions/t/dependencies/x", "definitions": {"t": {"dependencies": {"x": {}}}}},
        "#/definitions/t/dependentSchemas/x",
    ),
}


@pytest.mark.parametrize(("schema", "leads_to"), REFERENCES.values(), ids=REFERENCES.keys())
def test_a_reference_to_a_part_becomes_a_pointer(schema: dict[str, Any], leads_to: str) -> None:
    known = adapted(schema)
    assert known["$ref"] == leads_to
    assert not any(name in json.dumps(known) for name in ('"$id"', '"$anchor"', '"$dynamic', '"$schema"'))


def test_references_inside_an_addressed_part_begin_there() -> None:
    inner = {"$id": "https://a.de/i", "$defs": {"e": STRING}, "properties": {"q": {"$ref": "#/$defs/e"}}}
    assert part(inner)["properties"]["q"] == {"$ref": "#/properties/p/$defs/e"}
    wrong = {"$id": "https://a.de/i", "properties": {"q": {"$ref": "#/$defs/e"}}}
    assert part(wrong, **{"$defs": {"e": STRING}})["properties"]["q"] == {"$ref": "#/$defs/e"}


def test_a_tree_of_2019_refers_to_the_whole() -> None:
    tree = {"$recursiveAnchor": True, "properties": {"kids": {"items": {"$recursiveRef": "#"}}}}
    assert adapted(tree) == {"properties": {"kids": {"items": {"$ref": "#"}}}}


def test_parameters_may_be_called_like_keywords() -> None:
    names = dict.fromkeys(("id", "$id", "required", "nullable", "dependencies", "items", "$ref"), STRING)
    assert adapted({"properties": names}) == {"properties": names}


def test_a_set_of_posix_is_read_as_javascript_does_with_a_warning() -> None:
    registry = registry_of(with_schema({"properties": {"p": {"pattern": "^[[:alpha:]]+$"}}}))
    (warning,) = registry.warnings
    assert warning.startswith(
        "the registry: x, /0/schema/properties/p/pattern: JSON Schema has no `[:alpha:]`"
    )


@pytest.mark.skipif(not FIELD.exists(), reason="the data is not here")
@pytest.mark.parametrize(
    ("name", "num_warnings"),
    [
        ("tools_older_dialects", 0),
        ("tools_javascript_regexes", 1),
        ("tools_not_empty", 0),
        ("tools_long_strings", 0),
        ("tool_regex_dialects", 1),
        ("tool_exactly_one_of", 0),
        ("tool_key_by_pattern", 0),
        ("tool_pattern_covers_property", 0),
    ],
)
def test_lists_from_the_field_are_read(name: str, num_warnings: int) -> None:
    registry = registry_of(json.loads((FIELD / f"{name}.json").read_text(encoding="utf-8")))
    about_schemas = [warning for warning in registry.warnings if "chema" in warning]
    assert len(about_schemas) == num_warnings, registry.warnings
