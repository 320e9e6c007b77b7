"""Reading an argument vector: which of its words are options, values and operands.

It follows what the tools do with their words (getopt of POSIX and GNU): short options share a dash,
a value is joined or the next word, long names may be cut short, `--` ends the options. `find` and a
few others have whole words behind one dash instead, see `ToolOptions.syntax`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from agx.plan.tools import ToolOptions
from agx.unix.calls import DATA

Kind = Literal["option", "unknown", "value", "operand"]

_NUMBER = "-NUM"
_MAX_LETTERS = 64  # of one cluster are looked at: no sane one is longer


class Given(NamedTuple):
    """One option as it stands in a word, and whether the next word is its value."""

    name: str
    is_known: bool = True
    waits: bool = False


def read_words(words: Sequence[str], options: ToolOptions) -> Iterator[tuple[Kind, str]]:
    """Yield for each word what it is; an option by its name, and an unknown one by what is unknown.

    Where `options.known` is None every option counts as known.
    """
    waits = is_over = False
    for word in words:
        if waits:
            waits = False
            yield "value", word
        elif is_over or len(word) < 2 or not word.startswith("-"):
            is_over |= options.syntax == "leading"
            yield "operand", word
        elif word == "--":
            is_over = True
            yield "option", word
        else:
            given = _given(word, options)
            waits = given.waits
            yield "option" if given.is_known else "unknown", given.name


def _given(word: str, options: ToolOptions) -> Given:
    if options.syntax == "words" or word.startswith("--"):
        return _long(word, options)
    return _cluster(word[1 : 1 + _MAX_LETTERS], options)


def _long(word: str, options: ToolOptions) -> Given:
    name, is_joined, _ = word.partition("=")
    if DATA in name:
        return Given(name)
    known = options.known
    if known is None or name in known:
        return Given(name, waits=not is_joined and options.takes_value(name))
    whole = sorted(option for option in known if option.startswith(name))
    if options.syntax == "words" or not whole:
        return Given(name, is_known=False)
    return Given(name, waits=not is_joined and options.takes_value(whole[0]))


def _cluster(letters: str, options: ToolOptions) -> Given:
    """Read the letters behind a dash up to the first that takes the rest as its value, or is unknown."""
    for at, letter in enumerate(letters):
        name = f"-{letter}"
        if options.takes_value(name):
            return Given(name, waits=at + 1 == len(letters))
        if name in options.joined or letter == DATA:
            return Given(name)
        is_number = letter.isdigit() and options.known is not None and _NUMBER in options.known
        if options.known is not None and name not in options.known and not is_number:
            return Given(name, is_known=False)
    return Given(f"-{letters}")
