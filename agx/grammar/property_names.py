"""Rules about the names of an object's properties, in the keywords that the constraint holds.

`propertyNames` by a pattern is `patternProperties` where nothing else is said of names.
`unevaluatedProperties` is `additionalProperties` where it is plain which names the schemas beside it are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agx.grammar.names_by_pattern import Moved
from agx.util.formats import PATTERNS
from agx.util.json_schema import Json
from agx.util.patterns import PatternError, is_found

Target = Callable[[object], object]
_DESCRIBES = frozenset({"type", "title", "description", "$comment"})
_SAYS_NO_NAMES = _DESCRIBES | frozenset(
    {"required", "minProperties", "maxProperties", "$defs", "definitions"}
)
# What applies other schemas to the same object, and so may evaluate further properties of it.
_IN_PLACE = frozenset("$ref allOf anyOf oneOf not if then else dependentSchemas".split())
_MAX_DEPTH = 8


def with_held_names(schema: Mapping[str, Any], where: str, target: Target) -> Mapping[str, Any]:
    """Return the schema of an object with its rules about names as they are held, where they can be."""
    return _with_property_names(_with_evaluated(schema, target), where)


def _with_property_names(schema: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    pattern = _pattern(schema.get("propertyNames"))
    listed, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    if pattern is None or "patternProperties" in schema or not isinstance(listed, Mapping):
        return schema
    kept = {key: value for key, value in schema.items() if key != "propertyNames"}
    if not listed:
        moved = Moved(others, f"{where}/additionalProperties")
        return kept | {"patternProperties": {pattern: moved}, "additionalProperties": False}
    if isinstance(others, Mapping) and others:
        return schema
    try:
        properties = {name: part if is_found(pattern, name) else False for name, part in listed.items()}
    except PatternError:
        return schema
    return kept | {"properties": properties, "additionalProperties": False}


def _pattern(names: Json) -> str | None:
    """Return the pattern that says the same of names; None where there is none."""
    if not isinstance(names, Mapping) or names.get("type", "string") != "string":
        return None
    rules = {key: value for key, value in names.items() if key not in _DESCRIBES}
    pattern: str | None = None
    match rules:
        case {"pattern": str(given)} if len(rules) == 1:
            pattern = given
        case {"format": str(name)} if len(rules) == 1:
            pattern = PATTERNS.get(name)
        case {"enum": list(values)} if len(rules) == 1 and all(isinstance(each, str) for each in values):
            pattern = f"^(?:{'|'.join(map(_literal, values))})$"
        case {"const": str(value)} if len(rules) == 1:
            pattern = f"^{_literal(value)}$"
        case _ if rules and rules.keys() <= {"minLength", "maxLength"}:
            pattern = f"^[^]{{{rules.get('minLength', 0)},{rules.get('maxLength', '')}}}$"
    return pattern


def _literal(text: str) -> str:
    return "".join(f"\\u{{{ord(sign):x}}}" for sign in text)


def _with_evaluated(schema: Mapping[str, Any], target: Target) -> Mapping[str, Any]:
    if schema.keys().isdisjoint(_IN_PLACE):
        renamed = {"unevaluatedProperties": "additionalProperties", "unevaluatedItems": "items"}
        return {
            renamed[key] if key in renamed and renamed[key] not in schema else key: value
            for key, value in schema.items()
        }
    if schema.get("unevaluatedProperties") is not False or "additionalProperties" in schema:
        return schema
    kept = {key: value for key, value in schema.items() if key != "unevaluatedProperties"}
    names = _names(kept, target, _MAX_DEPTH)
    if names is None:
        return schema
    return kept | {"properties": names | kept.get("properties", {}), "additionalProperties": False}


def _names(part: object, target: Target, depth: int) -> dict[str, Json] | None:
    """Return the names that a schema is for, each with `true`; None where it may be for more."""
    if not isinstance(part, Mapping) or depth == 0:
        return {} if part is True else None
    if part.keys() - _SAYS_NO_NAMES - {"properties", "allOf", "$ref"}:
        return None
    inner = [*part.get("allOf", ()), *([target(part["$ref"])] if "$ref" in part else [])]
    found: dict[str, Json] = dict.fromkeys(part.get("properties", {}), True)
    for each in inner:
        names = _names(each, target, depth - 1)
        if names is None:
            return None
        found |= names
    return found
