"""What the small programs inside arguments may do: awk, SQL, commands of editors, other code.

A reading of the programs' outline, not a parser: where it must guess it says the worse. Sources:
POSIX awk, gawk's `|&`, `/inet`, `@load` and indirect calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agx.risk.effect_types import Code, Effect, Writes
from agx.risk.sed import sed_effects
from agx.unix.calls import is_known
from agx.unix.command_specs import Language
from agx.unix.runs import Shell

MAX_NESTING = 32

_AWK_TOKEN = re.compile(
    r'(?P<text>"(?:\\.|[^"\\\n])*+")|(?P<blank>\#[^\n]*|[ \t\r]+|\\\n)'
    r"|(?P<pattern>/(?:\\.|\[\^?+\]?+(?:\[:\w+:\]|\\.|[^\]\\\n]){0,128}+\]|[^/\\\n\[])*+/)|(?P<name>[A-Za-z_]\w*)|(?P<value>\+\+|--|[0-9.]+|[\])$])|.",
    re.DOTALL,
)
_AWK_WORDS = frozenset("print printf return exit in else do case BEGIN END".split())
_AWK_RUNS = re.compile(r"\bsystem\s*\(|\|\s*getline\b|\|&")
_AWK_RUNS_OUTSIDE_TEXT = re.compile(r"\bsystem\b|@\s*\w")
# Behind the first, only a real parser knows whether a slash divides or begins a pattern; the second, a slash
# or a quote in a set of characters, ends the pattern or not, depending on the awk.
_AWK_UNSURE = re.compile(r"(?:\)|\+\+|--)\s*/|/(?:[^/\n\"\[]|\[[^\]\n/\"]*\])*+\[[^\]\n/\"]*+[/\"]")
_AWK_STATEMENT = re.compile(r"[;{}\n]")
_AWK_GROUP = re.compile(r"\([^()]*\)|\[[^][]*\]")
_AWK_PRINT = re.compile(r"\bprintf?\b(.*)")
_AWK_PIPE = re.compile(r"(?<!\|)\|(?!\|)")
_AWK_TARGET = re.compile(r'>>?\s*(?:"(\d+)"\s*$)?')

_STARTS_COMMANDS = re.compile(
    r"system|exec|popen|subprocess|spawn|qx|open|%x|`|syscmd|Process|command", re.IGNORECASE
)
_DELETES = re.compile(
    r"\b(?:unlink\w*|rmtree|rmdir\w*|removedirs|rm_rf?|rmSync|remove_tree|os\.remove|truncate"
    r"|File\.delete|fs\.rm|Remove-Item)\b"
)
_QUOTED = re.compile(r"\"((?:\\.|[^\"\\])*+)\"|'((?:\\.|[^'\\])*+)'|`([^`]*)`", re.DOTALL)
_SQL_DESTROYS = re.compile(
    r"\b(?:drop|truncate|delete|flushall|flushdb|deleteMany|dropDatabase)\b", re.IGNORECASE
)
_SQL_WRITES = re.compile(
    r"\b(?:insert|update|create|alter|replace|into\s+\w*file|copy|grant|set)\b|\.(?:output|once|save|backup)\b",
    re.IGNORECASE,
)
_SQL_RUNS = re.compile(
    r"\\[!PTei.`]|\\o\s*\||\\g\s*(?:\||exec)|\bprogram\s+'|\.(?:shell|system|load|read|excel)\b|\.\w+\s+[\"']?\|"
    r"|(?:^|;)\s*(?:system|pager|source)\s|\b(?:load_extension|edit|eval)\b",
    re.IGNORECASE,
)
_EDITOR_READS = re.compile(
    r"\+?\s*(?:\d*|[/?][^|\n]*|set?\s+\w+(?:=\w*)?|syn\w*\s+\w+|qa?!?|[FG])\s*", re.IGNORECASE
)
_EDITOR_RUNS = re.compile(r"!|system|eval|exec|source|\bso\b|call|python|perl|ruby|lua|\bpy", re.IGNORECASE)


def code_effects(code: Code) -> Iterator[Effect]:
    """Yield what a program may do besides reading; one that only a run completes may do anything."""
    if not is_known(code.text):
        yield "runs_code"
    yield from _READERS[code.language](code.text)


def awk_effects(program: str) -> Iterator[Effect]:
    """Yield what an awk program may do: `system`, pipes to and from commands, output to files."""
    program = program.replace("\\\n", " ")
    outline, texts = _awk_outline(program)
    runs = _AWK_RUNS.search(program) is not None or _AWK_RUNS_OUTSIDE_TEXT.search(outline) is not None
    for statement in _AWK_STATEMENT.split(_without_groups(outline)):
        printed = _AWK_PRINT.search(statement)
        if printed is None:
            continue
        runs |= _AWK_PIPE.search(printed[1]) is not None
        if target := _AWK_TARGET.search(printed[1]):
            yield Writes(texts[int(target[1])]) if target[1] else "writes"
    is_unsure = _AWK_UNSURE.search(program) is not None
    runs |= is_unsure and _AWK_RUNS_OUTSIDE_TEXT.search(program) is not None
    printed_raw = _AWK_PRINT.search(program.replace("\n", " ")) if is_unsure else None
    if printed_raw is not None:
        runs |= _AWK_PIPE.search(printed_raw[1]) is not None
        if ">" in printed_raw[1]:
            yield "writes"
    if runs:
        yield "runs_code"
        yield from (Shell(text) for text in texts)
    if "/inet" in program:
        yield "network"


def _awk_outline(program: str) -> tuple[str, list[str]]:
    """Return the program with its strings as `"0"`, `"1"`, … and without patterns; and the strings."""
    texts: list[str] = []
    parts: list[str] = []
    at, is_operand = 0, False
    while at < len(program):
        token = _AWK_TOKEN.match(program, at)
        assert token is not None
        kind, text = token.lastgroup, token[0]
        if kind == "pattern" and is_operand:
            text = "/"  # a division
        at += len(text)
        if kind == "text":
            texts.append(text[1:-1])
            text = f'"{len(texts) - 1}"'
        elif kind == "pattern" and len(text) > 1:
            text = '""'
        if kind != "blank":
            is_operand = kind in ("text", "value", "name") and text not in _AWK_WORDS
        parts.append(" " if kind == "blank" else text)
    return "".join(parts), texts


def _without_groups(outline: str) -> str:
    """Drop what stands in parentheses, where `>` compares, from the inside out."""
    for _ in range(MAX_NESTING):
        outline, dropped = _AWK_GROUP.subn("", outline)
        if not dropped:
            break
    return outline


def _other_effects(text: str) -> Iterator[Effect]:
    """Yield what stands out in a program of any language: words that delete, commands in its strings."""
    yield "runs_code"
    if _DELETES.search(text):
        yield "destructive"
    if _STARTS_COMMANDS.search(text):
        yield from (Shell(next(filter(None, match.groups()), "")) for match in _QUOTED.finditer(text))


def _sql_effects(text: str) -> Iterator[Effect]:
    if _SQL_DESTROYS.search(text):
        yield "destructive"
    if _SQL_WRITES.search(text):
        yield "writes"
    if _SQL_RUNS.search(text):
        yield "runs_code"


def _editor_effects(text: str) -> Iterator[Effect]:
    if _EDITOR_READS.fullmatch(text):
        return
    yield "writes"
    if _EDITOR_RUNS.search(text):
        yield "runs_code"
        yield Shell(text.partition("!")[2])


_READERS: dict[Language, Callable[[str], Iterator[Effect]]] = {
    "": _other_effects,
    "sed": sed_effects,
    "awk": awk_effects,
    "sql": _sql_effects,
    "editor": _editor_effects,
}
