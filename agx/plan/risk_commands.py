"""Operands that are run: commands behind a command, shell text, programs, files of code."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from posixpath import basename

from agx.plan.risk_calls import DATA, NAME_DATA, Call, Code, Effect, Runs, RunsFile, Shell, Writes, is_known
from agx.plan.risk_options import Given
from agx.plan.risk_tables import Row, row_of
from agx.plan.tools import unix_registry

FIND_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_FD_EXEC = frozenset({"-x", "-X", "--exec", "--exec-batch"})
_PARALLEL_INPUT = re.compile(r":{3,4}\+?")
_PAGER_RUNS = re.compile(r"\+\+?(?:[^/?]*[!|]|:|.*\0)")
_NO_FILE = ("", "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


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
    if place is None:
        yield Runs((*words, given.call.item))
        yield Runs(words)  # as it runs once where there is no input
    else:
        yield Runs(tuple(word.replace(place, _inside(word, place, given.call.item)) for word in words))


def _inside(word: str, place: str, item: str) -> str:
    """Give what stands for an item: within a longer word, a name is text like any other."""
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


def _find(row: Row, call: Call) -> Iterator[Effect]:
    """Judge the expression of find, whose options are words of their own."""
    words = deque(call.words)
    while words:
        word = words.popleft()
        if word in FIND_EXEC:
            yield Runs(_until_end(words, item=NAME_DATA))
        elif kind := row.kinds.get(word):
            value = words.popleft() if words else ""
            if kind == "files":
                yield Writes(value, overwrites=True)
        elif word.startswith("-newer") and words:
            words.popleft()
        elif word in row.marks or _may_be(word, row):
            yield from row.marks.get(word, ("runs_code",))


def _may_be(word: str, row: Row) -> bool:
    """Say whether a word that only a run can tell may be an action of find."""
    if is_known(word):
        return False
    first, *_, last = word.split(DATA)
    return any(
        option.startswith(first) and option.endswith(last) for option in (*FIND_EXEC, *row.marks, *row.kinds)
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
        yield RunsFile(first)


def _sed(given: Given) -> Iterator[Effect]:
    """Judge sed's script; its options join to one, and without them it is the first operand."""
    pieces = given.values("-e", "--expression")
    files = given.operands
    if not pieces and not given.has("-f", "--file"):
        pieces, files = [*files[:1]], files[1:]
    yield Code("\n".join(pieces), given.row.language)
    if given.has("-i", "-I", "--in-place"):
        yield from (Writes(path) for path in files)
    if "-" in given.values("-f", "--file"):
        yield "runs_input"


def _awk(given: Given) -> Iterator[Effect]:
    programs = given.values("-e", "--source")
    if not programs and not given.has("-f", "--file", "-E", "--exec"):
        programs = [*given.operands[:1]]
    yield Code("\n".join(programs), given.row.language)
    if "inplace" in given.values("-i", "--include"):
        yield "writes"
    if "-" in given.values("-f", "--file"):
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
    for word in given.operands:
        if word.startswith("+"):
            yield Code(word[1:], given.row.language)
        elif given.call.name != "view":
            yield Writes(word)


def _pager(given: Given) -> Iterator[Effect]:
    for word in given.operands:
        if _PAGER_RUNS.match(word):
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
    if "-" in given.values("-f", "--file", "--makefile"):
        yield "runs_input"


def _sql(given: Given) -> Iterator[Effect]:
    for word in given.operands:
        if " " in word or word.startswith((".", "\\")) or not is_known(word):
            yield Code(word, given.row.language)


EXPRESSIONS: dict[str, Callable[[Row, Call], Iterator[Effect]]] = {"find": _find, "fd": _fd}
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
