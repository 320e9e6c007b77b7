"""Whether no value fits two schemas, as far as their types, constants and required properties show it.

`oneOf` of disjoint branches is the same as `anyOf`, so the constraint holds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from agx.util.json_schema import TYPES, Json, types_of

# Returns what a reference leads to.
Target = Callable[[object], object]

# Schemas are compared property by property; no discriminator stands deeper.
_MAX_DEPTH = 6
# Of more schemas, only a property that tells them apart is looked for.
_MAX_COMPARED = 40


def are_disjoint(parts: Sequence[object], target: Target) -> bool:
    """Return whether each value fits one of the schemas at most, as far as it is plain."""
    followed = [_followed(part, target) for part in parts]
    if _have_discriminator([part for part in followed if isinstance(part, Mapping)], len(parts)):
        return True
    if len(parts) > _MAX_COMPARED:
        return False
    return all(_is_disjoint(one, other, target, _MAX_DEPTH) for one, other in combinations(followed, 2))


def _have_discriminator(parts: Sequence[Mapping[str, Json]], number: int) -> bool:
    """Return whether all of so many objects require a property that has other values in each of them."""
    if len(parts) < number or not all(_types(part) == {"object"} for part in parts):
        return False
    shared = frozenset.intersection(*(frozenset(part.get("required", ())) for part in parts))
    for name in shared:
        values = [_values(_mapping(part.get("properties", {}).get(name))) for part in parts]
        known = [each for each in values if each is not None]
        if len(known) == number and len(frozenset[str]().union(*known)) == sum(map(len, known)):
            return True
    return False


def _mapping(part: Json) -> Mapping[str, Json]:
    return part if isinstance(part, Mapping) else {}


def _is_disjoint(one: object, other: object, target: Target, depth: int) -> bool:
    one, other = _followed(one, target), _followed(other, target)
    if one is False or other is False:
        return True
    if not isinstance(one, Mapping) or not isinstance(other, Mapping) or depth == 0:
        return False
    shared = _types(one) & _types(other)
    if not shared:
        return True
    values = _values(one), _values(other)
    if values[0] is not None and values[1] is not None:
        return values[0].isdisjoint(values[1])
    return shared == {"object"} and _objects_differ(one, other, target, depth)


def _objects_differ(one: Mapping[str, Json], other: Mapping[str, Json], target: Target, depth: int) -> bool:
    """Return whether a property that both require can have no value that fits both."""
    required = set(one.get("required", ())) & set(other.get("required", ()))
    parts = one.get("properties", {}), other.get("properties", {})
    return any(
        name in parts[0]
        and name in parts[1]
        and _is_disjoint(parts[0][name], parts[1][name], target, depth - 1)
        for name in required
    ) or any(_lacks(*pair) for pair in ((one, other), (other, one)))


def _lacks(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Return whether the first does not allow a property that the second requires."""
    is_closed = one.get("additionalProperties") is False and "patternProperties" not in one
    return is_closed and not set(other.get("required", ())) <= set(one.get("properties", {}))


def _followed(part: object, target: Target) -> object:
    for _ in range(_MAX_DEPTH):
        if not isinstance(part, Mapping) or "$ref" not in part:
            break
        part = target(part["$ref"])
    return part


def _types(schema: Mapping[str, Json]) -> frozenset[str]:
    """Return the types that values of a schema may have; a number may be an integer."""
    given = schema.get("type")
    types = frozenset(TYPES if given is None else given if isinstance(given, list | tuple) else [given])
    for key in ("const", "enum"):
        if key in schema:
            values = [schema[key]] if key == "const" else schema[key]
            types &= frozenset[str]().union(*map(types_of, values))
    return types | {"integer"} if "number" in types else types


def _values(schema: Mapping[str, Json]) -> frozenset[str] | None:
    """Return the only values of a schema, written as JSON; None where it does not list them."""
    if "const" in schema:
        return frozenset({_written(schema["const"])})
    return frozenset(map(_written, schema["enum"])) if "enum" in schema else None


def _written(value: Json) -> str:
    number = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if number else value, sort_keys=True)
