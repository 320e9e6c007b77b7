"""The words of a call, read as the tool reads them: options, their values, and operands.

By the conventions of POSIX (XBD 12.2) and GNU: clusters of letters (`-ni`), values joined or in the
next word, long options by the beginning of their name, `--` before what is no option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agx.unix.calls import DATA, OPEN, Call, is_known
from agx.unix.table import Row

_MAX_CLUSTER = 64


@dataclass(frozen=True, slots=True)
class Given:
    """What a call was given, as its row says how to read it.

    `skipped` are operands before a command that only prepare it. `may_hide_option` where a word that
    is known only when the plan runs could be an option that does harm, or the command that is run;
    `ended` where `--` ended the options.
    """

    call: Call
    row: Row
    options: tuple[tuple[str, str | None], ...]
    operands: tuple[str, ...]
    skipped: tuple[str, ...]
    may_hide_option: bool
    ended: bool

    def has(self, *options: str) -> bool:
        """Return whether one of these options was given."""
        return any(option in options for option, _ in self.options)

    def values(self, *options: str) -> list[str]:
        """Return the values of these options, in order."""
        return [value for option, value in self.options if option in options and value is not None]


def read_words(call: Call, row: Row) -> Given:
    """Read the words of a call by what is known of its options."""
    return _Reader(call, row).given()


class _Reader:
    """Reads one call's words from left to right."""

    def __init__(self, call: Call, row: Row) -> None:
        self._call = call
        self._row = row
        self._words = _new_style(call.words, row) if row.old_style else call.words
        self._at = 0
        self._options: list[tuple[str, str | None]] = []
        self._operands: list[str] = []
        self._skipped: list[str] = []
        self._may_hide = False

    def given(self) -> Given:
        ended = False
        while self._at < len(self._words) and not self._is_at_command():
            word = self._words[self._at]
            self._at += 1
            if word == "--":
                ended = True
                break
            self._take(word)
        self._may_hide |= any(OPEN in word for word in self._words[: self._at])
        self._operands += self._words[self._at :]
        return Given(
            call=self._call,
            row=self._row,
            options=tuple(self._options),
            operands=tuple(self._operands),
            skipped=tuple(self._skipped),
            may_hide_option=self._may_hide and (self._row.has_harm or self._row.ends_at_operand),
            ended=ended,
        )

    def _is_at_command(self) -> bool:
        """Return whether the next word begins what belongs to another command."""
        row, word = self._row, self._words[self._at]
        if not row.ends_at_operand or len(self._operands) < row.before:
            return False
        return (not word.startswith("-") or word == "-") and not row.is_skipped(word)

    def _take(self, word: str) -> None:
        if self._is_exact(word):
            self._add(word, None)
        elif word.startswith("--") or self._is_single_long(word):
            self._take_long(word)
        elif word.startswith("-") and word != "-":
            self._take_cluster(word)
        elif self._row.is_skipped(word):
            self._skipped.append(word)
        else:
            self._may_hide |= word.startswith(DATA)
            self._operands.append(word)

    def _is_exact(self, word: str) -> bool:
        return word in self._row.kinds or word in self._row.marks

    def _is_single_long(self, word: str) -> bool:
        """Return whether this is a long option with one dash, and no letter with its value joined."""
        return (
            self._row.single and word.startswith("-") and word[2:] != "" and word[:2] not in self._row.kinds
        )

    def _take_long(self, word: str) -> None:
        name, joined, value = word.partition("=")
        if not is_known(name):
            self._may_hide = True
            return
        row = self._row
        names = [name] if self._is_exact(name) else []
        if not names and len(name) > 2:
            names = sorted(option for option in row.long_options() if option.startswith(name))
        first, *others = names or [name]
        self._add(first, value if joined else None)
        self._options += [(other, self._options[-1][1]) for other in others]

    def _take_cluster(self, word: str) -> None:
        self._may_hide |= len(word) > _MAX_CLUSTER
        for at, letter in enumerate(word[1:_MAX_CLUSTER], start=1):
            option, rest = "-" + letter, word[at + 1 :]
            if not is_known(letter):
                self._may_hide = True
                return
            if option in self._row.kinds or option in self._row.joined or option in self._row.maybe:
                self._add(option, rest or None)
                return
            self._options.append((option, None))

    def _add(self, option: str, value: str | None) -> None:
        """Add an option; one that takes a value takes the next word where it has none yet."""
        if value is None and self._takes_next(option):
            value = self._words[self._at]
            self._at += 1
        self._options.append((option, value))
        if value and self._row.kinds.get(option) == "long":
            self._take_long("--" + value)

    def _takes_next(self, option: str) -> bool:
        if self._at >= len(self._words) or option in self._row.joined:
            return False
        if option in self._row.maybe:
            return not self._words[self._at].startswith("-")
        return option in self._row.kinds


def _new_style(words: Sequence[str], row: Row) -> Sequence[str]:
    """Write `xzf a.tar` as `-x -z -f a.tar`: the letters' values follow in their order."""
    if not words or words[0].startswith("-") or not is_known(words[0]):
        return words
    rest = list(words[1:])
    options: list[str] = []
    for letter in words[0]:
        options.append("-" + letter)
        if "-" + letter in row.kinds and rest:
            options.append(rest.pop(0))
    return [*options, *rest]
