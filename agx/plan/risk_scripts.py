"""What the small programs inside arguments may do: sed, awk, SQL, commands of editors, other code.

A reading of the programs' outline, not a parser: where it must guess it says the worse. Sources:
POSIX sed and awk, GNU sed's `e` and `w`, gawk's `|&`, `/inet`, `@load` and indirect calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agx.plan.risk_calls import Code, Effect, Language, Shell, Writes, is_known

MAX_NESTING = 32

_ADDRESS = re.compile(
    r"(?:[\s;{}0-9$,~+!]|/(?:\\.|[^/\\])*+/[IM]*|\\([^\n\\])(?:\\.|(?!\1).)*+\1[IM]*)*+", re.DOTALL
)
_FLAGS = re.compile(r"[0-9a-zA-Z]*")
_KNOWN_FLAGS = frozenset("0123456789gpiIemMw")
_TEXT_LINES = re.compile(r"(?:\\.|[^\n\\])*+", re.DOTALL)
_LINE = re.compile(r"[^\n]*")
_LABEL = re.compile(r"[^\n;}]*")

_AWK_TOKEN = re.compile(
    r'(?P<text>"(?:\\.|[^"\\\n])*+")|(?P<blank>\#[^\n]*|[ \t\r]+|\\\n)'
    r"|(?P<pattern>/(?:\\.|\[\^?\]?[^\]\n]{0,128}\]|[^/\\\n\[])*+/)|(?P<name>[A-Za-z_]\w*)|(?P<value>\+\+|--|[0-9.]+|[\])$])|.",
    re.DOTALL,
)
_AWK_WORDS = frozenset("print printf return in else do case BEGIN END".split())
_AWK_RUNS = re.compile(r"\bsystem\s*\(|\|\s*getline\b|\|&")
_AWK_RUNS_OUTSIDE_TEXT = re.compile(r"\bsystem\b|@\s*\w")
# Behind these, only a real parser knows whether a slash divides or begins a pattern.
_AWK_UNSURE = re.compile(r"(?:\)|\+\+|--)\s*/")
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
    r"\\!|\\o\s*\||\\g\s*\||\bprogram\s+'|\.(?:shell|system|load)\b|(?:^|;)\s*system\s|\bload_extension\b|\beval\b",
    re.IGNORECASE,
)
_EDITOR_READS = re.compile(r"\+?\s*(?:\d*|[/?].*|set?\s.*|syn\w*\s+\w+|qa?!?|[FG])\s*", re.IGNORECASE)
_EDITOR_RUNS = re.compile(r"!|system|eval|exec|source|\bso\b|call|python|perl|ruby|lua|\bpy", re.IGNORECASE)


def code_effects(code: Code) -> Iterator[Effect]:
    """Yield what a program may do besides reading; one that only a run completes may do anything."""
    if not is_known(code.text):
        yield "runs_code"
    yield from _READERS[code.language](code.text)


def awk_effects(program: str) -> Iterator[Effect]:
    """Yield what an awk program may do: `system`, pipes to and from commands, output to files."""
    outline, texts = _awk_outline(program)
    runs = _AWK_RUNS.search(program) is not None or _AWK_RUNS_OUTSIDE_TEXT.search(outline) is not None
    for statement in _AWK_STATEMENT.split(_without_groups(outline)):
        printed = _AWK_PRINT.search(statement)
        if printed is None:
            continue
        runs |= _AWK_PIPE.search(printed[1]) is not None
        if target := _AWK_TARGET.search(printed[1]):
            yield Writes(texts[int(target[1])]) if target[1] else "writes"
    printed_raw = _AWK_PRINT.search(program.replace("\n", " ")) if _AWK_UNSURE.search(program) else None
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
    """Give the program with its strings as `"0"`, `"1"`, … and without patterns; and the strings."""
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


def sed_effects(script: str) -> Iterator[Effect]:
    """Yield what a sed script may do: `e` and the flag `e` run a command, `w`, `W` and the flag write."""
    at = 0
    while (command := script[(at := _end(_ADDRESS, script, at)) : at + 1]) != "":
        at += 1
        if command in "sy":
            at = _after_parts(script, at)
            flags = script[at : (at := _end(_FLAGS, script, at))] if command == "s" else ""
            if not _KNOWN_FLAGS.issuperset(flags):
                yield from ("writes", "runs_code")  # not what it seemed to be
            if "e" in flags:
                yield "runs_code"
            if "w" in flags:
                yield Writes(script[at : (at := _end(_LINE, script, at))].strip())
        elif command in "wWe":
            rest = script[at : (at := _end(_LINE, script, at))].strip()
            if command == "e":
                yield "runs_code"
            yield Shell(rest) if command == "e" else Writes(rest)
        elif command in "aicrR#":
            at = _end(_LINE if command in "rR#" else _TEXT_LINES, script, at)
        elif command in "btT:":
            at = _end(_LABEL, script, at)


def _after_parts(script: str, at: int) -> int:
    """Give the place behind `/pattern/replacement/`, whatever its delimiter is."""
    delimiter, left = script[at : at + 1], 2
    at += 1
    while left and at < len(script):
        if script[at] == "\\":
            at += 1
        elif script[at] == delimiter:
            left -= 1
        at += 1
    return at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


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
