"""The dialects: the text forms in which a model writes a plan.

`json` is the plan's own form. `shell` is one pipeline of Unix commands, which a general model has read far
more often. Whatever the dialect, a constraint holds while the text is written, and the text is read into the
same plan and checked alike.
"""

from __future__ import annotations

from typing import Literal

Dialect = Literal["json", "shell"]

DialectChoice = Literal["auto", "json", "shell"]
"""A dialect, or `auto` for the one that suits model and tools."""

DIALECT_CHOICES: tuple[DialectChoice, ...] = ("auto", "json", "shell")
