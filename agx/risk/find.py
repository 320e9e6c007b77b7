"""The expressions of find and fd, whose options are words of their own."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator

from agx.unix.calls import DATA, MANY, NAME_DATA, OPEN, Call, Effect, Runs, Writes, is_known
from agx.unix.patterns import EXEC_OPTIONS
from agx.unix.table import Row

_FD_EXEC = frozenset({"-x", "-X", "--exec", "--exec-batch"})
_UNKNOWN = re.compile(f"{MANY}|{OPEN}|{DATA}")


def _find(row: Row, call: Call) -> Iterator[Effect]:
    """Judge the expression of find, whose options are words of their own."""
    words = deque(call.words)
    while words:
        word = words.popleft()
        if word in EXEC_OPTIONS:
            yield Runs(_until_end(words, item=NAME_DATA))
        elif kind := "values" if word.startswith("-newer") else row.kinds.get(word):
            value = words.popleft() if words else ""
            if kind == "files":
                yield Writes(value, overwrites=True)
            if OPEN in value:
                yield "runs_code"
        elif word in row.marks or _may_be(word, row):
            yield from row.marks.get(word, ("runs_code",))


def _may_be(word: str, row: Row) -> bool:
    """Return whether a word that only a run can tell may be an action of find."""
    if is_known(word):
        return False
    first, *_, last = _UNKNOWN.split(word)
    return any(
        option.startswith(first) and option.endswith(last)
        for option in (*EXEC_OPTIONS, *row.marks, *row.kinds)
    )


def _until_end(words: deque[str], *, item: str) -> tuple[str, ...]:
    """Take the words of an inner command, up to `;` or `{} +`."""
    taken: list[str] = []
    while words:
        word = words.popleft()
        if word == ";" or (word == "+" and taken[-1:] == ["{}"]):
            break
        taken.append(word)
    return tuple(word.replace("{}", item if word.startswith("{}") else DATA) for word in taken) or ("",)


def _fd(row: Row, call: Call) -> Iterator[Effect]:
    del row
    words = deque(call.words)
    while words:
        if words.popleft() in _FD_EXEC:
            yield Runs(_until_end(words, item=NAME_DATA))


EXPRESSIONS: dict[str, Callable[[Row, Call], Iterator[Effect]]] = {"find": _find, "fd": _fd}
