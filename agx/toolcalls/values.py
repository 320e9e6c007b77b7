"""The values of parameters that a model writes as plain text, by what the tool's schema says of them."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
_MAX_NESTED_CHARS = 1 << 16  # of a list that is written as Python writes one


def value_of(text: str, schema: Schema | None) -> Any:  # noqa: ANN401  any value of JSON
    """Return a text as a value of its schema; without one, or where it fits no type, it stays a text.

    A text that is one of an `enum` is that value. Types are tried from the narrowest: null, boolean, integer,
    number, array, object, and text last.
    """
    if not schema:
        return text
    stripped = text.strip()
    for known in _constants(schema):
        if known == text or (not isinstance(known, str) and stripped == json.dumps(known)):
            return known
    types = _types(schema)
    for name, read in _READERS.items():
        if name in types:
            try:
                return read(stripped)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    return text


def _constants(schema: Schema) -> list[Any]:
    values = schema.get("enum")
    found = list(values) if isinstance(values, list) else []
    return [*found, schema["const"]] if "const" in schema else found


def _types(schema: Schema) -> set[str]:
    """Return the types that a schema allows, looking into alternatives."""
    named = schema.get("type")
    types = {named} if isinstance(named, str) else set(named) if isinstance(named, Sequence) else set()
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key) or ():
            if isinstance(part, Mapping):
                types |= _types(part)
    if schema.get("nullable") is True:
        types.add("null")
    if not types:
        types = {"object"} if "properties" in schema else {"array"} if "items" in schema else set()
    return {_OTHER_NAMES.get(str(each), str(each)) for each in types}


# What people write in place of JSON Schema's names.
_OTHER_NAMES = {
    "str": "string", "text": "string", "int": "integer", "float": "number", "double": "number",
    "bool": "boolean", "list": "array", "dict": "object", "none": "null",
}  # fmt: skip


def _null(text: str) -> None:
    if text.lower() not in {"null", "none"}:
        raise ValueError(text)


def _boolean(text: str) -> bool:
    found = {"true": True, "false": False}.get(text.lower())
    if found is None:
        raise ValueError(text)
    return found


def _number(text: str) -> float | int:
    number = json.loads(text)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(text)  # noqa: TRY004  whoever asks tries the next type
    return number


def _integer(text: str) -> int:
    number = _number(text)
    if number != int(number):
        raise ValueError(text)
    return int(number)


def _nested(kind: type[list[Any] | dict[str, Any]], text: str) -> Any:  # noqa: ANN401  as above
    """Return a list or an object, as JSON or as Python writes it."""
    try:
        value = json.loads(text)
    except ValueError:
        if len(text) > _MAX_NESTED_CHARS:
            raise
        value = ast.literal_eval(text)
    if not isinstance(value, kind):
        raise ValueError(text)  # noqa: TRY004  whoever asks tries the next type
    return value


_READERS: dict[str, Callable[[str], Any]] = {
    "null": _null,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "array": lambda text: _nested(list, text),
    "object": lambda text: _nested(dict, text),
}
