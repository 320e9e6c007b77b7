"""Bounds on what a chat template makes: texts, lists and numbers, each alone and all together.

A time limit sees nothing while one step runs in C, so each step is bounded by the size of its input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import getsizeof

# A message may have a megabyte, which a template repeats or escapes a few times.
MAX_TEXT_CHARS = 1 << 24
# Everything made while one prompt is written; most of it is short-lived.
_MAX_MADE_BYTES = 192 << 20
# One entry of a list weighs as much as this many characters.
_ENTRY_WEIGHT = 1 << 10
_MAX_NUMBER_BITS = 1 << 12
# A text in short parts takes fifty times its memory.
_MAX_PARTS = 1 << 20
# The length of a text times that of what is searched in it, where a search may take so many steps.
_MAX_SEARCH_STEPS = 1 << 28


class LimitExceeded(BaseException):
    """A template did too much; not an `Exception`, so that nothing on the way hides it."""


class Ledger:
    """Counts what one rendering makes."""

    def __init__(self) -> None:
        self._left_bytes = _MAX_MADE_BYTES

    def count(self, value: object) -> None:
        """Add to the total; raises `LimitExceeded` when it becomes too large."""
        if isinstance(value, str):
            self._left_bytes -= getsizeof(value)
        elif isinstance(value, (list, tuple)):
            self._left_bytes -= getsizeof(value) + sum(map(getsizeof, value))
        if self._left_bytes < 0:
            raise LimitExceeded(f"it makes more than {_MAX_MADE_BYTES >> 20} MiB of text")


def weighed(value: object) -> object:
    """Return the value; raises `LimitExceeded` when it is too large to be written out."""
    if not isinstance(value, (int, float)):
        check_weight(weight_of(value))
    return value


def weight_of(value: object, known: dict[int, int] | None = None) -> int:
    """Return how long a value is when written out; a part that occurs twice counts twice."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (list, tuple, Mapping)):
        return 1
    known = {} if known is None else known
    if id(value) not in known:
        entries = [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
        known[id(value)] = sum(_ENTRY_WEIGHT + weight_of(entry, known) for entry in entries)
    return known[id(value)]


def check_weight(weight: int) -> None:
    """Raise `LimitExceeded` for a text or a list that would be too large."""
    if weight > MAX_TEXT_CHARS:
        raise LimitExceeded(
            f"it makes a text or a list that is too large ({weight:,}; the limit is {MAX_TEXT_CHARS:,})"
        )


def check_parts(num_parts: int) -> None:
    """Raise `LimitExceeded` for a text that would be split into too many parts."""
    if num_parts > _MAX_PARTS:
        raise LimitExceeded(f"it takes a text apart into as many as {num_parts:,}")


def check_search(text: str, *patterns: object) -> None:
    """Raise `LimitExceeded` where searching a text for one of these may take too many steps."""
    longest = max((len(each) for each in patterns if isinstance(each, str)), default=0)
    if len(text) * longest > _MAX_SEARCH_STEPS:
        raise LimitExceeded(f"it looks for a text of {longest:,} characters in one of {len(text):,}")


def check_product(left: object, right: object) -> None:
    """Raise `LimitExceeded` for a product that would be too large, such as of a number and a text."""
    for value, times in ((left, right), (right, left)):
        if isinstance(value, (str, Sequence)) and isinstance(times, int):
            check_weight(weight_of(value) * times)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())


def check_power(base: object, exponent: object) -> None:
    """Raise `LimitExceeded` for a power that would be too large."""
    if isinstance(base, int) and isinstance(exponent, int):
        _check_bits(base.bit_length() * abs(exponent))


def check_number(value: object) -> None:
    """Raise `LimitExceeded` for a whole number that is too large to compute with."""
    if isinstance(value, int):
        _check_bits(value.bit_length())


def _check_bits(bits: int) -> None:
    if bits > _MAX_NUMBER_BITS:
        raise LimitExceeded(f"it computes with a number of {bits:,} bits")
