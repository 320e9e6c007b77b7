"""The dialects: the text forms in which a model writes a plan.

`json` is the plan's own form. `shell` is one pipeline of Unix commands, which a general model has read far
more often. `native` is tool calls as the model was trained to write them. Whatever the dialect, a constraint
holds while the text is written, and the text is read into the same plan and checked alike.
"""

from __future__ import annotations

from typing import Literal, get_args

Dialect = Literal["json", "shell", "native"]

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)

DialectChoice = Literal["auto", "json", "shell", "native"]
"""A dialect, or `auto` for the one that suits model and tools."""

DIALECT_CHOICES: tuple[DialectChoice, ...] = ("auto", "json", "shell", "native")
