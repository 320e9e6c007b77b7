"""Shell text to words: the quote-aware half of reading a shell command as a plan.

The lexer knows POSIX quoting (single, double, backslash, `$'…'`), parameters, command
substitutions and operators, as in the POSIX shell grammar (IEEE Std 1003.1, 2.2 Quoting and
2.3 Token Recognition). It expands nothing: what a shell would expand comes out as a piece that
says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agx.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r"&>>|&>|&&|\|\||\|&|;;|<<<|<<-|<<|<>|<&|<|>>|>\||>&|>|\||&|;|\(|\)|\n")
_IO_NUMBER = re.compile(r"([0-9]{1,9})(?=[<>])")
_PLAIN = re.compile(r"""[^ \t\r\n|&;()<>'"\\$`]+""")
_PLAIN_IN_QUOTES = re.compile(r'[^"\\$`]+')
_UNTIL_BACKQUOTE = re.compile(r"(?:[^`\\]+|\\.)*+", re.DOTALL)
_UNTIL_QUOTE = re.compile(r"(?:[^'\\]+|\\.)*+", re.DOTALL)
_NESTING = re.compile(r"""[\\'"()]|\$\(""")
_ANSI_C = re.compile(
    r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|u[0-9A-Fa-f]{1,4}|U(?:000|0010|10)?[0-9A-Fa-f]{1,5}|.)", re.DOTALL
)
_ANSI_C_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}
KEYWORDS = frozenset(
    "! { } [[ ]] case do done elif else esac fi for function if in select then until while coproc".split()
)
MAX_DEPTH = 8
MAX_TEXT_CHARS = 1 << 20
_MAX_OPEN = 64
_MAX_PIECES = 1024


class NotAPlan(UsageError):
    """A shell text that has no form as a plan; `reason` is a short name of why, for tables."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, hint="write it as one pipeline of simple commands", reason=reason)
        self.reason = reason


def shortened(text: str) -> str:
    """Give a text for a message: its first characters, where it is long."""
    return text if len(text) <= 60 else text[:59] + "…"


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a word: text, a variable (`text` is its name) or a substitution (its source)."""

    kind: Literal["text", "env", "substitution"]
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Pieces that make one argument before any expansion."""

    pieces: tuple[Piece, ...]

    @property
    def literal(self) -> str | None:
        """The text of a word that is nothing but text, else None."""
        if all(piece.kind == "text" for piece in self.pieces):
            return "".join(piece.text for piece in self.pieces)
        return None

    @property
    def bare(self) -> str | None:
        """The text of a word without any quoting, else None: what can be a keyword."""
        return None if any(piece.quoted for piece in self.pieces) else self.literal


@dataclass(frozen=True, slots=True)
class Operator:
    """A control or redirection operator; `fd` is the digit before a redirection."""

    text: str
    fd: int | None = None


class Lexer:
    """Reads one shell text from left to right. The position only ever grows."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT_CHARS:
            raise NotAPlan("too long", f"a shell command of {len(text)} characters is too long")
        self._text = text
        self._at = 0
        self._pieces: list[Piece] = []
        self._texts: list[str] = []  # what the next text piece is joined from, all quoted or none
        self._texts_quoted = False

    def tokens(self) -> Iterator[Word | Operator]:
        """Yield words and operators; raises `NotAPlan` for what no plan can say."""
        while self._skip_blanks():
            if number := _IO_NUMBER.match(self._text, self._at):
                self._at = number.end()
                yield Operator(self._operator(), fd=int(number[1]))
            elif _OPERATOR.match(self._text, self._at):
                operator = self._operator()
                if operator in "<>" and self._peek() == "(":
                    raise NotAPlan("process substitution", f"`{operator}(…)` has no form in a plan")
                yield Operator(operator)
            else:
                yield self._word()

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _skip_blanks(self) -> bool:
        while self._at < len(self._text):
            if self._peek() in " \t\r":
                self._at += 1
            elif self._text.startswith("\\\n", self._at):
                self._at += 2
            elif self._peek() == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            else:
                return True
        return False

    def _operator(self) -> str:
        match = _OPERATOR.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return match[0]

    def _word(self) -> Word:
        self._pieces = []
        while (char := self._peek()) and char not in " \t\r\n|&;()<>":
            if plain := _PLAIN.match(self._text, self._at):
                self._at = plain.end()
                self._add(plain[0], quoted=False)
            elif char == "'":
                self._add(self._until("'", start=self._at + 1), quoted=True)
            elif char == '"':
                self._at += 1
                self._double_quoted()
            elif char == "\\":
                self._backslash()
            elif char == "$":
                self._dollar(quoted=False)
            else:
                self._expand("substitution", self._backquoted(), quoted=False)
            if len(self._pieces) > _MAX_PIECES:
                raise NotAPlan("limits", f"a word has more than {_MAX_PIECES} parts")
        self._end_text()
        return Word(tuple(self._pieces))

    def _add(self, text: str, *, quoted: bool) -> None:
        if quoted != self._texts_quoted:
            self._end_text()
        self._texts.append(text)
        self._texts_quoted = quoted

    def _end_text(self) -> None:
        if self._texts:
            self._pieces.append(Piece("text", "".join(self._texts), self._texts_quoted))
            self._texts = []

    def _expand(self, kind: Literal["env", "substitution"], text: str, *, quoted: bool) -> None:
        self._end_text()
        self._pieces.append(Piece(kind, text, quoted))

    def _until(self, end: str, *, start: int) -> str:
        stop = self._text.find(end, start)
        if stop < 0:
            raise NotAPlan("unclosed quote", f"the quote at character {start} is never closed")
        self._at = stop + 1
        return self._text[start:stop]

    def _backslash(self) -> None:
        following = self._peek(1)
        self._at += 2
        if following != "\n":
            self._add(following or "\\", quoted=True)

    def _double_quoted(self) -> None:
        opened = self._at
        self._add("", quoted=True)
        while (char := self._peek()) != '"':
            if not char:
                raise NotAPlan("unclosed quote", f"the quote at character {opened} is never closed")
            if char == "\\" and self._peek(1) and self._peek(1) in '$`"\\\n':
                self._backslash()
            elif char == "$":
                self._dollar(quoted=True)
            elif char == "`":
                self._expand("substitution", self._backquoted(), quoted=True)
            else:
                plain = _PLAIN_IN_QUOTES.match(self._text, self._at)
                text = plain[0] if plain else char
                self._at += len(text)
                self._add(text, quoted=True)
        self._at += 1

    def _dollar(self, *, quoted: bool) -> None:
        following = self._peek(1)
        if following == "'" and not quoted:
            self._at += 2
            self._add(self._ansi_c(), quoted=True)
        elif following == '"' and not quoted:
            self._at += 1
        elif self._text.startswith("$((", self._at):
            raise NotAPlan("arithmetic", "`$((…))` has no form in a plan")
        elif following == "(":
            self._at += 2
            self._expand("substitution", self._parenthesised(), quoted=quoted)
        elif following == "{":
            name = self._until("}", start=self._at + 2)
            if not _NAME.fullmatch(name):
                raise NotAPlan("parameter expansion", f"`${{{shortened(name)}}}` has no form in a plan")
            self._expand("env", name, quoted=quoted)
        elif match := _NAME.match(self._text, self._at + 1):
            self._at = match.end()
            self._expand("env", match[0], quoted=quoted)
        elif following and following in "0123456789@*#?$!-":
            raise NotAPlan("special parameter", f"`${following}` has no form in a plan")
        else:
            self._add("$", quoted=quoted)
            self._at += 1

    def _ansi_c(self) -> str:
        text = _ANSI_C.sub(_ansi_c_character, self._escaped_until("'", body=_UNTIL_QUOTE))
        if "\0" in text:
            raise NotAPlan("control character", "a NUL character cannot be part of an argument")
        return text

    def _backquoted(self) -> str:
        self._at += 1
        return re.sub(r"\\([`$\\])", r"\1", self._escaped_until("`", body=_UNTIL_BACKQUOTE))

    def _escaped_until(self, end: str, *, body: re.Pattern[str]) -> str:
        """Give the text up to a quotation mark that a backslash can escape."""
        start = self._at
        match = body.match(self._text, start)
        self._at = match.end() if match else start
        if self._peek() != end:
            raise NotAPlan("unclosed quote", f"the quote at character {start} is never closed")
        self._at += 1
        return self._text[start : self._at - 1]

    def _parenthesised(self) -> str:
        """Give the source up to the `)` that closes an open `$(`, quotes and nesting respected."""
        start = self._at
        closers = [")"]
        while closers:
            match = _NESTING.search(self._text, self._at)
            if match is None:
                raise NotAPlan("unclosed quote", f"the `$(` before character {start} is never closed")
            self._at = match.end()
            self._nest(match[0], closers)
        return self._text[start : self._at - 1]

    def _nest(self, mark: str, closers: list[str]) -> None:
        """Take one mark: `closers` holds what ends each open quote and parenthesis, innermost last."""
        if mark == "\\":
            self._at += 1
        elif mark == closers[-1]:
            closers.pop()
        elif mark == "$(" or (mark == "(" and closers[-1] == ")"):
            closers.append(")")
        elif mark == '"':
            closers.append(mark)
        elif mark == "'" and closers[-1] == ")":
            self._until(mark, start=self._at)
        if len(closers) > _MAX_OPEN:
            raise NotAPlan("nesting", f"quotes and parentheses are nested deeper than {_MAX_OPEN}")


def _ansi_c_character(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xuU" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    return _ANSI_C_LETTERS.get(code, code if code in "\\'\"?" else "\\" + code)
