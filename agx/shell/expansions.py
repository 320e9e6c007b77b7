"""One word of shell text as an argument: what a shell would expand becomes a typed value.

The steps are those of POSIX 2.6. A leading `~` is the variable HOME. Variables and substitutions become
values. The word is a pattern where a wildcard stands outside quotes; what was quoted stays text in it: `"*"*`
becomes the text `*` and the pattern `*`. Field splitting has a form for one case only, a word that is
nothing but a substitution; wherever else a shell would split, a finding says so.

To see what is quoted without losing the places in the text, `unquoted` writes a mark for each quoted
character, and a NUL for each piece that only a run can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from agx.plan.schema import Argument, Env, Glob, TaskOutput, Text
from agx.shell.refusals import NotAPlan, excerpt
from agx.shell.tokens import Piece, Word
from agx.unix.word_roles import has_wildcard

_QUOTED = "\x01"
_WILDCARDS = re.compile(r"[*?\[]")
_SET_MARKS = re.compile(r"[*?\[\]!^-]")
_HOME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*=)?~(/|$)")
_HOME_OF = re.compile(r"~([A-Za-z_][A-Za-z0-9_.-]*|[+-]?[0-9]+|[+-])(/|$)")
_HOME_IN_LIST = re.compile(r"~[^/]*:|[A-Za-z_][A-Za-z0-9_]*=(?:~[^/]*:|.*:~)", re.DOTALL)


class ArgumentReader:
    """Turns one word into an argument; `said` is what is to be said about that, by rule and sentence.

    `output_of` reads the pipeline of a substitution and returns the number of its last task.
    """

    def __init__(
        self, word: Word, output_of: Callable[[Piece], int], *, is_after_options: bool = False
    ) -> None:
        self._word = word
        self._output_of = output_of
        self._is_after_options = is_after_options
        self.said: list[tuple[str, str]] = []

    def value(self, *, wants_pattern: bool = False) -> Argument:
        """Return the argument; a tool that wants a pattern gets the text itself."""
        pieces = _open_tilde(self._word)
        is_glob = has_wildcard(unquoted(pieces))
        if is_glob and (wants_pattern or self._is_option(pieces)):
            self.said.append(("pattern", f"{_shown(pieces)} goes to the tool as it is"))
            is_glob = False
        is_glob = is_glob and "://" not in _text(pieces)  # an address, and not a file's name
        marks = _SET_MARKS if "[" in unquoted(pieces) else _WILDCARDS
        parts: list[Any] = []
        for is_text, run in groupby(pieces, key=lambda piece: piece.kind == "text"):
            if is_text:
                texts = list(run)
                parts += _texts_and_globs(texts, marks) if is_glob else ["".join(one.text for one in texts)]
            else:
                parts += [self._expansion(piece, alone=len(pieces) == 1) for piece in run]
        parts = [part for part in parts if part != ""]
        if not parts:
            return ""
        parts[0] = _as_path(parts[0])
        return parts[0] if len(parts) == 1 else Text(text=tuple(parts))

    def _is_option(self, pieces: Sequence[Piece]) -> bool:
        """Return whether an option is meant, as with `-?` and `--checks=*`, and not a file."""
        return _text(pieces).startswith("-") and not self._is_after_options

    def _expansion(self, piece: Piece, *, alone: bool) -> Argument:
        if piece.kind == "env":
            if not piece.quoted:
                shown = f"${excerpt(piece.text)}"
                self.said.append(("unquoted", f"`{shown}` is one argument; without quotes a shell splits it"))
            return Env(env=piece.text)
        is_split = alone and not piece.quoted
        if not is_split and not piece.quoted:
            self.said.append(("unquoted", "`$(…)` in a word is one argument; a shell splits it"))
        number = self._output_of(piece)
        return TaskOutput(task=number, split=True if is_split else None)


def unquoted(pieces: Sequence[Piece]) -> str:
    """Return the text with marks for what no wildcard can be: a NUL is what only a run can tell."""
    return "".join(
        "\0" if piece.kind != "text" else _QUOTED * len(piece.text) if piece.quoted else piece.text
        for piece in pieces
    )


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text if piece.kind == "text" else "\0" for piece in pieces)


def _shown(pieces: Sequence[Piece]) -> str:
    return excerpt("".join(f"${piece.text}" if piece.kind == "env" else piece.text for piece in pieces))


def _as_path(part: Argument) -> Argument:
    """Write `./` before a pattern that begins with a dash, so that no name is taken for an option."""
    return Glob(glob="./" + part.glob) if isinstance(part, Glob) and part.glob.startswith("-") else part


def _texts_and_globs(pieces: Sequence[Piece], marks: re.Pattern[str]) -> Iterator[str | Glob]:
    """Yield neighbouring texts of a pattern: what is open, and what was quoted where that matters.

    `marks` is what has a meaning in this pattern. A mark that was quoted stands for itself, in a text of its
    own; whatever is no mark does so anyway.
    """
    chars = [
        (char, piece.quoted and marks.match(char) is not None) for piece in pieces for char in piece.text
    ]
    text = ""
    for is_literal, run in groupby(chars, key=lambda char: char[1]):
        part = "".join(char for char, _ in run)
        if is_literal or not marks.search(part):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield Glob(glob=part)
    if text:
        yield text


def _open_tilde(word: Word) -> list[Piece]:
    """Write a leading `~` or `~/` as the variable HOME, as bash does behind `name=` as well."""
    pieces = word.pieces
    first = pieces[0].text if pieces and pieces[0].kind == "text" and not pieces[0].quoted else ""
    refuse_home_of_others(word)
    match = _HOME.match(first)
    if match is None or (len(match[0]) == len(first) and not match[2] and len(pieces) > 1):
        return list(pieces)
    before, rest = match[1] or "", first[match.start(2) :]
    home = [Piece("text", before)] * bool(before) + [Piece("env", "HOME", quoted=True)]
    return [*home, *([Piece("text", rest)] if rest else []), *pieces[1:]]


def refuse_home_of_others(word: Word) -> None:
    """Raise `NotAPlan` for `~name`, `~+`, `~-` and lists such as `~:a`, which no typed value stands for."""
    first = word.pieces[0] if word.pieces else None
    if first is None or first.kind != "text" or first.quoted:
        return
    if _HOME_IN_LIST.match(unquoted(word.pieces)):
        raise NotAPlan("home folder", "`~` beside a colon is a folder that only a shell finds", at=word.at)
    match = _HOME_OF.match(first.text)
    if match and (match[2] or len(word.pieces) == 1):
        raise NotAPlan("home folder", f"`~{match[1]}` is a folder that only a shell finds", at=word.at)
