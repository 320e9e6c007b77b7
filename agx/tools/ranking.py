"""Which tools of a large registry an instruction is about: a lexical ranking, without a model.

A tool is a document of three columns: its name, its description, and its parameters (their names,
descriptions and allowed values). Common words count for next to nothing, so a tool called `who` is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from agx.plan.tools import Registry, ToolInfo
from agx.util.text_index import TextIndex

_COLUMN_WEIGHTS = (3.0, 2.0, 1.0)


def ranked(registry: Registry, instruction: str) -> tuple[str, ...]:
    """Return the names of all tools, the most relevant first; equally relevant ones keep their order.

    Raises `Unsupported` where this Python's SQLite has no full-text index.
    """
    names = tuple(tool.name for tool in registry)
    found = dict.fromkeys(names[number] for number in _index(registry).nearest(instruction))
    return tuple(found | dict.fromkeys(names))


@lru_cache(maxsize=8)
def _index(registry: Registry) -> TextIndex:
    """Return the index of a registry, which is made once."""
    return TextIndex(
        map(_columns, registry),
        weights=_COLUMN_WEIGHTS,
        subject="tools",
        hint="offer all of them: --tools-limit 0",
    )


def _columns(tool: ToolInfo) -> tuple[str, str, str]:
    """Return the text of a tool's name, of its description with its category, and of its parameters."""
    parameters = " ".join(_schema_texts(tool.schema or {}))
    return tool.name, f"{tool.description} {tool.category}", parameters


def _schema_texts(schema: Mapping[str, object]) -> Iterator[str]:
    """Yield the words of a JSON Schema: names of properties, descriptions, allowed values."""
    left: list[object] = [schema]
    while left:
        part = left.pop()
        if isinstance(part, list | tuple):
            left += part
        if not isinstance(part, Mapping):
            continue
        for key, value in part.items():
            if key == "properties" and isinstance(value, Mapping):
                yield from map(str, value)
                left += value.values()
            elif key in {"title", "description", "const"} and isinstance(value, str):
                yield value
            elif key == "enum" and isinstance(value, list | tuple):
                yield from (each for each in value if isinstance(each, str))
            else:
                left.append(value)
