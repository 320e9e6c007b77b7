"""Which tools of a large registry an instruction is about: a lexical ranking, without a model.

A tool is a document of three columns: its name, its description, and its parameters (their names,
descriptions and allowed values). SQLite's full-text index, which comes with Python, ranks them by BM25
with a weight for each column, on words that Porter's stemmer reduces. Words in more than half of the tools
count for next to nothing, so no list of stop words is needed, and a tool called `who` is found.

Source: https://sqlite.org/fts5.html#the_bm25_function
"""

from __future__ import annotations

import re
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from agx.errors import Unsupported
from agx.plan.tools import Registry, ToolInfo

MAX_WORDS = 1000
_COLUMN_WEIGHTS = (3.0, 2.0, 1.0)
# In scripts without spaces between words, each character counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def ranked(registry: Registry, instruction: str) -> tuple[str, ...]:
    """Return the names of all tools, the most relevant first; equally relevant ones keep their order.

    Raises `Unsupported` where this Python's SQLite has no full-text index.
    """
    return _index(registry).ranked(words(instruction))


def words(text: str) -> list[str]:
    """Split a text or a name into lower-case words: at `_`, `.`, spaces and the humps of camelCase."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", text))]


@lru_cache(maxsize=8)
def _index(registry: Registry) -> _ToolIndex:
    """Return the index of a registry, which is made once."""
    return _ToolIndex(tuple(registry))


class _ToolIndex:
    """A full-text index of the tools of one registry, in memory; threads may share it."""

    def __init__(self, tools: Sequence[ToolInfo]) -> None:
        self._names = tuple(tool.name for tool in tools)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._database.close)
        try:
            self._database.execute(
                "CREATE VIRTUAL TABLE tools USING fts5"
                "(name, description, parameters, tokenize='porter unicode61')"
            )
        except sqlite3.OperationalError as error:
            raise Unsupported(
                f"this Python's SQLite cannot rank tools: {error}", hint="offer all of them: --tools-limit 0"
            ) from error
        rows = ((number, *_columns(tool)) for number, tool in enumerate(tools))
        self._database.executemany(
            "INSERT INTO tools(rowid, name, description, parameters) VALUES (?, ?, ?, ?)", rows
        )

    def ranked(self, query: Sequence[str]) -> tuple[str, ...]:
        """Return all names: first those that share a word with the query, by BM25, then the rest."""
        found = dict.fromkeys(self._names[number] for number in self._matches(query))
        return tuple(found | dict.fromkeys(self._names))

    def _matches(self, query: Sequence[str]) -> Iterator[int]:
        distinct = list(dict.fromkeys(query))[:MAX_WORDS]
        if not distinct:
            return
        expression = " OR ".join(f'"{word}"' for word in distinct)
        order = "SELECT rowid FROM tools WHERE tools MATCH ? ORDER BY bm25(tools, ?, ?, ?), rowid"
        with self._lock:
            rows = self._database.execute(order, (expression, *_COLUMN_WEIGHTS)).fetchall()
        yield from (number for (number,) in rows)


def _columns(tool: ToolInfo) -> tuple[str, str, str]:
    """Return the text of a tool's name, of its description with its category, and of its parameters."""
    parameters = " ".join(_schema_texts(tool.schema or {}))
    texts = (tool.name, f"{tool.description} {tool.category}", parameters)
    name, description, schema = (" ".join(words(text)) for text in texts)
    return name, description, schema


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
