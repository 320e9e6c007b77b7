"""How large what a chat template makes may be: texts, lists and numbers, each alone and all together.

A limit on time sees nothing while one step in C runs, so each step is bounded by what goes into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import getsizeof

# A message may have a megabyte, and a template repeats or escapes it a few times.
MAX_TEXT_CHARS = 1 << 24
# All that is made while one prompt is written, most of which lives only for a moment.
_MAX_MADE_BYTES = 192 << 20
# One entry of a list weighs as much as this many characters.
_ENTRY_WEIGHT = 1 << 10
_MAX_NUMBER_BITS = 1 << 12
# A text in short parts takes fifty times its memory.
_MAX_PARTS = 1 << 20
# The length of a text times that of what is searched in it, where a search may take so many steps.
_MAX_SEARCH_STEPS = 1 << 28


class LimitExceeded(BaseException):
    """A template did more than a chat template may; no `Exception`, so that nothing on the way hides it."""


class Ledger:
    """Counts what one rendering makes."""

    def __init__(self) -> None:
        self._left_bytes = _MAX_MADE_BYTES

    def count(self, value: object) -> None:
        """Take what has been made; raises `LimitExceeded` when that is too much together."""
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
    """Return how much there is to write of a value; what stands in it twice counts twice."""
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
    """Raise `LimitExceeded` for what would be too large a text or list."""
    if weight > MAX_TEXT_CHARS:
        raise LimitExceeded(
            f"it makes a text or a list that is too large ({weight:,}; the limit is {MAX_TEXT_CHARS:,})"
        )


def check_parts(num_parts: int) -> None:
    """Raise `LimitExceeded` for a text that would be taken apart into too many."""
    if num_parts > _MAX_PARTS:
        raise LimitExceeded(f"it takes a text apart into as many as {num_parts:,}")


def check_search(text: str, *patterns: object) -> None:
    """Raise `LimitExceeded` where looking for one of these in a text may take too many steps."""
    longest = max((len(each) for each in patterns if isinstance(each, str)), default=0)
    if len(text) * longest > _MAX_SEARCH_STEPS:
        raise LimitExceeded(f"it looks for a text of {longest:,} characters in one of {len(text):,}")


def check_product(left: object, right: object) -> None:
    """Raise `LimitExceeded` for a product that would be too large, of a number and a text, say."""
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
    """Raise `LimitExceeded` for a whole number that is too large to be computed with."""
    if isinstance(value, int):
        _check_bits(value.bit_length())


def _check_bits(bits: int) -> None:
    if bits > _MAX_NUMBER_BITS:
        raise LimitExceeded(f"it computes with a number of {bits:,} bits")
