"""The forms in which tools are listed: where in a document they stand, and under which keys.

Read are a list of tools, an object that has one (`tools`, `functions`, …; the results of MCP's
`tools/list` too), an object from names to tools, and one tool alone. A tool is AGX's own form,
OpenAI's function (in its wrapper or flat), MCP's (`inputSchema`), Anthropic's (`input_schema`), BFCL's
and Gemini's (`parameters`), or a JSON Schema that has a `title`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agx.tools.plain import check_keys
from agx.tools.problems import Findings, Place, shown
from agx.util.texts import nearest

_LISTS = ("tools", "functions", "function", "functionDeclarations", "function_declarations")
_MAX_LISTS_DEEP = 8
SCHEMA_KEYS = ("schema", "parameters", "inputSchema", "input_schema")
# What belongs to a tool beside its schema; whatever else stands in a bare JSON Schema is the schema.
OWN_KEYS = frozenset(
    {"name", "description", "risk", "category", "reads_stdin", "exit_codes", "options", "builtin"}
)
_KEYS_HINT = f"a tool has {', '.join(sorted(OWN_KEYS))} and schema"
# Known from other forms, and not needed here.
_LEFT_ASIDE = frozenset(
    "type strict title annotations outputSchema output_schema _meta icons execution cache_control response "
    "returns defer_loading".split()
)


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in the place of a tool, and the name that an object of tools gives it."""

    value: object
    place: Place
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool in AGX's keys. `schema` is None for a command; `schema_place` is where it stands."""

    fields: Mapping[str, Any]
    place: Place
    schema: object
    schema_place: Place


def rows(document: object, place: Place, found: Findings, *, depth: int = 0) -> Iterator[Row]:
    """Yield what stands in the place of each tool of a document."""
    if depth > _MAX_LISTS_DEEP:
        found.refuse("the tools are nested in too many lists", place, hint="give one list of tools")
    elif isinstance(document, (list, tuple)):
        for at, value in enumerate(document):
            # In JSON lines and with Gemini an item may be a list of tools itself.
            if isinstance(value, (list, tuple)) or _inner_key(value) is not None:
                yield from rows(value, place / at, found, depth=depth + 1)
            else:
                yield Row(value, place / at)
    elif isinstance(document, str) and place.line is not None:  # a name alone, on a line of its own
        yield Row(document, place)
    elif not isinstance(document, dict) or not document:
        found.refuse(f"{shown(document)} lists no tools", place)
    elif (key := _inner_key(document)) is not None:
        check_keys(document, place, found)
        _check_one_list(document, place, found)
        yield from rows(document[key], place / key, found, depth=depth + 1)
    elif _is_tool(document):
        yield Row(document, place)
    else:
        check_keys(document, place, found)
        yield from (Row(value, place / name, name=str(name)) for name, value in document.items())


def _inner_key(value: object) -> str | None:
    """Return the key under which an object lists tools, or None where it lists none."""
    if not isinstance(value, dict):
        return None
    if _list_keys(value.get("result")):  # of an MCP server, as it was sent
        return "result"
    return next(iter(_list_keys(value)), None)


def _list_keys(value: object) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [key for key in _LISTS if _lists_tools(key, value.get(key))]


def _check_one_list(document: Mapping[str, Any], place: Place, found: Findings) -> None:
    keys = _list_keys(document)
    if len(keys) > 1:
        found.refuse(f"it has `{keys[0]}` and `{keys[1]}`", place, hint="put all tools into one list")


def _lists_tools(key: str, value: object) -> bool:
    """Return whether tools are listed under a key; under `function` an object is one function, of OpenAI."""
    return isinstance(value, (list, tuple)) or (isinstance(value, dict) and key != "function")


def _is_tool(value: Mapping[str, Any]) -> bool:
    texts = (isinstance(value.get(key), str) for key in ("name", "title", "type"))
    return any(texts) or _is_wrapped(value)


def entry(row: Row, found: Findings) -> Entry | None:
    """Return a tool in AGX's keys, from whichever form it has; None where it has none of them."""
    value, place = row.value, row.place
    if not isinstance(value, dict):
        found.refuse(f"{shown(value)} is no tool", place)
        return None
    is_wrapped = _is_wrapped(value)
    is_function = is_wrapped or value.get("type") == "function"
    outside = {key: each for key, each in value.items() if key != "function"} if is_wrapped else {}
    if is_wrapped:
        _check_known(outside, place, found)
        value, place = value["function"], place / "function"
    name = _name(value, row.name)
    if row.name is not None and name != row.name:
        message = f"it stands under the name {shown(row.name)} and calls itself {shown(name)}"
        found.refuse(message, place / "name")
    fields = {key: each for key, each in (outside | value).items() if key in OWN_KEYS} | {"name": name}
    keys = [key for key in SCHEMA_KEYS if value.get(key) is not None]
    schema, schema_place = _empty_schema() if is_function else None, place
    if len(keys) > 1:
        found.refuse(f"it has `{keys[0]}` and `{keys[1]}`", place, hint="give one of them")
    elif keys:
        schema, schema_place = value[keys[0]], place / keys[0]
    elif "properties" in value:
        schema = {key: each for key, each in value.items() if key not in OWN_KEYS}
        value = fields
    _check_known(value, place, found)
    return Entry(fields, place, schema, schema_place)


def _check_known(value: Mapping[str, Any], place: Place, found: Findings) -> None:
    for key in sorted(value.keys() - OWN_KEYS - _LEFT_ASIDE - set(SCHEMA_KEYS)):
        near = nearest(key[:40], OWN_KEYS | {"schema"})
        found.refuse(f"the key {shown(key)} is unknown{near}", place / key, hint=_KEYS_HINT)


def _empty_schema() -> dict[str, Any]:
    """Return the schema of a function that takes nothing: chat services leave its parameters away."""
    return {"type": "object", "properties": {}}


def name_of(row: Row) -> str | None:
    """Return the name that a row gives its tool, whatever else is wrong; None where it gives none."""
    value = row.value
    if isinstance(value, dict):
        name = _name(value["function"] if _is_wrapped(value) else value, row.name)
    else:
        name = value if row.name is None else row.name
    return name if isinstance(name, str) else None


def _name(value: Mapping[str, Any], outer: str | None) -> object:
    """Return the tool's name: its own, the one an object of tools gives it, or a schema's title."""
    name = value.get("name")
    if name is None:
        return value.get("title") if outer is None else outer
    return name


def _is_wrapped(value: Mapping[str, Any]) -> bool:
    """Return whether this is a function in the wrapper that OpenAI has around it."""
    return isinstance(value.get("function"), dict)
