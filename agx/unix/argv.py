"""An argument vector as its command reads it: options with their values, operands, commands inside it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from agx.unix.command_specs import CommandSpec
from agx.util.frozen import dataclass

Kind = Literal["option", "unknown", "value", "operand", "skipped", "command"]


class ArgvWord(NamedTuple):
    """One word and what the command takes it for.

    `option` is the name of an option, of one that is unknown, or of that whose value the word is. A word
    that is "skipped" prepares another command (`A=b` of env), and "command" words belong to one.
    """

    text: str
    kind: Kind
    option: str = ""


class Option(NamedTuple):
    """An option as it was given, with the place of its word."""

    name: str
    value: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Argv:
    """The words of one command as it reads them.

    `operands` are all words that are neither options nor values, those of a command behind them included;
    `commands` are the places of the commands in the words, as first and end. `ended` holds where `--` ended
    the options.
    """

    spec: CommandSpec
    words: tuple[ArgvWord, ...]
    options: tuple[Option, ...]
    operands: tuple[str, ...]
    commands: tuple[tuple[int, int], ...]
    may_hide_option: bool
    ended: bool

    def has(self, *options: str) -> bool:
        """Return whether one of these options was given."""
        return any(option.name in options for option in self.options)

    def values(self, *options: str) -> list[str]:
        """Return the values of these options, in order."""
        return [value for name, value, _ in self.options if name in options and value is not None]

    @property
    def skipped(self) -> list[str]:
        """The words that only prepare another command."""
        return [word.text for word in self.words if word.kind == "skipped"]

    @property
    def is_quiet(self) -> bool:
        """Whether an option was given with which nothing is run."""
        return self.has(*self.spec.quiet)

    def command(self, place: tuple[int, int]) -> tuple[str, ...]:
        """Return the words of a command that stands among these."""
        return tuple(word.text for word in self.words[slice(*place)])
