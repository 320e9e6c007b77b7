"""The calls of one task: that of its tool, and those of the commands which the tool runs.

`sudo`, `xargs` and their like take a whole command behind their own options, `find -exec` one up to
`;` or `+`. Whoever judges arguments judges those of the inner commands as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from agx.plan.schema import Argument, Glob, Task, Text
from agx.unix import calls as risk_calls
from agx.unix.patterns import BIN_FOLDERS, EXEC_OPTIONS
from agx.unix.table import wrapper_of
from agx.unix.words import read_words

MAX_DEPTH = 8


class Call(NamedTuple):
    """One command with its own words: without those of the commands that it runs."""

    name: str
    words: tuple[str, ...]


def calls(task: Task) -> Iterator[Call]:
    """Yield the call of the task's tool, then those inside it, the outer ones first."""
    yield from _calls(task.command, [as_word(item) for item in task.args], depth=0)


def as_word(item: Argument) -> str:
    """Return an argument as one word; what only a run can tell is `DATA` in it."""
    if isinstance(item, str):
        return item
    if isinstance(item, Glob):
        return item.glob
    if isinstance(item, Text):
        return "".join(as_word(part) for part in item.text)
    return risk_calls.DATA


def _calls(name: str, words: Sequence[str], *, depth: int) -> Iterator[Call]:
    own: Sequence[str] = words
    inner: list[Sequence[str]] = []
    if name == "find":
        own, inner = _of_find(words)
    elif (row := wrapper_of(name)) is not None:
        command: Sequence[str] = read_words(risk_calls.Call(name, tuple(words)), row).operands[row.before :]
        own, inner = words[: len(words) - len(command)], [command]
    yield Call(name, tuple(own))
    for command in inner:
        if command and depth < MAX_DEPTH:
            yield from _calls(_tool(command[0]), command[1:], depth=depth + 1)


def _of_find(words: Sequence[str]) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Split find's words into its own, without `-exec` and its like, and the commands after those."""
    own: list[str] = []
    inner: list[Sequence[str]] = []
    waiting = iter(words)
    for word in waiting:
        if word in EXEC_OPTIONS:
            inner.append(list(takewhile(lambda word: word not in (";", "+"), waiting)))
        else:
            own.append(word)
    return own, inner


def _tool(word: str) -> str:
    folder, slash, base = word.rpartition("/")
    return base if folder + slash in BIN_FOLDERS else word
