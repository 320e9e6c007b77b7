"""Shell text to words: the quote-aware half of reading a shell command as a plan.

The lexer knows POSIX quoting (single, double, backslash, `$'…'`), parameters, command substitutions and
operators, as in the POSIX shell grammar (IEEE Std 1003.1, 2.2 Quoting and 2.3 Token Recognition). It expands
nothing: what a shell would expand comes out as a piece that says so. `a"b c"$X` is one word of three pieces:
the text `a`, the quoted text `b c`, the variable `X`.

A substitution is only measured here: its source is a piece, and is read as a text of its own when its word
becomes an argument. To find its end, quotes, comments and parentheses inside it are followed to a bounded
depth. The position never goes back, so reading takes time in proportion to the text, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from agx.shell.ansi import ansi_c_text
from agx.shell.refusals import NotAPlan, excerpt
from agx.shell.tokens import SHELL_VARIABLES, Operator, Piece, Word

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
# Outside quotes nobody sees these, or takes them for a blank: controls, blanks of other kinds, marks of
# direction. The joiners between letters of other scripts are a part of their words.
_UNSEEN = re.compile(
    "[\x01-\x08\x0b-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200b\u200e\u200f"
    "\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
    "|(?<![\x80-\U0010ffff])[\u200c\u200d]"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r"&>>|&>|&&|\|\||\|&|;;|<<<|<<-|<<|<>|<&|<|>>|>\||>&|>|\||&|;|\(|\)|\n")
_IO_NUMBER = re.compile(r"([0-9]{1,9})(?=[<>])")
_PLAIN = re.compile(r"""[^ \t\n|&;()<>'"\\$`]+""")
_PLAIN_IN_QUOTES = re.compile(r'[^"\\$`]+')
_UNTIL_BACKQUOTE = re.compile(r"(?:[^`\\]+|\\.)*+", re.DOTALL)
_UNTIL_QUOTE = re.compile(r"(?:[^'\\]+|\\.)*+", re.DOTALL)
# A comment begins a word: behind a blank, an operator or a line that goes on.
_NESTING = re.compile(r"""[\\'"()]|\$\(|(?P<comment>(?:[ \t\r\n;&|<>](?:\\\n)*|(?<=[()]))\#[^\n]*)""")
NO_ARGUMENT = "a NUL or half a character cannot be part of an argument"
MAX_DEPTH = 8
MAX_TEXT_CHARS = 1 << 20
_MAX_OPEN = 64
_MAX_PIECES = 1024


class Lexer:
    """Reads one shell text from left to right. The position only ever grows."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT_CHARS:
            raise NotAPlan("too long", f"a shell command of {len(text)} characters is too long")
        if match := _NO_TEXT.search(text):
            raise NotAPlan("control character", NO_ARGUMENT, at=match.start())
        self._text = text
        self._at = 0
        self._pieces: list[Piece] = []
        self._texts: list[str] = []  # what the next text piece is joined from, all quoted or none
        self._texts_quoted = False

    def tokens(self) -> Iterator[Word | Operator]:
        """Yield words and operators; raises `NotAPlan` for what no plan can say."""
        while self._skip_blanks():
            start = self._at
            if number := _IO_NUMBER.match(self._text, self._at):
                self._at = number.end()
                yield Operator(self._operator(), fd=int(number[1]), at=start)
            elif _OPERATOR.match(self._text, self._at):
                operator = self._operator()
                if operator in "<>" and self._peek() == "(":
                    raise NotAPlan("process substitution", f"`{operator}(…)` has no form in a plan", at=start)
                yield Operator(operator, at=start)
            else:
                yield self._word()

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _skip_blanks(self) -> bool:
        while self._at < len(self._text):
            if self._peek() in " \t":
                self._at += 1
            elif self._text.startswith(("\r\n", "\\\r\n"), self._at):
                self._at += 1 if self._peek() == "\r" else 3
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
        start = self._at
        while (char := self._peek()) and char not in " \t\n|&;()<>":
            if plain := _PLAIN.match(self._text, self._at):
                if self._ends_line(plain):
                    break
                self._plain(plain[0])
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
                self._backquoted(quoted=False)
            if len(self._pieces) > _MAX_PIECES:
                raise NotAPlan("limits", f"a word has more than {_MAX_PIECES} parts", at=start)
        self._end_text()
        return Word(tuple(self._pieces), at=start)

    def _ends_line(self, plain: re.Match[str]) -> bool:
        """Return whether nothing is left of a word but the carriage return of a line's end."""
        return plain[0] == "\r" and self._text.startswith("\n", plain.end())

    def _plain(self, text: str) -> None:
        """Take unquoted text; a carriage return before a newline belongs to the line's end."""
        if text.endswith("\r") and self._text.startswith("\n", self._at + len(text)):
            text = text[:-1]
        if match := _UNSEEN.search(text):
            shown = f"U+{ord(match[0]):04X}"
            message = f"there is a character here that nobody sees, {shown}"
            raise NotAPlan("unseen character", message, at=self._at + match.start())
        self._at += len(text)
        self._add(text, quoted=False)

    def _add(self, text: str, *, quoted: bool) -> None:
        if quoted != self._texts_quoted:
            self._end_text()
        self._texts.append(text)
        self._texts_quoted = quoted

    def _end_text(self) -> None:
        if self._texts:
            self._pieces.append(Piece("text", "".join(self._texts), self._texts_quoted))
            self._texts = []

    def _expand(self, kind: Literal["env", "substitution"], text: str, *, quoted: bool, at: int = 0) -> None:
        self._end_text()
        self._pieces.append(Piece(kind, text, quoted, at))

    def _until(self, end: str, *, start: int) -> str:
        stop = self._text.find(end, start)
        if stop < 0:
            raise _unclosed(end, at=start - 1)
        self._at = stop + 1
        return self._text[start:stop]

    def _backslash(self) -> None:
        following = self._peek(1)
        if not following:
            raise NotAPlan("unclosed quote", "there is nothing behind the backslash", at=self._at)
        self._at += 2
        if following == "\r" and self._peek() == "\n":
            self._at += 1  # the line goes on, as behind a backslash and a newline
        elif following != "\n":
            self._add(following, quoted=True)

    def _double_quoted(self) -> None:
        opened = self._at
        self._add("", quoted=True)
        while (char := self._peek()) != '"':
            if not char:
                raise _unclosed('"', at=opened - 1)
            if char == "\\" and self._peek(1) and self._peek(1) in '$`"\\\n':
                self._backslash()
            elif char == "$":
                self._dollar(quoted=True)
            elif char == "`":
                self._backquoted(quoted=True)
            else:
                plain = _PLAIN_IN_QUOTES.match(self._text, self._at)
                text = plain[0] if plain else char
                self._at += len(text)
                self._add(text, quoted=True)
        self._at += 1

    def _dollar(self, *, quoted: bool) -> None:
        start, following = self._at, self._peek(1)
        if following == "'" and not quoted:
            self._at += 2
            self._add(self._ansi_c(start), quoted=True)
        elif following == '"' and not quoted:
            self._at += 1
        elif following == "[" or self._text.startswith("$((", start):
            shown = "$[…]" if following == "[" else "$((…))"
            raise NotAPlan("arithmetic", f"`{shown}` has no form in a plan", at=start)
        elif following == "(":
            self._at += 2
            source = self._parenthesised()
            self._expand("substitution", source, quoted=quoted, at=start + 2)
        elif following == "{":
            name = self._until("}", start=start + 2)
            if not _NAME.fullmatch(name):
                message = f"`${{{excerpt(name)}}}` has no form in a plan"
                raise NotAPlan("parameter expansion", message, at=start)
            self._variable(name, quoted=quoted, at=start)
        elif match := _NAME.match(self._text, start + 1):
            self._at = match.end()
            self._variable(match[0], quoted=quoted, at=start)
        elif self._text.startswith(("\\\n", "\\\r\n"), start + 1):
            raise NotAPlan("parameter expansion", "a line ends behind `$`", at=start)
        elif following and following in "0123456789@*#?$!-":
            raise NotAPlan("special parameter", f"`${following}` has no form in a plan", at=start)
        else:
            self._add("$", quoted=quoted)
            self._at += 1

    def _variable(self, name: str, *, quoted: bool, at: int) -> None:
        if name in SHELL_VARIABLES:
            raise NotAPlan("special parameter", f"`${name}` is known to the shell only", at=at)
        self._expand("env", name, quoted=quoted)

    def _ansi_c(self, start: int) -> str:
        text = ansi_c_text(self._escaped_until("'", body=_UNTIL_QUOTE))
        if text is None or "\0" in text:
            raise NotAPlan("control character", NO_ARGUMENT, at=start)
        return text

    def _backquoted(self, *, quoted: bool) -> None:
        self._at += 1
        start = self._at
        marks = r"\\([`$\\\"])" if quoted else r"\\([`$\\])"
        source = re.sub(marks, r"\1", self._escaped_until("`", body=_UNTIL_BACKQUOTE))
        self._expand("substitution", source, quoted=quoted, at=start)

    def _escaped_until(self, end: str, *, body: re.Pattern[str]) -> str:
        """Return the text up to a quotation mark that a backslash can escape."""
        start = self._at
        match = body.match(self._text, start)
        self._at = match.end() if match else start
        if self._peek() != end:
            raise _unclosed(end, at=start - 1)
        self._at += 1
        return self._text[start : self._at - 1]

    def _parenthesised(self) -> str:
        """Return the source up to the `)` that closes an open `$(`, quotes and nesting respected."""
        start = self._at
        closers = [")"]
        while closers:
            match = _NESTING.search(self._text, self._at)
            if match is None:
                raise _unclosed("$(", at=start - 2)
            is_comment = match["comment"] is not None
            self._at = match.start() + 1 if is_comment and closers[-1] == '"' else match.end()
            if not is_comment:
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
            message = f"quotes and parentheses are nested deeper than {_MAX_OPEN}"
            raise NotAPlan("nesting", message, at=self._at)


def _unclosed(mark: str, *, at: int) -> NotAPlan:
    opened = "${" if mark == "}" else mark
    return NotAPlan("unclosed quote", f"{opened} is never closed", at=at)
