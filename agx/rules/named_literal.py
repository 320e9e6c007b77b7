"""A literal of an instruction, as a value."""

from __future__ import annotations

import re
from typing import Literal as OneOf

from agx.util.frozen import dataclass

Kind = OneOf["quoted", "file", "path", "foreign"]


@dataclass(frozen=True, slots=True)
class NamedLiteral:
    """A literal, and where it stands: `instruction[start:end]`, without quotes.

    `is_name` says that the instruction calls it a name of a file: by its form, or by a word before it;
    `is_one` that it is about that one file, whatever signs of a pattern are in the name.
    """

    text: str
    kind: Kind
    start: int
    end: int
    is_name: bool
    is_one: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether it is meant as it stands: no variable is in it, and it does not stand for a series."""
        return re.search(r"\$|`|\.\.", self.text) is None

    @property
    def is_odd(self) -> bool:
        """Whether a shell or a model is likely to take it apart: blanks, quotes, wildcards, other scripts."""
        return not self.text.isascii() or re.search(r"[^\w./@+%=:,~-]|^-", self.text) is not None
