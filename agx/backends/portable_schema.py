"""A plan's schema in the words that every server knows: no resources, no dynamic references, no tuples.

The schema that is compiled here says each call once and refers to it by URN. Servers resolve references
within the document at most, and read a tuple as a list of exactly that length. So references are written
out, and all tasks have the form of the last one, which may name every earlier task; what that lets through
is found when the plan is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_PLAN_ID = "urn:agx:plan"
# What is of no use once references are written out, or is said to our own constraint only.
_LEFT_OUT = frozenset({"$id", "$schema", "$defs", "definitions", "$dynamicAnchor", "x-guidance"})
_OF_NAMES = frozenset({"properties", "patternProperties", "dependentSchemas"})
_VALUES = frozenset({"enum", "const", "default", "examples", "required"})


def portable_schema(schema: Schema) -> dict[str, Any]:
    """Return a schema without references to anything; what would go round in circles takes any value."""
    resources = {each["$id"]: each for each in _resources(schema)}
    return _Writer(resources).written(_with_one_task(schema), _Place(schema))


class PortableSchemas:
    """Makes schemas portable, and keeps the last: a planner asks with the same object again and again."""

    def __init__(self) -> None:
        self._last: tuple[Schema, dict[str, Any]] | None = None

    def __call__(self, schema: Schema) -> dict[str, Any]:
        """Return the portable form of a schema, which must not change once it was given."""
        if self._last is None or self._last[0] is not schema:
            self._last = (schema, portable_schema(schema))
        return self._last[1]


def _resources(node: object) -> Iterator[Schema]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$id"), str):
            yield node
        for value in node.values():
            yield from _resources(value)
    elif isinstance(node, list):
        for value in node:
            yield from _resources(value)


def _with_one_task(schema: Schema) -> Schema:
    """Return a plan's schema with one form for all tasks, and any other schema as it is."""
    if schema.get("$id") != _PLAN_ID:
        return schema
    tasks = schema["properties"]["tasks"]
    others = {key: value for key, value in tasks.items() if key != "prefixItems"}
    items = tasks["prefixItems"][-1]
    return {**schema, "properties": {**schema["properties"], "tasks": {**others, "items": items}}}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a schema stands: in which resource, what dynamic references mean there, and inside of what."""

    resource: Schema
    bound: tuple[tuple[str, Schema], ...] = ()
    inside: frozenset[int] = frozenset()

    def entered(self, resource: Schema) -> _Place:
        """Return the place in another resource; what was bound further out goes first."""
        parts = resource.get("$defs", {}).values()
        named = [(part["$dynamicAnchor"], part) for part in parts if _has_anchor(part)]
        return _Place(resource, (*self.bound, *named), self.inside)


def _has_anchor(part: object) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("$dynamicAnchor"), str)


class _Writer:
    def __init__(self, resources: Mapping[str, Schema]) -> None:
        self._resources = resources

    def written(self, node: Schema, place: _Place) -> dict[str, Any]:
        """Return a schema with its references written out."""
        if isinstance(node.get("$id"), str) and node.get("$id") in self._resources:
            place = place.entered(self._resources[node["$id"]])
        written: dict[str, Any] = {}
        for key, value in node.items():
            if key == "$ref":
                written |= self._referred(value, place)
            elif key == "$dynamicRef":
                target = dict(reversed(place.bound)).get(str(value).removeprefix("#"), {})
                written |= self.written(target, place)
            elif key not in _LEFT_OUT:
                written[key] = self._value(key, value, place)
        return written

    def _value(self, key: str, value: Any, place: _Place) -> Any:  # noqa: ANN401  any JSON
        if key in _VALUES:
            return value
        if isinstance(value, Mapping):
            if key in _OF_NAMES:
                return {name: self._value("", part, place) for name, part in value.items()}
            return self.written(value, place)
        if isinstance(value, list):
            return [self._value("", part, place) for part in value]
        return value

    def _referred(self, reference: str, place: _Place) -> dict[str, Any]:
        name, _, pointer = reference.partition("#")
        resource = self._resources.get(name) if name else place.resource
        target = None if resource is None else _at(resource, pointer)
        if resource is None or target is None or id(target) in place.inside:
            return {}
        inside = place.inside | {id(target)}
        there = place.entered(resource) if name else place
        return self.written(target, _Place(resource, there.bound, inside))


def _at(resource: Schema, pointer: str) -> Schema | None:
    """Return what a JSON pointer names (RFC 6901); None where that is no schema."""
    node: Any = resource
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        node = node.get(name) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else None
