"""What a sed script may do.

A reading of its outline after POSIX and the manual of GNU sed, which adds `e`, `W` and the flags `e` and `w`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agx.risk.effect_types import Effect, Writes
from agx.unix.runs import Shell

_BETWEEN = re.compile(r"[\s;{}0-9$,~+!\0-\2]*")  # and what only a run can tell: an address, or judged as code
_ADDRESS_FLAGS = re.compile(r"[IM]*")
# A pattern that breaks off within a set of characters.
_OPEN_SET = re.compile(r"(?:\\.|\[\^?+\]?+(?:\[:\w+:\]|[^\]])*+\]|[^\[\\])*+\[", re.DOTALL)
_ALONE = frozenset("=dDFgGhHlLnNpPqQvxz")
_FLAGS = re.compile(r"[0-9a-zA-Z]*")
_KNOWN_FLAGS = frozenset("0123456789gpiIemMw")
_TEXT_LINES = re.compile(r"(?:\\.|[^\n\\])*+", re.DOTALL)
_LINE = re.compile(r"[^\n]*")
_ANYTHING: tuple[Effect, ...] = ("writes", "runs_code")  # of what no sed of ours would take
_LABEL = re.compile(r"[ \t]*[^\s;}]*")
# Commands with what belongs to them: text, a file that is read, a label, a comment.
_SKIPPED = {
    **dict.fromkeys("aic", _TEXT_LINES),
    **dict.fromkeys("rR#", _LINE),
    **dict.fromkeys("btT:", _LABEL),
}


def sed_effects(script: str) -> Iterator[Effect]:
    """Yield what a sed script may do: `e` and the flag `e` run a command, `w`, `W` and the flag write."""
    reader = _Sed(script)
    while command := reader.command():
        if command == "s":
            yield from _of_substitution(reader)
        elif command == "y":
            reader.pass_parts(is_regex=False)
        elif command == "e":
            yield from ("runs_code", Shell(reader.take(_LINE).strip()))
        elif command in "wW":
            yield Writes(reader.take(_LINE).strip())
        elif command in _SKIPPED:
            reader.take(_SKIPPED[command])
        elif command not in _ALONE:
            yield from _ANYTHING


def _of_substitution(reader: _Sed) -> Iterator[Effect]:
    reader.pass_parts(is_regex=True)
    flags = reader.take(_FLAGS)
    if not _KNOWN_FLAGS.issuperset(flags):
        yield from _ANYTHING
    if "e" in flags:
        yield "runs_code"
    if "w" in flags:
        yield Writes(reader.take(_LINE).strip())


class _Sed:
    """Reads a sed script from left to right."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._at = 0

    def command(self) -> str:
        """Return the next command's letter, behind its addresses; nothing at the end."""
        while True:
            self.take(_BETWEEN)
            letter = self._next()
            if letter == "\\":
                letter = self._next()
            elif letter != "/":
                return letter
            self._pass(letter, is_regex=True)
            self.take(_ADDRESS_FLAGS)

    def pass_parts(self, *, is_regex: bool) -> None:
        """Pass `/pattern/replacement/`, whatever its delimiter is."""
        delimiter = self._next()
        self._pass(delimiter, is_regex=is_regex)
        self._pass(delimiter, is_regex=False)

    def take(self, pattern: re.Pattern[str]) -> str:
        """Take what matches here, which may be nothing."""
        match = pattern.match(self._script, self._at)
        assert match is not None
        self._at = match.end()
        return match[0]

    def _next(self) -> str:
        self._at += 1
        return self._script[self._at - 1 : self._at]

    def _pass(self, delimiter: str, *, is_regex: bool) -> None:
        """Pass a part up to its delimiter, which in a set of characters is one of them."""
        start = self._at
        while letter := self._next():
            if letter == "\\":
                self._at += 1
            elif letter == delimiter:
                if not is_regex or not _OPEN_SET.match(self._script, start, self._at - 1):
                    break
                self._at = start = self._script.find("]", self._at) + 1 or len(self._script)
