"""The formats of registries: where in a document the tools are, and under which keys.

A document is a list of tools, an object with such a list (`tools`, `functions`, …, or a result of MCP's
`tools/list`), an object from names to tools, or a single tool. A tool has AGX's own form, that of OpenAI
(wrapped or flat), MCP (`inputSchema`), Anthropic (`input_schema`), BFCL or Gemini (`parameters`), or it is
a JSON Schema with a `title`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agx.tools.plain import check_keys
from agx.tools.problems import Place, Problems, shown
from agx.util.texts import nearest

_LISTS = ("tools", "functions", "function", "functionDeclarations", "function_declarations")
_MAX_LISTS_DEEP = 8
SCHEMA_KEYS = ("schema", "parameters", "inputSchema", "input_schema")
# Keys of a tool beside its schema; in a bare JSON Schema every other key belongs to the schema.
OWN_KEYS = frozenset(
    {"name", "description", "risk", "category", "reads_stdin", "exit_codes", "options", "builtin"}
)
_KEYS_HINT = f"a tool has {', '.join(sorted(OWN_KEYS))} and schema"
# Keys of other formats that are not needed here.
_LEFT_ASIDE = frozenset(
    "type strict title annotations outputSchema output_schema _meta icons execution cache_control response "
    "returns defer_loading".split()
)


@dataclass(frozen=True, slots=True)
class Row:
    """A value in the place of a tool, and its name where an object of tools has one for it."""

    value: object
    place: Place
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """A tool in AGX's keys. `schema` is None for a command; `schema_place` is its place in the document."""

    fields: Mapping[str, Any]
    place: Place
    schema: object
    schema_place: Place


def rows(document: object, place: Place, problems: Problems, *, depth: int = 0) -> Iterator[Row]:
    """Yield the value in the place of each tool of a document."""
    if depth > _MAX_LISTS_DEEP:
        problems.refuse("the tools are nested in too many lists", place, hint="give one list of tools")
    elif isinstance(document, (list, tuple)):
        for at, value in enumerate(document):
            # In JSON lines, and with Gemini, an item may be a list of tools itself.
            if isinstance(value, (list, tuple)) or _inner_key(value) is not None:
                yield from rows(value, place / at, problems, depth=depth + 1)
            else:
                yield Row(value, place / at)
    elif isinstance(document, str) and place.line is not None:  # a name alone, on a line of its own
        yield Row(document, place)
    elif not isinstance(document, dict) or not document:
        problems.refuse(f"{shown(document)} lists no tools", place)
    elif (key := _inner_key(document)) is not None:
        check_keys(document, place, problems)
        _check_one_list(document, place, problems)
        yield from rows(document[key], place / key, problems, depth=depth + 1)
    elif _is_tool(document):
        yield Row(document, place)
    else:
        check_keys(document, place, problems)
        yield from (Row(value, place / name, name=str(name)) for name, value in document.items())


def _inner_key(value: object) -> str | None:
    """Return the key under which an object lists tools, or None."""
    if not isinstance(value, dict):
        return None
    if _list_keys(value.get("result")):  # the answer of an MCP server
        return "result"
    return next(iter(_list_keys(value)), None)


def _list_keys(value: object) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [key for key in _LISTS if _lists_tools(key, value.get(key))]


def _check_one_list(document: Mapping[str, Any], place: Place, problems: Problems) -> None:
    keys = _list_keys(document)
    if len(keys) > 1:
        problems.refuse(f"it has `{keys[0]}` and `{keys[1]}`", place, hint="put all tools into one list")


def _lists_tools(key: str, value: object) -> bool:
    """Return whether tools are listed under a key; an object under `function` is one function of OpenAI's."""
    return isinstance(value, (list, tuple)) or (isinstance(value, dict) and key != "function")


def _is_tool(value: Mapping[str, Any]) -> bool:
    texts = (isinstance(value.get(key), str) for key in ("name", "title", "type"))
    return any(texts) or _is_wrapped(value)


def entry(row: Row, problems: Problems) -> ToolEntry | None:
    """Return a tool in AGX's keys, from whichever format it has; None where it has none of them."""
    value, place = row.value, row.place
    if not isinstance(value, dict):
        problems.refuse(f"{shown(value)} is no tool", place)
        return None
    is_wrapped = _is_wrapped(value)
    is_function = is_wrapped or value.get("type") == "function"
    outside = {key: each for key, each in value.items() if key != "function"} if is_wrapped else {}
    if is_wrapped:
        _check_known(outside, place, problems)
        value, place = value["function"], place / "function"
    name = _name(value, row.name)
    if row.name is not None and name != row.name:
        message = f"it stands under the name {shown(row.name)} and calls itself {shown(name)}"
        problems.refuse(message, place / "name")
    fields = {key: each for key, each in (outside | value).items() if key in OWN_KEYS} | {"name": name}
    keys = [key for key in SCHEMA_KEYS if value.get(key) is not None]
    schema, schema_place = _empty_schema() if is_function else None, place
    if len(keys) > 1:
        problems.refuse(f"it has `{keys[0]}` and `{keys[1]}`", place, hint="give one of them")
    elif keys:
        schema, schema_place = value[keys[0]], place / keys[0]
    elif "properties" in value:
        schema = {key: each for key, each in value.items() if key not in OWN_KEYS}
        value = fields
    _check_known(value, place, problems)
    return ToolEntry(fields, place, schema, schema_place)


def _check_known(value: Mapping[str, Any], place: Place, problems: Problems) -> None:
    for key in sorted(value.keys() - OWN_KEYS - _LEFT_ASIDE - set(SCHEMA_KEYS)):
        near = nearest(key[:40], OWN_KEYS | {"schema"})
        problems.refuse(f"the key {shown(key)} is unknown{near}", place / key, hint=_KEYS_HINT)


def _empty_schema() -> dict[str, Any]:
    """Return the schema of a function without parameters, which chat services leave out."""
    return {"type": "object", "properties": {}}


def name_of(row: Row) -> str | None:
    """Return the name of a row's tool, whatever else is wrong with it; None where there is none."""
    value = row.value
    if isinstance(value, dict):
        name = _name(value["function"] if _is_wrapped(value) else value, row.name)
    else:
        name = value if row.name is None else row.name
    return name if isinstance(name, str) else None


def _name(value: Mapping[str, Any], outer: str | None) -> object:
    """Return the tool's name: its own, its key in an object of tools, or a schema's title."""
    name = value.get("name")
    if name is None:
        return value.get("title") if outer is None else outer
    return name


def _is_wrapped(value: Mapping[str, Any]) -> bool:
    """Return whether this is a function in OpenAI's wrapper."""
    return isinstance(value.get("function"), dict)
