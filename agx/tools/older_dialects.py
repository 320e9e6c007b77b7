"""One schema as earlier drafts, OpenAPI and programs write it, in the words of draft 2020-12.

Only the keywords of this one schema are changed here, never those of the schemas in it. What merely says
something, and what was left empty, is no reason to refuse a tool.

Sources: json-schema.org/draft-04 to draft-07, and OpenAPI 3.0.3 (`nullable`)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agx.util.json_schema import ALONE, BY_NAME, DEFINED, Json, Schema

_DRAFTS = {
    "draft-03": 3,
    "draft-04": 4,
    "draft-06": 6,
    "draft-07": 7,
    "draft/2019-09": 2019,
    "draft/2020-12": 2020,
}
NEWEST = 2020
# Up to this draft, what stands beside `$ref` says nothing.
_REF_ALONE = 7
# Keywords whose value may be null, as any other value.
_OF_ANY_VALUE = frozenset({"const", "default", "example"})
_TEXTS = frozenset({"title", "description", "$comment", "format", "contentMediaType", "contentEncoding"})
_FLAGS = frozenset({"deprecated", "readOnly", "writeOnly"})
_DESCRIBES = _TEXTS | _FLAGS | {"default", "examples", "example"}


def draft_of(dialect: object) -> int | None:
    """Return the draft that `$schema` names: 3, 4, 6, 7, 2019 or 2020; None for another dialect."""
    if dialect is None:
        return NEWEST
    named = (number for name, number in _DRAFTS.items() if f"json-schema.org/{name}/" in str(dialect))
    return 4 if str(dialect).rstrip("#/") == "http://json-schema.org/schema" else next(named, None)


def modern(schema: Schema, draft: int) -> Schema:
    """Return a schema of a draft with the keywords of draft 2020-12."""
    kept = {key: value for key, value in schema.items() if not _says_nothing(key, value)}
    if "$ref" in kept and draft <= _REF_ALONE:
        kept = {key: value for key, value in kept.items() if key == "$ref" or key in _DESCRIBES | DEFINED}
    for key in kept.keys() & (BY_NAME | DEFINED | ALONE | {"dependencies"}):
        if kept[key] == [] and key != "items":
            kept[key] = {}  # PHP writes an empty map like an empty list
    kept = _with_limits(_with_first_items(_with_dependencies(kept)))
    return _with_null(_with_required(kept))


def _says_nothing(key: str, value: Json) -> bool:
    """Return whether a keyword was left empty, or is of a type in which it has no meaning."""
    if value is None:
        return key not in _OF_ANY_VALUE
    if key in _TEXTS:
        return not isinstance(value, str)
    if key in _FLAGS:
        return not isinstance(value, bool)
    return (key == "examples" and not isinstance(value, list)) or (
        key == "required" and isinstance(value, bool)  # it speaks to the object around it
    )


def _with_dependencies(schema: Schema) -> Schema:
    """Return the schema with `dependencies`, of drafts up to 7, by what they are."""
    given = schema.get("dependencies")
    if not isinstance(given, dict):
        return schema
    others = {key: value for key, value in schema.items() if key != "dependencies"}
    lists = {name: value for name, value in given.items() if isinstance(value, list)}
    lists |= {name: [value] for name, value in given.items() if isinstance(value, str)}
    schemas = {name: value for name, value in given.items() if name not in lists}
    for key, found in (("dependentRequired", lists), ("dependentSchemas", schemas)):
        if found:
            own = others.get(key)
            others[key] = found | (own if isinstance(own, dict) else {})
    return others


def _with_first_items(schema: Schema) -> Schema:
    """Return the schema with a list of `items` as `prefixItems`."""
    if not isinstance(schema.get("items"), list):
        return {key: value for key, value in schema.items() if key != "additionalItems"}
    others = {key: value for key, value in schema.items() if key not in {"items", "additionalItems"}}
    first = {"prefixItems": schema["items"]} if schema["items"] else {}
    return others | first | ({"items": schema["additionalItems"]} if "additionalItems" in schema else {})


def _with_limits(schema: Schema) -> Schema:
    """Return the schema with `exclusiveMinimum` and `-Maximum` of draft 4, a flag, as the limits."""
    limits = dict(schema)
    for flag, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(limits.get(flag), bool) and limits.pop(flag) and limit in limits:
            limits[flag] = limits.pop(limit)
    return limits


def _with_required(schema: Schema) -> Schema:
    """Return the schema with `required` of its properties, a flag in draft 3, in its own list."""
    properties, listed = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(listed, list):
        return schema
    flagged = [name for name, part in properties.items() if _is_flagged(part)]
    names = [*listed, *flagged]
    if not names:
        return schema
    return schema | {"required": [name for at, name in enumerate(names) if name not in names[:at]]}


def _is_flagged(part: Json) -> bool:
    return isinstance(part, Mapping) and part.get("required") is True


def _with_null(schema: Schema) -> Schema:
    """Return the schema with null allowed, where `nullable` of OpenAPI says so."""
    nullable = schema.get("nullable")
    if not isinstance(nullable, bool):
        return schema
    others: dict[str, Any] = {key: value for key, value in schema.items() if key != "nullable"}
    types = others.get("type")
    if not nullable or types == "null":
        return others
    if types is not None:
        return others | {"type": [*(types if isinstance(types, list) else [types]), "null"]}
    for key in ("anyOf", "oneOf"):
        if isinstance(others.get(key), list):
            return others | {key: [*others[key], {"type": "null"}]}
    if "$ref" in others:
        reference = others.pop("$ref")
        return others | {"anyOf": [{"$ref": reference}, {"type": "null"}]}
    return others


def as_written(schema: Json, way: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return the keys and indices, in the schema as it was given, to what `way` leads to in the new one."""
    steps: list[str | int] = []
    part = schema
    for step in way:
        given = _given(part, step)
        steps.append(given)
        part = _child(part, given)
    return tuple(steps)


def _given(part: Json, step: str | int) -> str | int:
    """Return the keyword that became this one."""
    if not isinstance(part, Mapping) or step in part:
        return step
    former = {
        "prefixItems": "items",
        "items": "additionalItems",
        "dependentRequired": "dependencies",
        "dependentSchemas": "dependencies",
        "exclusiveMinimum": "minimum",
        "exclusiveMaximum": "maximum",
        "$ref": "$dynamicRef" if "$dynamicRef" in part else "$recursiveRef",
    }.get(str(step), step)
    return former if former in part else step


def _child(part: Json, step: str | int) -> Json:
    if isinstance(part, Mapping):
        return part.get(str(step))
    if isinstance(part, list) and str(step).isdecimal() and int(step) < len(part):
        return part[int(step)]
    return None
