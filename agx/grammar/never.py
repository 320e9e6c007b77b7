"""Which schemas no value can fit, and the keyword that is to blame.

`{"not": {}}` and `{"enum": []}` are what generators write for "never". What follows from them is found
here: a choice of nothing but impossible branches, an object that requires an impossible property, limits that
pass each other. Whatever is not found is left to the compiler of the constraint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agx.util.json_schema import TYPES, Json, is_of_type, pointer_step

# Where a keyword stands that makes a schema impossible: the JSON pointer to it, and its name.
Blame = tuple[str, str]
# Returns the pointer that a reference leads to and the schema there.
Resolve = Callable[[object], tuple[str, object]]

_LIMITS = (
    ("string", "minLength", "maxLength"),
    ("array", "minItems", "maxItems"),
    ("object", "minProperties", "maxProperties"),
    ("integer", "minimum", "maximum"),
    ("number", "minimum", "maximum"),
)


class Never:
    """Asks of one tool's schema which of its parts no value fits; answers are kept."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._known: dict[str, Blame | None] = {}

    def blame(self, schema: object, where: str) -> Blame | None:
        """Return what makes the schema at this place impossible, None where nothing is known to."""
        if schema is False:
            return where, _last_step(where)
        if not isinstance(schema, Mapping):
            return None
        if where not in self._known:
            self._known[where] = (
                None  # a part that refers to itself is possible unless something else says no
            )
            found = next(self._blames(schema, where), None)
            self._known[where] = found
        return self._known[where]

    def blames_of_object(self, schema: Mapping[str, Any], where: str) -> Iterator[Blame]:
        """Yield what makes an object impossible: each required property that can never be given."""
        properties = _mapping(schema.get("properties"))
        for name in _strings(schema.get("required")):
            if name in properties:
                found = self.blame(properties[name], f"{where}/properties{pointer_step(name)}")
                if found is not None:
                    yield found
            elif schema.get("additionalProperties") is False and "patternProperties" not in schema:
                yield where + "/required", "required"

    def _blames(self, schema: Mapping[str, Any], where: str) -> Iterator[Blame]:
        if "not" in schema and allows_everything(schema["not"]):
            yield where + "/not", "not"
        for key in ("enum", "const"):
            if key in schema and not _has_value(schema, key):
                yield f"{where}/{key}", key
        if "$ref" in schema:
            target = self._resolve(schema["$ref"])
            if (found := self.blame(target[1], target[0])) is not None:
                yield found
        yield from self._of_parts(schema, where)
        yield from _passed_limits(schema, where)

    def _of_parts(self, schema: Mapping[str, Any], where: str) -> Iterator[Blame]:
        for key in ("allOf", "anyOf", "oneOf"):
            parts = schema.get(key)
            if isinstance(parts, list | tuple) and parts:
                blames = [self.blame(part, f"{where}/{key}/{at}") for at, part in enumerate(parts)]
                found = [blame for blame in blames if blame is not None]
                if found and (key == "allOf" or len(found) == len(parts)):
                    yield found[0]
        if "allOf" in schema and not _shared_types([schema, *_list(schema["allOf"])]):
            yield where + "/allOf", "allOf"
        if schema.get("type") == "object":
            yield from self.blames_of_object(schema, where)
        if schema.get("type") == "array":
            yield from self._of_items(schema, where)

    def _of_items(self, schema: Mapping[str, Any], where: str) -> Iterator[Blame]:
        """Yield the first impossible item of an array that has to have it."""
        first = schema.get("prefixItems", ())
        at_least = schema.get("minItems", 0)
        for at, part in enumerate(first if isinstance(first, list | tuple) else ()):
            found = self.blame(part, f"{where}/prefixItems/{at}")
            if found is not None and at < at_least:
                yield found
        if "items" in schema and at_least > len(first):
            found = self.blame(schema["items"], where + "/items")
            if found is not None:
                yield found


def allows_everything(schema: object) -> bool:
    """Return whether a schema is `true`, or an object that says nothing of the value."""
    return schema is True or (isinstance(schema, Mapping) and not schema)


def _shared_types(parts: Sequence[object]) -> frozenset[str]:
    """Return the types that values of all the schemas can have, as far as they name any."""
    shared = frozenset(TYPES)
    for part in parts:
        if isinstance(part, Mapping) and "type" in part:
            types = frozenset(_strings(part["type"]) or [part["type"]])
            shared &= types | {"integer"} if "number" in types else types
    return shared


def _passed_limits(schema: Mapping[str, Any], where: str) -> Iterator[Blame]:
    for kind, low, high in _LIMITS:
        if schema.get("type") == kind and low in schema and high in schema and schema[low] > schema[high]:
            yield f"{where}/{low}", low


def _has_value(schema: Mapping[str, Any], key: str) -> bool:
    """Return whether a value of `enum` or `const` has one of the types beside it."""
    values = schema[key] if key == "enum" else [schema[key]]
    if not isinstance(values, list | tuple):
        return True  # a meta-schema's matter
    types = schema.get("type")
    return any(types is None or is_of_type(value, types) for value in values)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Json]:
    return [*value] if isinstance(value, list | tuple) else []


def _strings(value: Json) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []


def _last_step(where: str) -> str:
    """Return the keyword that holds the schema at a place, "" for the whole."""
    steps = where.split("/")
    return next((step for step in reversed(steps[:-1]) if not step.isdecimal()), "")
