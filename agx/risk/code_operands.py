"""Operands that are run as code: programs, scripts, settings that name a command, a shell's own input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agx.risk.effect_types import Code, Effect, RunsFile, Writes
from agx.unix.argv import Argv
from agx.unix.calls import is_known
from agx.unix.runs import Shell

_PAGER_MOVES = re.compile(r"\+\+?(?:\d*[gGFp%]?|[/?&][^\0]*)")  # and runs nothing
_NO_FILE = frozenset({"", "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


def _command(argv: Argv) -> Iterator[Effect]:
    if not argv.commands and argv.has("-s", "-i", "--shell", "--login"):
        yield "runs_input"


def _shell(argv: Argv) -> Iterator[Effect]:
    """Judge operands that are joined to shell text: `eval`, the command behind `ssh HOST`."""
    yield "runs_code" if argv.operands[argv.spec.before :] else "runs_input"


def _su(argv: Argv) -> Iterator[Effect]:
    yield "privilege"
    if not argv.has("-c", "--command", "--session-command"):
        yield from ("runs_code", "runs_input")


def _parallel(argv: Argv) -> Iterator[Effect]:
    """Judge what becomes of the inputs: they are put into shell text, or are commands themselves."""
    yield "runs_code"
    if argv.commands or not argv.operands:
        yield "runs_input"


def _interpreter(argv: Argv) -> Iterator[Effect]:
    """Judge shells and interpreters: the script's file, or else what comes on their input."""
    first = argv.operands[0] if argv.operands else ""
    kinds = {argv.spec.kinds.get(option.name) for option in argv.options}
    if argv.has(*argv.spec.shell_operand) or not kinds.isdisjoint({"code", "scripts"}):
        return
    if first in _NO_FILE or argv.has("-s"):
        yield "runs_input"
    else:
        yield from ("runs_code", RunsFile(first))


def _sed(argv: Argv) -> Iterator[Effect]:
    """Judge sed's script; its options join to one, and without them it is the first operand."""
    pieces = argv.values("-e", "--expression")
    files = argv.operands
    if not pieces and not argv.has("-f", "--file"):
        pieces, files = [*files[:1]], files[1:]
    yield Code("\n".join(pieces), argv.spec.language)
    if argv.has("-i", "-I", "--in-place"):
        yield from (Writes(path) for path in files)
    if not _NO_FILE.isdisjoint(argv.values("-f", "--file")):
        yield "runs_input"


def _awk(argv: Argv) -> Iterator[Effect]:
    programs = argv.values("-e", "--source")
    if not programs and not argv.has("-f", "--file", "-E", "--exec"):
        programs = [*argv.operands[:1]]
    yield Code("\n".join(programs), argv.spec.language)
    if "inplace" in argv.values("-i", "--include"):
        yield "writes"
    if not _NO_FILE.isdisjoint(argv.values("-f", "--file")):
        yield "runs_input"


def _input(argv: Argv) -> Iterator[Effect]:
    if not argv.has("-f", "-l", "-c", "-d", "-r"):
        yield "runs_input"


def _crontab(argv: Argv) -> Iterator[Effect]:
    if argv.has("-r", "-e"):
        return
    yield from ("runs_code", "destructive")  # the old table is gone
    yield "runs_input" if argv.operands[:1] in ((), ("-",)) else RunsFile(argv.operands[0])


def _trap(argv: Argv) -> Iterator[Effect]:
    if len(argv.operands) > 1:
        yield Shell(argv.operands[0])


def _alias(argv: Argv) -> Iterator[Effect]:
    for word in argv.operands:
        _, is_set, value = word.partition("=")
        if is_set:
            yield from ("runs_code", Shell(value))


def _editor(argv: Argv) -> Iterator[Effect]:
    if "-" not in argv.operands:
        yield "runs_input"  # as if it was typed
    for word in argv.operands:
        if word.startswith("+"):
            yield Code(word[1:], argv.spec.language)
        elif argv.spec.name != "view":
            yield Writes(word)


def _pager(argv: Argv) -> Iterator[Effect]:
    """Judge what is typed into a pager at its start; a line's end ends a pattern, too."""
    for word in (*argv.operands, *argv.values("-p", "--pattern")):
        if (word.startswith("+") and _PAGER_MOVES.fullmatch(word) is None) or "\n" in word:
            yield from ("runs_code", Shell(word.partition("!")[2]))


def _socat(argv: Argv) -> Iterator[Effect]:
    for word in argv.operands:
        kind, _, address = word.partition(":")
        if kind.upper() in ("EXEC", "SYSTEM", "SHELL") or not is_known(kind):
            yield from ("runs_code", Shell(address))
        elif kind.upper() in ("OPEN", "CREATE", "CREAT", "FILE", "GOPEN"):
            yield Writes(address.partition(",")[0])


def _rename(argv: Argv) -> Iterator[Effect]:
    """Judge the Perl expression of rename; the other kind of rename replaces plain words."""
    first = argv.operands[0] if argv.operands else ""
    if not is_known(first) or re.search(r"[`;]|system|exec|qx|unlink|/\w*e\w*$", first):
        yield Code(first)


def _build(argv: Argv) -> Iterator[Effect]:
    if not _NO_FILE.isdisjoint(argv.values("-f", "--file", "--makefile")):
        yield "runs_input"


def _sql(argv: Argv) -> Iterator[Effect]:
    if not any(argv.spec.kinds.get(option.name) in ("code", "scripts") for option in argv.options):
        yield "runs_input"
    for word in argv.operands:
        if " " in word or word.startswith((".", "\\")) or not is_known(word):
            yield Code(word, argv.spec.language)


RUNNING: dict[str, Callable[[Argv], Iterator[Effect]]] = {
    "command": _command,
    "shell": _shell,
    "su": _su,
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
