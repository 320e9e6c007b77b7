"""Which part of a schema a compiler refuses, found by trying.

A compiler's message names no place in the schema. So the schema is taken apart while it is still refused:
a part that is refused without its neighbours is to blame, or else one without which the rest compiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agx.util.json_schema import BY_NAME, DEFINED, OF_SCHEMAS, Json, pointer_step

Schema = Mapping[str, Json]
# Whether a schema compiles; None where it is not one, because something it refers to was left out.
Compiles = Callable[[Schema], bool | None]
# Returns the whole schema with a changed part in its place.
_Whole = Callable[[Json], Schema]
# The way to a part of a schema: keys and indices, each with whether it is a keyword.
_Steps = list[tuple[str | int, bool]]


def refused_path(schema: Schema, compiles: Compiles) -> tuple[str, str]:
    """Return a JSON pointer to the refused part, and its keyword; both "" for the schema as a whole."""
    pointer = keyword = ""
    for step, is_keyword in _in_definitions(schema, compiles) or _blamed(schema, compiles, dict):
        pointer += pointer_step(step)
        keyword = str(step) if is_keyword else keyword
    return pointer, keyword


def _in_definitions(schema: Schema, compiles: Compiles) -> _Steps:
    """Return the way into the definition without which everything else compiles; empty without one."""
    for key in DEFINED:
        for name, part in schema.get(key, {}).items():

            def whole(changed: Json, key: str = key, name: str = name) -> Schema:
                return {**schema, key: {**schema[key], name: changed}}

            if compiles(whole({})):
                return [(key, True), (name, False), *_blamed(part, compiles, whole)]
    return []


def _blamed(part: Json, compiles: Compiles, whole: _Whole, *, is_schema: bool = True) -> _Steps:
    """Return the way from a part to what in it is to blame.

    `is_schema` is false for a list of schemas, and for schemas by name.
    """
    key = _to_blame(part, compiles, whole, is_schema=is_schema)
    if key is None:
        return []

    def deeper(changed: Json) -> Schema:
        return whole(_with(part, key, changed))

    inner = part[key]
    if is_schema and (
        key not in OF_SCHEMAS or compiles(deeper(_emptied(inner, by_name=key in BY_NAME))) is False
    ):
        return [(key, True)]
    inner_is_schema = not is_schema or (isinstance(inner, Mapping) and key not in BY_NAME)
    return [(key, is_schema), *_blamed(inner, compiles, deeper, is_schema=inner_is_schema)]


def _to_blame(part: Json, compiles: Compiles, whole: _Whole, *, is_schema: bool) -> Json:
    if isinstance(part, list | tuple):
        return next((at for at, each in enumerate(part) if compiles(whole([each])) is False), None)
    keys = sorted(part, key=_rank(part)) if isinstance(part, Mapping) else []
    # A name stays, since `required` may list it: only its schema is left out.
    only, without = (_only, _without) if is_schema else (_only_of_names, _without_of_names)
    for key in keys:
        if compiles(whole(only(part, key))) is False:
            return key
    return next((key for key in keys if compiles(whole(without(part, key)))), None)


def _rank(part: Schema) -> Callable[[str], int]:
    """Return the order to try keys in: simple values first, then objects, lists, and at last `type`."""

    def rank(key: str) -> int:
        if key == "type":
            return 3
        return 1 if isinstance(part[key], Mapping) else 2 if isinstance(part[key], list | tuple) else 0

    return rank


def _emptied(part: Json, *, by_name: bool) -> object:
    """Return the least restrictive value in place of a part."""
    if by_name and isinstance(part, Mapping):
        return {name: {} for name in part}
    return [{}] if isinstance(part, list | tuple) else {}


def _only(part: Schema, key: str) -> Schema:
    return {each: value for each, value in part.items() if each == key or each in DEFINED}


def _without(part: Schema, key: str) -> Schema:
    return {each: value for each, value in part.items() if each != key}


def _only_of_names(part: Schema, key: str) -> Schema:
    return {each: value if each == key else {} for each, value in part.items()}


def _without_of_names(part: Schema, key: str) -> Schema:
    return {**part, key: {}}


def _with(part: Json, key: Json, value: object) -> Json:
    if isinstance(part, Mapping):
        return {**part, key: value}
    return [*part[:key], value, *part[key + 1 :]]
