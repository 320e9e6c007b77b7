"""The formats of registries: where in a document the tools are, and under which keys.

A document is a list of tools, an object with such a list (`tools`, `functions`, …, or a result of MCP's
`tools/list`), an object from names to tools, or a single tool. A tool has AGX's own form, that of OpenAI
(wrapped or flat), MCP (`inputSchema`), Anthropic (`input_schema`), BFCL or Gemini (`parameters`), or it is
a JSON Schema with a `title`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agx.tools import foreign_lists
from agx.tools.foreign_lists import COMMAND_KEYS, LEFT_ASIDE
from agx.tools.plain import check_keys
from agx.tools.problems import Place, Problems, shown
from agx.util.texts import nearest

_LISTS = ("tools", "functions", "function", "functionDeclarations", "function_declarations")
_MAX_LISTS_DEEP = 8
SCHEMA_KEYS = ("schema", *foreign_lists.SCHEMA_KEYS)
# Keys of a tool beside its schema; in a bare JSON Schema every other key belongs to the schema.
OWN_KEYS = frozenset(
    {"name", "description", "risk", "category", "reads_stdin", "exit_codes", "options", "builtin"}
)
_KEYS_HINT = f"a tool has {', '.join(sorted(OWN_KEYS))} and schema"


@dataclass(frozen=True, slots=True)
class Row:
    """A value in the place of a tool, and its name where an object of tools has one for it.

    `is_foreign` says that what it stands in is not AGX's own form; see `agx.tools.foreign_lists`.
    """

    value: object
    place: Place
    name: str | None = None
    is_foreign: bool = False


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """A tool in AGX's keys. `schema` is None for a command; `schema_place` is its place in the document.

    `ignored` are the keys of a tool of a foreign list that nothing here has a use for.
    """

    fields: Mapping[str, Any]
    place: Place
    schema: object
    schema_place: Place
    ignored: frozenset[str] = frozenset()


def rows(
    document: object, place: Place, problems: Problems, *, depth: int = 0, is_foreign: bool = False
) -> Iterator[Row]:
    """Yield the value in the place of each tool of a document."""
    if depth > _MAX_LISTS_DEEP:
        problems.refuse("the tools are nested in too many lists", place, hint="give one list of tools")
    elif isinstance(document, (list, tuple)):
        for at, value in enumerate(document):
            # In JSON lines, and with Gemini, an item may be a list of tools itself.
            if isinstance(value, (list, tuple)) or _inner_key(value) is not None:
                yield from rows(value, place / at, problems, depth=depth + 1, is_foreign=is_foreign)
            else:
                yield Row(value, place / at, is_foreign=is_foreign)
    elif isinstance(document, str) and place.line is not None:  # a name alone, on a line of its own
        yield Row(document, place, is_foreign=is_foreign)
    elif not isinstance(document, dict) or not document:
        problems.refuse(f"{shown(document)} lists no tools", place)
    else:
        yield from _rows_in_object(document, place, problems, depth=depth, is_foreign=is_foreign)


def _rows_in_object(
    document: Mapping[str, Any], place: Place, problems: Problems, *, depth: int, is_foreign: bool
) -> Iterator[Row]:
    """Yield the values of an object that has a list of tools, is a tool, or has tools by their names."""
    if (key := _inner_key(document)) is not None:
        check_keys(document, place, problems)
        _check_one_list(document, place, problems)
        is_foreign = is_foreign or foreign_lists.is_foreign_container(document)
        yield from rows(document[key], place / key, problems, depth=depth + 1, is_foreign=is_foreign)
    elif "jsonrpc" in document:
        problems.refuse(*_without_tools(document, place), hint="save the answer to `tools/list`")
    elif (what := foreign_lists.other_document(document)) is not None:
        problems.refuse(f"it is {what}, and lists no tools", place, hint="make a list of tools of it")
    elif _is_tool(document):
        yield Row(document, place, is_foreign=is_foreign)
    else:
        check_keys(document, place, problems)
        for name, value in document.items():
            yield Row(value, place / name, name=str(name), is_foreign=is_foreign)


def has_more_pages(document: object) -> bool:
    """Return whether an MCP server says that its list of tools goes on behind this answer."""
    if not isinstance(document, dict):
        return False
    result = document.get("result")
    return bool(document.get("nextCursor") or (isinstance(result, dict) and result.get("nextCursor")))


def _without_tools(message: Mapping[str, Any], place: Place) -> tuple[str, Place]:
    """Return the sentence about a message of JSON-RPC without tools, and its place."""
    error = message.get("error")
    if not isinstance(error, dict):
        return "it is a message of JSON-RPC, and lists no tools", place
    return f"the server answered with an error: {shown(error.get('message'))}", place / "error"


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
    return any(texts) or _wrapper(value) is not None


def entry(row: Row, problems: Problems) -> ToolEntry | None:
    """Return a tool in AGX's keys, from whichever format it has; None where it has none of them.

    A tool of a service's own is warned about, and None as well.
    """
    value, place = row.value, row.place
    if not isinstance(value, dict):
        problems.refuse(f"{shown(value)} is no tool", place)
        return None
    if row.is_foreign and (own := _services_own(value)) is not None:
        problems.warn(f"it was left out: {own}", place)
        return None
    outside: dict[str, Any] = {}
    if (wrapper := _wrapper(value)) is not None:
        outside = {key: each for key, each in value.items() if key != wrapper}
        value, place = value[wrapper], place / wrapper
    name = _name(value, row.name)
    if row.name is not None and name != row.name:
        message = f"it stands under the name {shown(row.name)} and calls itself {shown(name)}"
        problems.refuse(message, place / "name")
    known = OWN_KEYS - COMMAND_KEYS if row.is_foreign else OWN_KEYS
    fields = {key: each for key, each in (outside | value).items() if key in known} | {"name": name}
    schema, schema_place, is_whole = _schema(value, place, problems)
    if schema is None and row.is_foreign:
        schema = _empty_schema()
    others = (outside.keys() | (set() if is_whole else value.keys())) - known - LEFT_ASIDE - set(SCHEMA_KEYS)
    if row.is_foreign:
        return ToolEntry(fields, place, schema, schema_place, ignored=frozenset(others))
    _refuse_unknown(others, place, problems)
    return ToolEntry(fields, place, schema, schema_place)


def _schema(value: Mapping[str, Any], place: Place, problems: Problems) -> tuple[object, Place, bool]:
    """Return a tool's schema, its place, and whether the tool is nothing but a schema with a title."""
    keys = [key for key in SCHEMA_KEYS if value.get(key) is not None]
    if len(keys) > 1:
        problems.refuse(f"it has `{keys[0]}` and `{keys[1]}`", place, hint="give one of them")
    elif keys:
        schema = value[keys[0]]
        if isinstance(schema, dict) and schema.keys() == {"json"}:  # Bedrock's
            return schema["json"], place / keys[0] / "json", False
        return schema, place / keys[0], False
    elif "properties" in value:
        return {key: each for key, each in value.items() if key not in OWN_KEYS}, place, True
    return None, place, False


def _services_own(value: Mapping[str, Any]) -> str | None:
    """Return a sentence about a tool that a service has of its own; None for any other."""
    if (key := foreign_lists.nameless(value)) is not None:
        return f"`{key}` is a tool that a service runs itself"
    kind = None if _wrapper(value) is not None else foreign_lists.service_type(value)
    return None if kind is None else f"a tool of the type {shown(kind)} is one that a service runs itself"


def _refuse_unknown(keys: Iterable[str], place: Place, problems: Problems) -> None:
    for key in sorted(keys):
        near = nearest(key[:40], OWN_KEYS | {"schema"})
        problems.refuse(f"the key {shown(key)} is unknown{near}", place / key, hint=_KEYS_HINT)


def _empty_schema() -> dict[str, Any]:
    """Return the schema of a function without parameters, which chat services leave out."""
    return {"type": "object", "properties": {}}


def name_of(row: Row) -> str | None:
    """Return the name of a row's tool, whatever else is wrong with it; None where there is none."""
    value = row.value
    if isinstance(value, dict):
        wrapper = _wrapper(value)
        name = _name(value if wrapper is None else value[wrapper], row.name)
    else:
        name = value if row.name is None else row.name
    return name if isinstance(name, str) else None


def _name(value: Mapping[str, Any], outer: str | None) -> object:
    """Return the tool's name: its own, its key in an object of tools, or a schema's title."""
    name = value.get("name")
    if name is None:
        return value.get("title") if outer is None else outer
    return name


def _wrapper(value: Mapping[str, Any]) -> str | None:
    """Return the key of the object in which a service wraps a function, or None."""
    return next((key for key in foreign_lists.WRAPPERS if isinstance(value.get(key), dict)), None)
