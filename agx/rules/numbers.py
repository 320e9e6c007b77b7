"""Numbers of an instruction, as digits or as words: "the twelve biggest" and "the 12 biggest" mean the same.

What is no amount is left out: one (which is also a pronoun), ordinals, and digits that are part of a name, a
version, a date or a quoted text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from agx.util.frozen import dataclass

_SMALL = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: number for number, word in enumerate(_SMALL.split(), start=2)}
_VALUES |= {word: 10 * number for number, word in enumerate(_TENS.split(), start=2)}
_UNITS = "|".join(["one", *_SMALL.split()[:8]])
# One of them is in every number that is written in words.
_BEGINNINGS = frozenset([*_SMALL.split(), *_TENS.split(), "dozen", "hundred", "thousand"])
_DIGIT = re.compile(r"\d")
_MORE = {"hundred": 100, "thousand": 1000, "dozen": 12}


@dataclass(frozen=True, slots=True)
class Number:
    """A number that an instruction names, and where it stands; `is_word` where it is written in letters."""

    value: int
    start: int
    end: int
    is_word: bool


def numbers(text: str) -> tuple[Number, ...]:
    """Return the numbers from 2 on that a text names, in their order."""
    has_words = not _BEGINNINGS.isdisjoint(re.split(r"[\W_]", text.lower()))
    found = [*(_in_words(text) if has_words else ()), *(_in_digits(text) if _DIGIT.search(text) else ())]
    return tuple(sorted(found, key=lambda number: number.start))


@cache
def _words() -> re.Pattern[str]:
    """Return the pattern of number words, which takes a while to compile."""
    return re.compile(
        rf"(?<![\w-])(?:(?P<tens>{'|'.join(_TENS.split())})(?:[- ](?P<unit>{_UNITS}))?"
        rf"|(?P<small>{'|'.join(_SMALL.split())})"
        r"|(?P<half>half\s+a\s+dozen)|(?P<dozen>(?:(?:a|one)\s+)?dozen)"
        r"|(?P<hundred>(?:a|one)\s+hundred)|(?P<thousand>(?:a|one)\s+thousand))"
        r"(?:\s+(?P<more>hundred|thousand|dozen))?(?![\w-]|\.\w)",
        re.IGNORECASE,
    )


@cache
def _digits() -> re.Pattern[str]:
    """Return the pattern of numbers in digits that are no part of anything else."""
    return re.compile(r"(?<![\w.,:/~$#@%=+\"'`*{}\[\]-])\d{1,6}(?![\w.:/\"'`*{}\[\]-]*[\w:/\"'`*{}\[\]-])")


def _in_digits(text: str) -> Iterator[Number]:
    for match in _digits().finditer(text):
        if int(match[0]) > 1:
            yield Number(int(match[0]), match.start(), match.end(), is_word=False)


def _in_words(text: str) -> Iterator[Number]:
    for match in _words().finditer(text):
        yield Number(_value(match), match.start(), match.end(), is_word=True)


def _value(match: re.Match[str]) -> int:
    fixed = {"dozen": 12, "half": 6, "hundred": 100, "thousand": 1000}
    value = next((number for name, number in fixed.items() if match[name]), 0)
    for name in ("tens", "unit", "small"):
        if match[name]:
            value += _VALUES.get(match[name].lower(), 1)
    return value * _MORE[match["more"].lower()] if match["more"] else value


def with_digits(text: str) -> str:
    """Return the text with its number words in digits."""
    parts, end = [], 0
    for number in numbers(text):
        if number.is_word:
            parts += [text[end : number.start], str(number.value)]
            end = number.end
    return "".join([*parts, text[end:]])
