"""How literals are read from an instruction: the patterns, and which of them goes before which.

They are compiled when an instruction has a sign of a literal, which few have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agx.rules.named_literal import Kind, NamedLiteral

_MAX_CHARS = 200
# A quote opens where no letter stands before it, so that an apostrophe opens none.
_QUOTED = re.compile(
    r"""(?<![\w"'`])(?:"([^"\n]{1,200})"|'([^'\n]{1,200}(?:'\w[^'\n]{0,200}){0,3}?)'|`([^`\n]{1,200})`)(?![\w])"""
    r"""|“([^”\n]{1,200})”|„([^“”\n]{1,200})[“”]|«\s?([^»\n]{1,200}?)\s?»"""
    r"""|(?<!\w)\u2018([^\u2019\n]{1,200})\u2019(?!\w)"""
)
_IS_CALLED = re.compile(
    r"(?<![-\w])(?:named|called|name|titled|(?:file|folder|directory)s?)\s*(?:is|=|:)?\s*$", re.IGNORECASE
)
# "The file named" is about one, "files named" about all that fit.
_IS_ONE = re.compile(
    r"\b(?:the|a|an|my|our|this|that|one)\s(?:[\w-]+\s){0,2}(?:file|folder|directory)\s+"
    r"(?:(?:that|which)\s+is\s+|is\s+)?(?:(?:named|called|titled|(?:of|with|by)\s+(?:the\s+)?name)\s*)?$",
    re.IGNORECASE,
)
# Anna's draft.txt: the whole of it may be the name, and only one argument keeps it whole.
_POSSESSIVE = re.compile(r"(?<!\w)\w{1,60}['\u2019]s (?=[\w-]{1,200}\.[A-Za-z]\w{0,7}(?!\w))")
_ESCAPED = re.compile(r"(?<!\S)(?:[^\s\\\"'`]|\\.){0,200}\\ (?:[^\s\\\"'`,;]|\\.){0,200}")
# What a name has in it: of ASCII letters, digits and `_+-.`, and beyond it all but blanks and punctuation, so
# letters of all scripts, and signs such as emoji. One class, so that no text can be matched in two ways.
_NOT_IN_NAMES = r"\x00-*,/:-@\[-^`{-\x7f\xa0\xab\xbb\u2000-\u200c\u200e-\u206f\u3000-\u3030\uff00-\uff0f"
_IN_NAME = rf"[^{_NOT_IN_NAMES}]"
_IN_PATH = rf"(?:{_IN_NAME}|[@%=,])"
_PATH = re.compile(
    rf"(?<![\w\"'`/~.$*?\[\]{{}}:-])(?:~|\.{{1,2}})?(?:/{_IN_PATH}{{1,200}}){{1,40}}/?(?![\w*?\[\]{{}}])"
)
_FILE = re.compile(
    rf"(?<![\w\"'`/~.$*?\[\]{{}}@:-])(?!\.){_IN_NAME}{{1,200}}\.[A-Za-z]\w{{0,7}}(?![\w*?\[\]{{}}/@(:]|\.\w)"
)
_WORD = re.compile(rf"{_IN_NAME}{{1,1000}}")
_ABBREVIATION = re.compile(r"(?:\w\.)+\w?|\w+\.(?:g|e|etc|vs)", re.IGNORECASE)
# Names of products and services that look like files.
_NOT_FILES = re.compile(
    r"(?:node|vue|next|react|asp|vb|d3)\.(?:js|net)|\w+\.(?:com|org|net|io|edu|gov|html?)", re.IGNORECASE
)


def candidates(instruction: str) -> Iterator[NamedLiteral]:
    """Yield what may be a literal; of two that share a place the first one counts."""
    yield from _quoted(instruction)
    yield from _possessives(instruction)
    yield from _matches(_ESCAPED, instruction, "path")
    yield from _matches(_PATH, instruction, "path")
    yield from _matches(_FILE, instruction, "file")
    yield from _foreign_words(instruction)


def _quoted(instruction: str) -> Iterator[NamedLiteral]:
    for match in _QUOTED.finditer(instruction):
        group = next(number for number in range(1, 8) if match[number] is not None)
        text = match[group]
        if text.strip() and len(text) <= _MAX_CHARS:
            before = instruction[max(0, match.start() - _MAX_CHARS) : match.start()]
            is_name, is_one = (pattern.search(before) is not None for pattern in (_IS_CALLED, _IS_ONE))
            start = match.start(group) + len(text) - len(text.lstrip())
            end = start + len(text.strip())
            yield NamedLiteral(text.strip(), "quoted", start, end, is_name=is_name or is_one, is_one=is_one)


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
