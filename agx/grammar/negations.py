"""`not`, where the constraint can hold it: of types, and of names that are required."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agx.util.json_schema import TYPES, Json

_DESCRIBES = frozenset({"title", "description", "$comment"})


def without_negation(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema without its `not`, where other keywords say the same; else as it is."""
    refused = schema.get("not")
    if not isinstance(refused, Mapping):
        return schema
    rules = {key: value for key, value in refused.items() if key not in _DESCRIBES}
    kept = {key: value for key, value in schema.items() if key != "not"}
    if rules.keys() == {"type"}:
        return _without_types(kept, rules["type"]) or schema
    is_object = schema.get("type") == "object" and rules.get("type", "object") == "object"
    names = rules.get("required")
    if is_object and rules.keys() <= {"type", "required"} and isinstance(names, list) and len(names) == 1:
        properties = schema.get("properties", {})
        if isinstance(properties, Mapping) and names[0] in properties:
            return kept | {"properties": {**properties, names[0]: False}}
    return schema


def _without_types(schema: dict[str, Json], refused: Json) -> dict[str, Json] | None:
    """Return the schema with the types that are left; None where a number may still be an integer or not."""
    names = set(refused if isinstance(refused, list) else [refused])
    given = schema.get("type", [name for name in TYPES if name != "integer"])
    types = [*given] if isinstance(given, list) else [given]
    if "number" in names:
        names.add("integer")
    if "integer" in names and "number" not in names and "number" in types:
        return None
    left = [name for name in types if name not in names]
    return {**schema, "type": left} if left else None
