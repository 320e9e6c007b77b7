"""The literals of an instruction: what a plan has to take word for word. Certain rather than complete; pure.

A literal is a text in quotes, a file name with an extension, a path, or a word with letters beyond ASCII.
What is only likely to be a name (a plain word, an option, a pattern such as `*.txt`) is none: a false alarm
on a right plan is worse than a name that is not looked after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

_MAX_CHARS = 200
# A quote opens where no letter stands before it, so that an apostrophe opens none.
_QUOTED = re.compile(
    r"""(?<![\w"'`])(?:"([^"\n]+)"|'([^'\n]+(?:'\w[^'\n]*)*?)'|`([^`\n]+)`)(?![\w])"""
    r"""|“([^”\n]+)”|„([^“”\n]+)[“”]|«\s?([^»\n]+?)\s?»"""
    r"""|(?<!\w)\u2018([^\u2019\n]+)\u2019(?!\w)"""
)
_IS_CALLED = re.compile(
    r"\b(?:named|called|name|titled|(?:file|folder|directory)s?)\s*(?:is|=|:)?\s*$",
    re.IGNORECASE,
)
# Anna's draft.txt: the whole of it may be the name, and only one argument keeps it whole.
_POSSESSIVE = re.compile(r"(?<!\w)\w+['\u2019]s (?=[\w-]+\.[A-Za-z]\w{0,7}(?!\w))")
_ESCAPED = re.compile(r"(?<![\w\\])(?:[^\s\\\"'`]|\\.)*\\ (?:[^\s\\\"'`,;]|\\.)*")
# Beyond ASCII everything but blanks and punctuation: letters of all scripts, and signs such as emoji.
_BEYOND = r"[^\x00-\x7f\xa0\xab\xbb\u2000-\u206f\u3000-\u3030\uff00-\uff0f]"
_PATH = re.compile(
    rf"(?<![\w\"'`/~.$*?\[\]{{}}:-])(?:~|\.{{1,2}})?(?:/(?:[\w.@+%=,-]|{_BEYOND})+)+/?(?![\w*?\[\]{{}}])"
)
_FILE = re.compile(
    rf"(?<![\w\"'`/~.$*?\[\]{{}}@:-])(?:[\w+-]|{_BEYOND})(?:[\w.+-]|{_BEYOND})*\.[A-Za-z]\w{{0,7}}"
    r"(?![\w*?\[\]{}/@(:]|\.\w)"
)
_WORD = re.compile(rf"(?:[\w.+-]|{_BEYOND})+")
_ABBREVIATION = re.compile(r"(?:\w\.)+\w?|\w+\.(?:g|e|etc|vs)", re.IGNORECASE)
# Names of products and services that look like files.
_NOT_FILES = re.compile(
    r"(?:node|vue|next|react|asp|vb|d3)\.(?:js|net)|\w+\.(?:com|org|net|io|edu|gov|html?)", re.IGNORECASE
)

Kind = OneOf["quoted", "file", "path", "foreign"]


@dataclass(frozen=True, slots=True)
class NamedLiteral:
    """A literal, and where it stands: `instruction[start:end]`, without quotes.

    `is_name` says that the instruction calls it a name of a file: by its form, or by a word before it.
    """

    text: str
    kind: Kind
    start: int
    end: int
    is_name: bool

    @property
    def is_certain(self) -> bool:
        """Whether it is meant as it stands: no variable is in it, and it does not stand for a series."""
        return re.search(r"\$|`|\.\.", self.text) is None

    @property
    def is_odd(self) -> bool:
        """Whether a shell or a model is likely to take it apart: blanks, quotes, wildcards, other scripts."""
        return not self.text.isascii() or re.search(r"[^\w./@+%=:,~-]|^-", self.text) is not None


def literals(instruction: str) -> tuple[NamedLiteral, ...]:
    """Return the literals of an instruction in their order; none lies within another."""
    found: list[NamedLiteral] = []
    for literal in (
        *_quoted(instruction),
        *_possessives(instruction),
        *_matches(_ESCAPED, instruction, "path"),
        *_matches(_PATH, instruction, "path"),
        *_matches(_FILE, instruction, "file"),
        *_foreign_words(instruction),
    ):
        if not any(literal.start < other.end and other.start < literal.end for other in found):
            found.append(literal)
    return tuple(sorted(found, key=lambda each: each.start))


def _quoted(instruction: str) -> Iterator[NamedLiteral]:
    for match in _QUOTED.finditer(instruction):
        group = next(number for number in range(1, 8) if match[number] is not None)
        text = match[group]
        if text.strip() and len(text) <= _MAX_CHARS:
            is_name = _IS_CALLED.search(instruction[: match.start()]) is not None
            start = match.start(group) + len(text) - len(text.lstrip())
            yield NamedLiteral(text.strip(), "quoted", start, start + len(text.strip()), is_name)


def _possessives(instruction: str) -> Iterator[NamedLiteral]:
    for match in _POSSESSIVE.finditer(instruction):
        name = _WORD.match(instruction, match.end())
        assert name is not None, "a file name was seen ahead"
        text = instruction[match.start() : name.end()].rstrip(".")
        yield NamedLiteral(text, "file", match.start(), match.start() + len(text), is_name=True)


def _matches(pattern: re.Pattern[str], instruction: str, kind: Kind) -> Iterator[NamedLiteral]:
    for match in pattern.finditer(instruction):
        given = match[0].rstrip(",.:") if kind == "path" else match[0]
        text = re.sub(r"\\(.)", r"\1", given)
        if kind == "file" and (_ABBREVIATION.fullmatch(text) or _NOT_FILES.fullmatch(text)):
            continue
        if len(text) <= _MAX_CHARS:
            yield NamedLiteral(text, kind, match.start(), match.start() + len(given), is_name=True)


def _foreign_words(instruction: str) -> Iterator[NamedLiteral]:
    for match in _WORD.finditer(instruction):
        text = match[0].rstrip(".")
        if not text.isascii() and any(char.isalnum() or char > "\u2070" for char in text):
            yield NamedLiteral(text, "foreign", match.start(), match.start() + len(text), is_name=False)
