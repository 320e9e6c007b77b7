"""JSON Schema (draft 2020-12): which keywords hold schemas, and JSON pointers to a place in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# A value as `json.loads` returns it; a schema is an object, true or false.
Json = Any
Schema = dict[str, Any]
# The keys and indices from a schema to a part of it.
Way = tuple[str, ...]

# How a reference to a definition begins.
DEFINITIONS = "#/$defs/"
# The types of JSON Schema, and the Python types of their values.
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
# Keywords by what their schemas describe: parts of the value, the value itself, or what no schema of a
# value can stand for.
OF_PARTS = frozenset("properties patternProperties additionalProperties items prefixItems".split())
OF_THE_VALUE = frozenset("allOf anyOf oneOf not if then else dependentSchemas".split())
OF_OTHERS = frozenset("contains propertyNames unevaluatedItems unevaluatedProperties".split())
OF_SCHEMAS = OF_PARTS | OF_THE_VALUE | OF_OTHERS
# Keywords by their form: schemas by name, a list of schemas, or one schema. In drafts before 2020-12
# `items` may be a list as well. Definitions describe no value until something refers to them.
BY_NAME = frozenset("properties patternProperties dependentSchemas".split())
DEFINED = frozenset({"$defs", "definitions"})
IN_LIST = frozenset("allOf anyOf oneOf prefixItems".split())
ALONE = (OF_SCHEMAS - BY_NAME - IN_LIST) | {"additionalItems", "contentSchema"}


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Way, Any]]:
    """Yield the schemas that stand directly inside a schema, each with the way to it."""
    for key, value in schema.items():
        if (key in BY_NAME or key in DEFINED) and isinstance(value, dict):
            yield from (((key, name), each) for name, each in value.items())
        elif key in IN_LIST and isinstance(value, list):
            yield from (((key, str(at)), each) for at, each in enumerate(value))
        elif key in ALONE:
            yield (key,), value


def all_schemas(schema: object, way: Way = ()) -> Iterator[tuple[Way, Schema]]:
    """Yield a schema and all schemas in it, each with the way to it; true and false count as empty."""
    part = schema if isinstance(schema, dict) else {}
    yield way, part
    for step, inner in subschemas(part):
        yield from all_schemas(inner, (*way, *step))


def pointer_step(key: str | int) -> str:
    """Return a key or an index as a step of a JSON pointer (RFC 6901)."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def is_of_type(value: object, types: object) -> bool:
    """Return whether a value has a type, or one of several, as JSON Schema names them."""
    return any(name in types_of(value) for name in (types if isinstance(types, list | tuple) else [types]))


def types_of(value: object) -> frozenset[str]:
    """Return the types of JSON Schema that a value has; 1.0 is an integer as well."""
    if isinstance(value, bool):
        return frozenset({"boolean"})
    names = {name for name, kind in TYPES.items() if isinstance(value, kind)}
    if isinstance(value, float) and value.is_integer():
        names.add("integer")
    return frozenset(names)
