"""What the small programs inside arguments may do: scripts of sed and awk.

A reading of the commands' outline, not a parser: what it cannot follow it leaves, and where it must
guess it says the worse. Sources: POSIX sed and awk, and GNU sed's `e` and `w`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agx.plan.schema import Risk

MAX_SCRIPT_CHARS = 16_384
_ADDRESS = re.compile(r"(?:[\s;{}0-9$,~+!]|/(?:\\.|[^/\\])*+/[IM]*)*+", re.DOTALL)
_FLAGS = re.compile(r"[0-9a-zA-Z]*")
_LINE = re.compile(r"(?:\\.|[^\n\\])*+", re.DOTALL)
_LABEL = re.compile(r"[^\n;}]*")
_STRING = re.compile(r'"(?:\\.|[^"\\])*+"', re.DOTALL)
_AWK_RUNS = re.compile(r"\bsystem\s*\(|\|\s*getline|\|&|\bprintf?\b[^;}\n|]*\|(?!\|)")
_AWK_WRITES = re.compile(r"\bprintf?\b[^;}\n>]*>")


def awk_risks(program: str) -> Iterator[Risk]:
    """Yield what an awk program may do besides reading."""
    code = _STRING.sub('""', program)
    if _AWK_RUNS.search(code):
        yield "runs_code"
    if _AWK_WRITES.search(code):
        yield "writes"


def sed_risks(script: str) -> Iterator[Risk]:
    """Yield what a sed script may do: `e` and the flag `e` run a command, `w`, `W` and the flag write."""
    if len(script) > MAX_SCRIPT_CHARS:
        yield "runs_code"
        return
    at = 0
    while (command := script[_end(_ADDRESS, script, at) :][:1]) != "":
        at = _end(_ADDRESS, script, at) + 1
        if command in "sy":
            at = _after_parts(script, at)
            flags = _FLAGS.match(script, at)
            letters = flags[0] if flags else ""
            at += len(letters)
            yield from _of_letters(letters)
            at = _end(_LINE, script, at) if "w" in letters else at
        elif command in "aicrRwWe":
            yield from _of_letters(command.lower() if command in "weW" else "")
            at = _end(_LINE, script, at)
        elif command in "btT:":
            at = _end(_LABEL, script, at)


def _of_letters(letters: str) -> Iterator[Risk]:
    if "e" in letters:
        yield "runs_code"
    if "w" in letters:
        yield "writes"


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
