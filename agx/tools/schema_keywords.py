"""Which keywords of JSON Schema hold schemas, and how: what any walk through a schema needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]
Way = tuple[str, ...]

# By name, in a list, or one. In drafts before 2020-12 `items` could be a list as well.
BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
IN_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
ALONE = frozenset(
    "additionalItems additionalProperties contains contentSchema else if items not propertyNames then "
    "unevaluatedItems unevaluatedProperties".split()
)
# Those whose schemas look at the same value as the schema they stand in, not at a part of it.
IN_PLACE = frozenset("allOf anyOf oneOf not if then else dependentSchemas".split())


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Way, Any]]:
    """Yield what stands directly inside a schema and is a schema itself, each with the way to it."""
    for key, value in schema.items():
        if key in BY_NAME and isinstance(value, dict):
            yield from (((key, name), each) for name, each in value.items())
        elif key in IN_LIST and isinstance(value, list):
            yield from (((key, str(at)), each) for at, each in enumerate(value))
        elif key in ALONE:
            yield (key,), value


def all_schemas(schema: object, way: Way = ()) -> Iterator[tuple[Way, Schema]]:
    """Yield a schema and all schemas in it; those that are true or false count as empty ones."""
    part = schema if isinstance(schema, dict) else {}
    yield way, part
    for step, inner in subschemas(part):
        yield from all_schemas(inner, (*way, *step))
