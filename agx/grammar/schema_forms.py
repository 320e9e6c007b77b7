"""The forms of JSON Schema that `agx.grammar.lark` writes as rules, and a predicate for each.

    {"$ref": …}, {"const": …}, {"anyOf": […]}, {"$dynamicRef": "#…"}
    {"$id": …, "$ref": …, "$defs": {…: {"$dynamicAnchor": …, …}}}: a reference that binds a dynamic one
    {"type": "object", "properties", "required"?, "additionalProperties": false}
    {"type": "object", "additionalProperties"}
    {"type": "array", "items", "minItems"?, "maxItems"?}
    {"type": "array", "prefixItems", "items": false, "minItems"?, "maxItems"?}

A schema with any other keyword or value has none of these forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

# Longer repetitions and larger objects are left to llguidance's own compiler.
_MAX_REPEATED = 1000
_MAX_PROPERTIES = 500


def is_reference(schema: Schema) -> bool:
    """Return whether the schema only refers to another one."""
    return schema.keys() == {"$ref"} and isinstance(schema["$ref"], str)


def is_constant(schema: Schema) -> bool:
    """Return whether exactly one value fits, which has one spelling."""
    return schema.keys() == {"const"} and isinstance(schema["const"], str | int | None)


def is_choice(schema: Schema) -> bool:
    """Return whether the schema allows any of several others."""
    return schema.keys() == {"anyOf"} and _are_schemas(schema["anyOf"])


def is_dynamic(schema: Schema) -> bool:
    """Return whether the schema is a dynamic reference, which stands for what a binding around it says."""
    return schema.keys() == {"$dynamicRef"} and isinstance(schema["$dynamicRef"], str)


def is_binding(schema: Schema) -> bool:
    """Return whether the schema refers to another one and binds the dynamic reference in it."""
    if schema.keys() != {"$id", "$ref", "$defs"} or not isinstance(schema["$ref"], str):
        return False
    bound = schema["$defs"]
    return (
        isinstance(bound, Mapping)
        and len(bound) == 1
        and all(isinstance(part, Mapping) and "$dynamicAnchor" in part for part in bound.values())
    )


def is_closed_object(schema: Schema) -> bool:
    """Return whether the schema lists the properties of an object, and allows no others."""
    properties, required = schema.get("properties"), schema.get("required", [])
    return (
        schema.keys() <= {"type", "properties", "required", "additionalProperties"}
        and schema.get("type") == "object"
        and schema.get("additionalProperties") is False
        and isinstance(properties, Mapping)
        and len(properties) <= _MAX_PROPERTIES
        and _are_schemas([*properties.values()])
        and isinstance(required, list)
        and all(name in properties for name in required)
    )


def is_map(schema: Schema) -> bool:
    """Return whether the schema describes an object with any names, and one schema for all values."""
    return (
        schema.keys() == {"type", "additionalProperties"}
        and schema["type"] == "object"
        and isinstance(schema["additionalProperties"], Mapping)
    )


def is_list(schema: Schema) -> bool:
    """Return whether the schema describes an array with one schema for all items, and small bounds."""
    at_least, at_most = schema.get("minItems", 0), schema.get("maxItems", _MAX_REPEATED)
    return (
        schema.keys() <= {"type", "items", "minItems", "maxItems"}
        and schema.get("type") == "array"
        and isinstance(schema.get("items"), Mapping)
        and type(at_least) is type(at_most) is int
        and 0 <= at_least <= at_most <= _MAX_REPEATED
    )


def is_tuple(schema: Schema) -> bool:
    """Return whether the schema describes each item of an array, and allows no further ones."""
    items, at_least = schema.get("prefixItems"), schema.get("minItems", 0)
    return (
        schema.keys() <= {"type", "prefixItems", "items", "minItems", "maxItems"}
        and schema.get("type") == "array"
        and schema.get("items") is False
        and isinstance(items, list)
        and _are_schemas(items)
        and type(at_least) is int
        and 0 <= at_least <= len(items) == schema.get("maxItems", len(items))
    )


def has_parts(schema: Schema) -> bool:
    """Return whether the schema describes parts of a value, each by a schema of its own."""
    return any(has_form(schema) for has_form in (is_closed_object, is_map, is_list, is_tuple))


def _are_schemas(parts: object) -> bool:
    return isinstance(parts, list) and all(isinstance(part, Mapping) or part is True for part in parts)
