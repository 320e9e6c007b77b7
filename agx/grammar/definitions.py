"""The definitions of a schema: what references lead to, which are dynamic, and how deep they nest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agx.errors import ConstraintFailed
from agx.grammar.schema_forms import Schema
from agx.util.json_schema import DEFINITIONS, Json

# llguidance needs up to 9 KB of stack for each level of schemas, and a thread has at least 2 MB.
_MAX_DEPTH = 400
TOO_DEEP = "it is nested too deeply"


class HasNoRuleError(Exception):
    """Rules cannot express a part: a reference that leads to no definition, or two bindings at once."""


class Definitions:
    """The definitions of a schema, or of the one part with an address that holds them all."""

    def __init__(self, schema: Schema) -> None:
        own = _mapping(schema.get("$defs", {}))
        parts = [part for part in own.values() if isinstance(part, Mapping) and "$id" in part]
        if parts and len(own) > 1:
            raise HasNoRuleError  # a reference `#/…` would mean one thing here and another there
        self._address = str(parts[0]["$id"]) if parts else ""
        held = _mapping(parts[0].get("$defs", {})) if parts else own
        self._definitions = {DEFINITIONS + name: part for name, part in held.items()}

    def local(self, reference: str) -> str:
        """Return a reference as the definitions themselves write it."""
        return reference.removeprefix(self._address)

    def definition(self, reference: str) -> Schema:
        """Return the definition that a reference leads to; raises `HasNoRuleError` for anything else."""
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
    """Return everything in a schema that looks like a reference, and whether one of them is dynamic."""
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
    """Raise `ConstraintFailed` where parts that may refer to each other nest too deeply."""
    depth = 0
    for part in parts:
        level = [part]
        while level and depth <= _MAX_DEPTH:
            level = [inner for each in level for inner in values(each)]
            depth += 1
    if depth > _MAX_DEPTH:
        raise too_deep()


def values(part: Json) -> Iterable[Json]:
    """Return the values directly inside a part."""
    if isinstance(part, Mapping):
        return part.values()
    return part if isinstance(part, list) else ()


def too_deep() -> ConstraintFailed:
    """Return the error for a schema that nests too deeply."""
    hint = "simplify the tools' schemas"
    return ConstraintFailed(f"the schema cannot be compiled: {TOO_DEEP}", hint=hint, reason=TOO_DEEP)
