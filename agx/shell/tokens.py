"""Words of pieces and operators, which the lexer makes of a shell text; and the words a shell reserves."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from agx.util.frozen import dataclass

KEYWORDS = frozenset(
    "! { } [[ ]] case do done elif else esac fi for function if in select then until while coproc".split()
)
# Variables that a shell keeps for itself: other programs, and plans, do not see them. HOSTNAME is
# none of them, as some systems export it.
SHELL_VARIABLES = frozenset(
    "_ BASH BASHOPTS BASHPID BASH_SOURCE BASH_VERSION DIRSTACK EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD "
    "HOSTTYPE IFS LINENO MACHTYPE OPTARG OPTIND OSTYPE PIPESTATUS PPID RANDOM REPLY SECONDS "
    "SHELLOPTS SRANDOM UID".split()
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a word: text, a variable (`text` is its name) or a substitution (its source).

    `at` is where a substitution's source begins in the text that was read.
    """

    kind: Literal["text", "env", "substitution"]
    text: str
    quoted: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Word:
    """Pieces that make one argument before any expansion; `at` is its place in the text."""

    pieces: tuple[Piece, ...]
    at: int = field(default=0, compare=False)

    @property
    def literal(self) -> str | None:
        """The text of a word that is nothing but text, else None."""
        if all(piece.kind == "text" for piece in self.pieces):
            return "".join(piece.text for piece in self.pieces)
        return None

    @property
    def bare(self) -> str | None:
        """The text of a word without any quoting, else None: what can be a keyword."""
        return None if any(piece.quoted for piece in self.pieces) else self.literal


@dataclass(frozen=True, slots=True)
class Operator:
    """A control or redirection operator; `fd` is the number before a redirection, `at` its place."""

    text: str
    fd: int | None = None
    at: int = field(default=0, compare=False)
