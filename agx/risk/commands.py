"""Operands that are run: commands behind a command, shell text, programs, files of code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from posixpath import basename

from agx.unix.calls import DATA, Code, Effect, Runs, RunsFile, Shell, Writes, is_known
from agx.unix.registry import unix_registry
from agx.unix.table import row_of
from agx.unix.words import Given

_PARALLEL_INPUT = re.compile(r":{3,4}\+?")
_PAGER_MOVES = re.compile(r"\+\+?(?:\d*[gGFp%]?|[/?&][^\0]*)")  # and runs nothing
_NO_FILE = frozenset({"", "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


def _command(given: Given) -> Iterator[Effect]:
    words = given.operands[given.row.before :]
    if words:
        yield Runs(words)
    elif given.has("-s", "-i", "--shell", "--login"):
        yield "runs_input"


def _somewhere(given: Given) -> Iterator[Effect]:
    """Judge a command behind options of many shapes: the first word that is a command's name begins it."""
    for at, word in enumerate(given.call.words):
        name = basename(word)
        if name in unix_registry() or row_of(name) is not None:
            yield Runs(given.call.words[at:])
            return


def _shell(given: Given) -> Iterator[Effect]:
    """Judge operands that are joined to shell text: `eval`, the command behind `ssh HOST`."""
    words = given.operands[given.row.before :]
    if words:
        yield from ("runs_code", Shell(" ".join(words)))
    else:
        yield "runs_input"


def _watch(given: Given) -> Iterator[Effect]:
    if given.has("-x", "--exec"):
        yield from _command(given)
    elif given.operands:
        yield Shell(" ".join(given.operands))


def _su(given: Given) -> Iterator[Effect]:
    yield "privilege"
    if not given.has("-c", "--command", "--session-command"):
        yield from ("runs_code", "runs_input")


def _xargs(given: Given) -> Iterator[Effect]:
    """Judge the command of xargs with what it gets from the input: a word at the end, or each `{}`."""
    words = given.operands
    if not words:
        return
    place = next(reversed(given.values("-I", "-J", "-i", "--replace")), None)
    if place is None and given.has("-i", "--replace"):
        place = "{}"
    # Without -0, a name with a blank or a line's end gives words that may begin with a dash.
    is_whole = given.has("-0", "--null") and not given.has("-d", "--delimiter")
    item = given.call.item if is_whole else DATA
    if place is None:
        is_single = given.values("-n", "--max-args")[-1:] == ["1"]
        yield Runs((*words, *([item] if is_single else [item, item])))
        yield Runs(words)  # as it runs once where there is no input
    else:
        yield Runs(tuple(word.replace(place, _inside(word, place, item)) for word in words))


def _inside(word: str, place: str, item: str) -> str:
    """Return what stands for an item: within a longer word, a name is text like any other."""
    return item if word.startswith(place) else DATA


def _parallel(given: Given) -> Iterator[Effect]:
    ends = [at for at, word in enumerate(given.operands) if _PARALLEL_INPUT.fullmatch(word)]
    words, inputs = given.operands, given.operands[ends[0] + 1 :] if ends else ()
    words = words[: ends[0]] if ends else words
    yield "runs_code"
    if words:
        item = given.call.item if not ends else DATA
        yield Shell(" ".join([*(word.replace("{}", item) for word in words), item]))
    elif inputs:
        yield from (Shell(word) for word in inputs)
    else:
        yield "runs_input"


def _interpreter(given: Given) -> Iterator[Effect]:
    """Judge shells and interpreters: the script's text, its file, or else what comes on their input."""
    first = given.operands[0] if given.operands else ""
    if given.row.family == "sh" and given.has("-c"):
        yield from (Shell(text) for text in given.operands[:1])
    elif any(given.row.kinds.get(option) in ("code", "scripts") for option, _ in given.options):
        return
    elif first in _NO_FILE or given.has("-s"):
        yield "runs_input"
    else:
        yield from ("runs_code", RunsFile(first))


def _sed(given: Given) -> Iterator[Effect]:
    """Judge sed's script; its options join to one, and without them it is the first operand."""
    pieces = given.values("-e", "--expression")
    files = given.operands
    if not pieces and not given.has("-f", "--file"):
        pieces, files = [*files[:1]], files[1:]
    yield Code("\n".join(pieces), given.row.language)
    if given.has("-i", "-I", "--in-place"):
        yield from (Writes(path) for path in files)
    if not _NO_FILE.isdisjoint(given.values("-f", "--file")):
        yield "runs_input"


def _awk(given: Given) -> Iterator[Effect]:
    programs = given.values("-e", "--source")
    if not programs and not given.has("-f", "--file", "-E", "--exec"):
        programs = [*given.operands[:1]]
    yield Code("\n".join(programs), given.row.language)
    if "inplace" in given.values("-i", "--include"):
        yield "writes"
    if not _NO_FILE.isdisjoint(given.values("-f", "--file")):
        yield "runs_input"


def _input(given: Given) -> Iterator[Effect]:
    if not given.has("-f", "-l", "-c", "-d", "-r"):
        yield "runs_input"


def _crontab(given: Given) -> Iterator[Effect]:
    if given.has("-r", "-e"):
        return
    yield from ("runs_code", "destructive")  # the old table is gone
    yield "runs_input" if given.operands[:1] in ((), ("-",)) else RunsFile(given.operands[0])


def _trap(given: Given) -> Iterator[Effect]:
    if len(given.operands) > 1:
        yield Shell(given.operands[0])


def _alias(given: Given) -> Iterator[Effect]:
    for word in given.operands:
        _, is_set, value = word.partition("=")
        if is_set:
            yield from ("runs_code", Shell(value))


def _editor(given: Given) -> Iterator[Effect]:
    if "-" not in given.operands:
        yield "runs_input"  # as if it was typed
    for word in given.operands:
        if word.startswith("+"):
            yield Code(word[1:], given.row.language)
        elif given.call.name != "view":
            yield Writes(word)


def _pager(given: Given) -> Iterator[Effect]:
    """Judge what is typed into a pager at its start; a line's end ends a pattern, too."""
    for word in (*given.operands, *given.values("-p", "--pattern")):
        if (word.startswith("+") and _PAGER_MOVES.fullmatch(word) is None) or "\n" in word:
            yield from ("runs_code", Shell(word.partition("!")[2]))


def _socat(given: Given) -> Iterator[Effect]:
    for word in given.operands:
        kind, _, address = word.partition(":")
        if kind.upper() in ("EXEC", "SYSTEM", "SHELL") or not is_known(kind):
            yield from ("runs_code", Shell(address))
        elif kind.upper() in ("OPEN", "CREATE", "CREAT", "FILE", "GOPEN"):
            yield Writes(address.partition(",")[0])


def _rename(given: Given) -> Iterator[Effect]:
    """Judge the Perl expression of rename; the other kind of rename replaces plain words."""
    first = given.operands[0] if given.operands else ""
    if not is_known(first) or re.search(r"[`;]|system|exec|qx|unlink|/\w*e\w*$", first):
        yield Code(first)


def _build(given: Given) -> Iterator[Effect]:
    if not _NO_FILE.isdisjoint(given.values("-f", "--file", "--makefile")):
        yield "runs_input"


def _sql(given: Given) -> Iterator[Effect]:
    if not any(given.row.kinds.get(option) in ("code", "scripts") for option, _ in given.options):
        yield "runs_input"
    for word in given.operands:
        if " " in word or word.startswith((".", "\\")) or not is_known(word):
            yield Code(word, given.row.language)


RUNNING: dict[str, Callable[[Given], Iterator[Effect]]] = {
    "command": _command,
    "somewhere": _somewhere,
    "shell": _shell,
    "watch": _watch,
    "su": _su,
    "xargs": _xargs,
    "parallel": _parallel,
    "interpreter": _interpreter,
    "sed": _sed,
    "awk": _awk,
    "input": _input,
    "crontab": _crontab,
    "trap": _trap,
    "alias": _alias,
    "editor": _editor,
    "pager": _pager,
    "socat": _socat,
    "rename": _rename,
    "build": _build,
    "sql": _sql,
}
