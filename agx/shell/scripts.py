"""Shell text inside arguments, as calls: `sh -c 'ls | wc -l'`.

A pipeline is read by `agx.shell.parse`, as a plan is. What has no form as a plan (several commands,
loops, `$1`) is split here by its quotes and operators alone: there is a call at every place where a command
can begin. That reads more commands than there are, never fewer. The value of a variable or a substitution
is `DATA`.
"""

from __future__ import annotations

import re
from itertools import takewhile

from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.shell.tokens import KEYWORDS
from agx.unix.calls import DATA, Call, calls_of, is_known

_TOKEN = re.compile(
    r"(?P<blank>(?:[ \t]|\r(?=\n))+|\\\n|(?<![^\s;&|()])\#[^\n]*)"
    r"|(?P<redirect>\d*(?:&>>?|>>|>\||>&|<>|>)|\d*(?:<<<|<<-?|<&|<)(?!\())"
    r"|(?P<end>\|\||&&|;;|\|&|[|;&\n()`]|[<>]\(|\$\()"
    r"|(?P<single>'[^']*')"
    r'|(?P<double>"(?:\\.|[^"\\])*+")'
    r"|(?P<data>\$(?:\w+|\{[^}]*\}|[@*\#?$!-]))"
    r"|(?P<escape>\\.)|(?P<plain>[^\s;&|()<>'\"\\`$]+)|(?P<other>.)",
    re.DOTALL,
)
_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\}|[@*#?$!-])|\$\([^()]*\)|`[^`]*`")
_SUBSTITUTION = re.compile(r"\$\(|`")
_UNESCAPED = re.compile(r'\\([$`"\\\n])')
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=.*", re.DOTALL)
_MAX_QUOTES = 8


def read_script(text: str) -> tuple[list[Call], bool]:
    """Return the calls that a shell text makes, in order, and whether that is all there is to it.

    Places in `piped` are those of the list.
    """
    if is_known(text):
        try:
            return calls_of(parse_shell(text).tasks), True
        except NotAPlan:
            pass
    return _Splitter().calls(text), False


class _Splitter:
    """Splits a text at everything that ends a command."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._words: list[str] = []
        self._word: list[str] | None = None
        self._redirect = ""
        self._output: str | None = None
        self._appends = False
        self._piped: int | None = None

    def calls(self, text: str, *, quotes: int = 0) -> list[Call]:
        for token in _TOKEN.finditer(text):
            kind, part = str(token.lastgroup), token[0]
            if kind in ("blank", "end", "redirect"):
                self._end_word()
            if kind == "end":
                self._end_call(is_pipe=part in ("|", "|&"))
            elif kind == "redirect":
                self._redirect = part
            elif kind != "blank":
                self._add(kind, part, quotes=quotes)
        self._end_word()
        self._end_call(is_pipe=False)
        return self._calls

    def _add(self, kind: str, part: str, *, quotes: int) -> None:
        self._word = [] if self._word is None else self._word
        opened = _SUBSTITUTION.search(part) if kind == "double" and quotes < _MAX_QUOTES else None
        if opened is not None:
            self._calls += _Splitter().calls(part[opened.start() : -1], quotes=quotes + 1)
        self._word.append(_unquoted(kind, part))

    def _end_word(self) -> None:
        if self._word is None:
            return
        word, self._word = "".join(self._word), None
        if not self._redirect:
            if self._words or word not in KEYWORDS:
                self._words.append(word)
        elif ">" in self._redirect:
            self._output, self._appends = word, ">>" in self._redirect
        elif word.startswith("/dev/"):
            self._words.append(word)
        self._redirect = ""

    def _end_call(self, *, is_pipe: bool) -> None:
        assigned = tuple(takewhile(_ASSIGNMENT.match, self._words))
        words = [part for word in self._words[len(assigned) :] for part in _braces(word)]
        is_call = bool(words or assigned) or self._output is not None
        if is_call:
            name = words[0] if words else ":"
            self._calls.append(
                Call(name, tuple(words[1:]), self._output, self._appends, self._piped, assignments=assigned)
            )
        self._piped = len(self._calls) - 1 if is_pipe and is_call else None
        self._words, self._output, self._redirect = [], None, ""


def _braces(word: str) -> list[str]:
    """Return the words of `{rm,-r,a}`, roughly; any other word as it is."""
    if word.startswith("{") and "," in word:
        return [part for part in re.split(r"[{},]+", word) if part]
    return [word]


def _unquoted(kind: str, part: str) -> str:
    if kind == "single":
        return part[1:-1]
    if kind == "double":
        return _UNESCAPED.sub(r"\1", _VARIABLE.sub(DATA, part[1:-1]))
    if kind == "escape":
        return part[1:]
    return DATA if kind == "data" else part
