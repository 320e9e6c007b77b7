"""Which of many texts are about the same as another one: a lexical ranking, without a model.

A document is a text in one or more columns. SQLite's full-text index, which comes with Python, ranks
documents by BM25 with a weight for each column, on words that Porter's stemmer reduces. Words in more
than half of the documents count for next to nothing, so no list of stop words is needed.

Source: https://sqlite.org/fts5.html#the_bm25_function
"""

from __future__ import annotations

import re
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Sequence

from agx.errors import Unsupported

MAX_WORDS = 1000
# In scripts without spaces between words, each character counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(text: str) -> list[str]:
    """Split a text or a name into lower-case words: at `_`, `.`, spaces and the humps of camelCase."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", text))]


class TextIndex:
    """A full-text index in memory; threads may share it.

    Each document has as many columns as there are `weights`. Raises `Unsupported` where this Python's
    SQLite has no full-text index; `subject` is what cannot be ranked then, and `hint` what to do.
    """

    def __init__(
        self, documents: Iterable[Sequence[str]], *, weights: Sequence[float], subject: str, hint: str
    ) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._database.close)
        columns = [f"column_{number}" for number, _ in enumerate(weights)]
        try:
            self._database.execute(
                f"CREATE VIRTUAL TABLE documents USING fts5({', '.join(columns)}, content='', "
                "tokenize='porter unicode61')"
            )
        except sqlite3.OperationalError as error:
            message = f"this Python's SQLite cannot rank {subject}: {error}"
            raise Unsupported(message, hint=hint) from error
        places = ", ".join("?" for _ in columns)
        self._database.executemany(
            f"INSERT INTO documents(rowid, {', '.join(columns)}) VALUES (?, {places})",  # noqa: S608  no data
            ((number, *map(_spaced, document)) for number, document in enumerate(documents)),
        )
        self._weights = tuple(weights)
        self._order = (
            "SELECT rowid FROM documents WHERE documents MATCH ? "  # noqa: S608  no data
            f"ORDER BY bm25(documents, {places}), rowid LIMIT ?"
        )

    def nearest(self, text: str, *, limit: int = -1) -> list[int]:
        """Return the numbers of the documents that share a word with the text, the nearest first.

        Equally near ones keep their order. `limit` -1 is no limit.
        """
        distinct = list(dict.fromkeys(words(text)))[:MAX_WORDS]
        if not distinct:
            return []
        expression = " OR ".join(f'"{word}"' for word in distinct)
        with self._lock:
            rows = self._database.execute(self._order, (expression, *self._weights, limit)).fetchall()
        return [number for (number,) in rows]


def _spaced(text: str) -> str:
    """Return a text that SQLite splits into its `words`; one without humps is split like that as it is."""
    return text if text.isascii() and text[1:].islower() else " ".join(words(text))
