"""The definitions of a schema: where references lead, which are dynamic, and how deep it all is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agx.errors import ConstraintFailed
from agx.grammar.schema_forms import Schema
from agx.util.json_schema import DEFINITIONS, Json

# llguidance takes up to 9 KB of stack for a schema in another one, and a thread has 2 MB or more.
_MAX_DEPTH = 400


class HasNoRuleError(Exception):
    """Something that cannot be said by rules: a reference to no definition, or two bindings at once."""


class Definitions:
    """The definitions of a schema, or of the one part of it that has an address and holds them all."""

    def __init__(self, schema: Schema) -> None:
        own = _mapping(schema.get("$defs", {}))
        parts = [part for part in own.values() if isinstance(part, Mapping) and "$id" in part]
        if parts and len(own) > 1:
            raise HasNoRuleError  # a reference `#/…` would mean one thing here and another there
        self._address = str(parts[0]["$id"]) if parts else ""
        held = _mapping(parts[0].get("$defs", {})) if parts else own
        self._definitions = {DEFINITIONS + name: part for name, part in held.items()}

    def local(self, reference: str) -> str:
        """Return a reference as it is written among the definitions themselves."""
        return reference.removeprefix(self._address)

    def definition(self, reference: str) -> Schema:
        """Return what a reference leads to; raises `HasNoRuleError` where that is no definition."""
        target = self._definitions.get(self.local(reference))
        if not isinstance(target, Mapping):
            raise HasNoRuleError
        return {key: value for key, value in target.items() if key != "$comment"}

    def leading_to_dynamic(self) -> frozenset[str]:
        """Return the references to definitions that have a dynamic reference, or lead to one."""
        users: dict[str, list[str]] = {}
        waiting: list[str] = []
        for name, part in self._definitions.items():
            named, is_dynamic = references(part)
            for reference in named:
                users.setdefault(reference, []).append(name)
            if is_dynamic:
                waiting.append(name)
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += users.get(name, ())
        return frozenset(found)


def _mapping(part: Json) -> Mapping[str, Json]:
    if not isinstance(part, Mapping):
        raise HasNoRuleError
    return part


def references(schema: object) -> tuple[set[str], bool]:
    """Return every reference in a schema, and what only looks like one; and whether one is dynamic."""
    found: set[str] = set()
    is_dynamic = False
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                found.add(reference)
            is_dynamic = is_dynamic or isinstance(part.get("$dynamicRef"), str)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return found, is_dynamic


def check_depth(*parts: Json) -> None:
    """Raise `ConstraintFailed` where parts that may refer to each other are too deep, one in another."""
    depth = 0
    for part in parts:
        level = [part]
        while level and depth <= _MAX_DEPTH:
            level = [inner for each in level for inner in values(each)]
            depth += 1
    if depth > _MAX_DEPTH:
        raise too_deep()


def values(part: Json) -> Iterable[Json]:
    """Return what stands directly in a part."""
    if isinstance(part, Mapping):
        return part.values()
    return part if isinstance(part, list) else ()


def too_deep() -> ConstraintFailed:
    """Make the error of a schema that is too deep."""
    reason = "it is nested too deeply"
    hint = "simplify the tools' schemas"
    return ConstraintFailed(f"the schema cannot be compiled: {reason}", hint=hint, reason=reason)
