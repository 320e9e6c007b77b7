"""Names that a pattern allows, listed where they are few: `^[ab]$` is the properties `a` and `b`.

A constraint cannot remember which of a pattern's names were written, so a name could stand twice, and after
the last one left a comma would be a dead end. Listed names stand once each, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agx.util.ecma.finite import texts
from agx.util.ecma.parsing import parse
from agx.util.json_schema import Json, pointer_step

_MAX_NAMES = 64


@dataclass(frozen=True, slots=True)
class Moved:
    """A schema and the JSON pointer to where the tool's schema has it."""

    schema: object
    where: str


def with_few_names(schema: dict[str, Json], where: str) -> dict[str, Json]:
    """Return an object's schema with the names of patterns listed, where there are not many."""
    patterns = schema.get("patternProperties")
    listed = schema.get("properties", {})
    if not isinstance(patterns, Mapping) or not isinstance(listed, Mapping):
        return schema
    properties: dict[str, Json] = dict(listed)
    others = dict(patterns)
    for pattern, part in patterns.items():
        names = _names(pattern)
        if names is not None:
            del others[pattern]
            moved = Moved(part, f"{where}/patternProperties{pointer_step(pattern)}")
            for name in names:
                properties[name] = _both(properties, name, moved, where)
    if len(others) == len(patterns):
        return schema
    kept = {key: value for key, value in schema.items() if key != "patternProperties"}
    return kept | {"properties": properties} | ({"patternProperties": others} if others else {})


def _both(properties: Mapping[str, Json], name: str, moved: Moved, where: str) -> Json:
    """Return what a name's value has to fit: the schema that it has already, and another one."""
    if name not in properties:
        return moved
    own = properties[name]
    if isinstance(own, Mapping) and own.keys() == {"allOf"} and isinstance(own["allOf"][0], Moved):
        return {"allOf": [*own["allOf"], moved]}
    first = own if isinstance(own, Moved) else Moved(own, f"{where}/properties{pointer_step(name)}")
    return first if first.schema == moved.schema else {"allOf": [first, moved]}


def _names(pattern: str) -> list[str] | None:
    try:
        return texts(parse(pattern), at_most=_MAX_NAMES)
    except ValueError:
        return None
