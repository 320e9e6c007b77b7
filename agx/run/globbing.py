"""File names that match a pattern, by the rules of `sh`.

`*`, `?` and brackets match within one part of a path and never a leading dot; `[!a]` and, as in bash,
`[^a]` are "none of these", `[[:alpha:]]` a class of ASCII characters. Nothing else is special: `**` is
`*`, and a backslash is a character. Names come sorted by their bytes, whatever the locale, and `.` and
`..` are never among them. Source: POSIX.1-2024, Shell Command Language, 2.14 Pattern Matching Notation.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MAX_NAMES_LOOKED_AT = 1_000_000
_NOTHING = r"(?!)"
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r"\ \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\!-\~",
    "lower": "a-z",
    "print": r"\ -\~",
    "punct": re.escape(string.punctuation),
    "space": r"\ \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class TooManyNames(Exception):
    """The pattern visits more names than is reasonable."""


class PatternPiece(NamedTuple):
    """A piece of a pattern; unless it is open, its characters stand for themselves."""

    text: str
    is_open: bool


class _Char(NamedTuple):
    text: str
    is_open: bool

    def opens(self, text: str) -> bool:
        """Return whether this is that special character."""
        return self.is_open and self.text == text


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a path: its text, and an expression where it has a wildcard."""

    text: str
    expression: re.Pattern[str] | None

    def matches(self, name: str) -> bool:
        assert self.expression is not None
        if name.startswith(".") and not self.text.startswith("."):
            return False
        return self.expression.fullmatch(name) is not None


def matching_names(
    pieces: Sequence[PatternPiece], folder: Path, *, max_looked_at: int = MAX_NAMES_LOOKED_AT
) -> list[str] | None:
    """Return the sorted names that match, with paths as in the pattern; None without a wildcard.

    A pattern without a leading slash starts in `folder`. Raises `TooManyNames` after more than
    `max_looked_at` names.
    """
    parts = [_part(chars) for chars in _split(pieces)]
    if all(part.expression is None for part in parts):
        return None
    while len(parts) > 2 and not parts[-1].text and not parts[-2].text:
        parts.pop()  # of several slashes at the end one is left
    walk = _Walk(folder, max_looked_at)
    return sorted(walk.below("", parts), key=os.fsencode)


class _Walk:
    """One walk through the file system, with a bound on the names that it looks at."""

    def __init__(self, folder: Path, max_looked_at: int) -> None:
        self._folder = folder
        self._left = max_looked_at

    def below(self, path: str, parts: Sequence[_Part]) -> Iterator[str]:
        """Yield the paths that begin with `path` and continue as the parts say."""
        for index, part in enumerate(parts):
            slash = "/" if index + 1 < len(parts) else ""
            if part.expression is None:
                path += part.text + slash
                continue
            for name in self._names(path):
                if part.matches(name):
                    yield from self.below(path + name + slash, parts[index + 1 :])
            return
        if os.path.lexists(self._folder / path if not path.endswith("/") else f"{self._folder / path}/"):
            yield path

    def _names(self, path: str) -> Iterator[str]:
        try:
            with os.scandir(self._folder / path) as entries:
                names = [entry.name for entry in entries]
        except OSError:  # not a folder, or not a readable one: nothing matches in it
            return
        self._left -= len(names)
        if self._left < 0:
            raise TooManyNames
        yield from names


def _split(pieces: Sequence[PatternPiece]) -> list[list[_Char]]:
    parts: list[list[_Char]] = [[]]
    for piece in pieces:
        for char in piece.text:
            if char == "/":
                parts.append([])
            else:
                parts[-1].append(_Char(char, piece.is_open))
    return parts


def _part(chars: Sequence[_Char]) -> _Part:
    """Compile one part of a path.

    Between stars the earliest match is as good as any other, so the expression never goes back on it.
    Otherwise a name could cost exponential time.
    """
    runs = [""]
    has_wildcard = False
    at = 0
    while at < len(chars):
        char = chars[at]
        bracket = _bracket(chars, at) if char.opens("[") else None
        if bracket is not None:
            expression, at = bracket
            runs[-1] += expression
        elif char.opens("*"):
            runs.append("")
        else:
            runs[-1] += "." if char.opens("?") else re.escape(char.text)
        has_wildcard |= bracket is not None or char.opens("*") or char.opens("?")
        at += bracket is None
    text = "".join(char.text for char in chars)
    if not has_wildcard:
        return _Part(text, None)
    middle = "".join(f"(?>.*?{run})" for run in runs[1:-1])
    last = f".*{runs[-1]}" if len(runs) > 1 else ""
    return _Part(text, re.compile(runs[0] + middle + last, re.DOTALL))


def _bracket(chars: Sequence[_Char], start: int) -> tuple[str, int] | None:
    """Return the expression of a bracket and the position behind it, or None where it is never closed."""
    at = start + 1
    is_negated = at < len(chars) and (chars[at].opens("!") or chars[at].opens("^"))
    at += is_negated
    first, members = at, ""
    while at < len(chars):
        if chars[at].opens("]") and at > first:
            return _set(members, is_negated=is_negated), at + 1
        member, at = _member(chars, at)
        members += member
    return None


def _set(members: str, *, is_negated: bool) -> str:
    if not members:  # only ranges that run backwards
        return "." if is_negated else _NOTHING
    return f"[{'^' if is_negated else ''}{members}]"


def _member(chars: Sequence[_Char], at: int) -> tuple[str, int]:
    """Return one class, range or character of a bracket, and the position behind it."""
    named = _class(chars, at)
    if named is not None:
        return named
    low, dash, high = (chars[place] if place < len(chars) else None for place in (at, at + 1, at + 2))
    assert low is not None
    if dash is None or high is None or not dash.opens("-") or high.opens("]"):
        return re.escape(low.text), at + 1
    is_forward = low.text <= high.text
    return f"{re.escape(low.text)}-{re.escape(high.text)}" if is_forward else "", at + 3


def _class(chars: Sequence[_Char], at: int) -> tuple[str, int] | None:
    ahead = "".join(char.text if char.is_open else "\0" for char in chars[at : at + 12])
    for name, members in _CLASSES.items():
        if ahead.startswith(f"[:{name}:]"):
            return members, at + len(name) + 4
    return None
