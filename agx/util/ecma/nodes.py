"""The parts of a regular expression, as one tree that every writer reads."""

from __future__ import annotations

from dataclasses import dataclass

# The first and the last code point of a range.
Range = tuple[int, int]
LAST_CODE_POINT = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Property:
    """A Unicode property, such as `L` or `Script=Greek`."""

    name: str
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    ranges: tuple[Range, ...]
    properties: tuple[Property, ...] = ()
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts in a row; none is the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several, the first that fits."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; `at_most` None is without end."""

    part: Node
    at_least: int
    at_most: int | None
    is_lazy: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A part in brackets; one that captures has a number, and may have a name."""

    part: Node
    number: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What has to stand, or must not stand, before or behind this place."""

    part: Node
    is_ahead: bool
    is_negated: bool


@dataclass(frozen=True, slots=True)
class Place:
    r"""A place between characters: `^` (start), `$` (end), `\b` (edge of a word) or `\B` (none)."""

    sign: str


@dataclass(frozen=True, slots=True)
class BackReference:
    """What a group has captured, by its number or name, once more."""

    group: int | str


Node = Chars | Sequence | Choice | Repeat | Group | Look | Place | BackReference

START, END = Place("^"), Place("$")
EMPTY = Sequence(())
DIGITS: tuple[Range, ...] = ((0x30, 0x39),)
WORD: tuple[Range, ...] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
# White space and line terminators of ECMA-262; the Unicode category Zs is among them.
SPACE: tuple[Range, ...] = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
LINE_ENDS: tuple[Range, ...] = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
ANY_BUT_LINE_END = Chars(LINE_ENDS, is_negated=True)
ANYTHING = Chars(((0, LAST_CODE_POINT),))


def complement(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """Return the code points that are in none of the ranges."""
    kept, next_one = [], 0
    for low, high in sorted(ranges):
        if low > next_one:
            kept.append((next_one, low - 1))
        next_one = max(next_one, high + 1)
    return (*kept, (next_one, LAST_CODE_POINT)) if next_one <= LAST_CODE_POINT else tuple(kept)


def with_both_cases(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """Return ranges with the other case of each letter in them; of a wide range at its beginning."""
    found = list(ranges)
    for low, high in ranges:
        for code in range(low, min(high, low + 0x400) + 1):
            letter = chr(code)
            found += [
                (ord(other), ord(other)) for other in {letter.lower(), letter.upper()} if len(other) == 1
            ]
        for first, last, shift in ((0x41, 0x5A, 0x20), (0x61, 0x7A, -0x20)):
            inner = max(low, first), min(high, last)
            found += [(inner[0] + shift, inner[1] + shift)] if inner[0] <= inner[1] else []
    return tuple(dict.fromkeys(found))
