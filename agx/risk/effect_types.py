"""What a call may do, as values: marks, and what is written or run as code."""

from __future__ import annotations

from typing import Literal

from agx.plan.schema import Risk
from agx.unix.command_specs import Language
from agx.unix.runs import Shell
from agx.util.frozen import dataclass

# `runs_input`: what comes on standard input is code to it. Not a risk by itself, but it makes one.
Mark = Risk | Literal["runs_input"]


@dataclass(frozen=True, slots=True)
class Code:
    """It runs a program in another language."""

    text: str
    language: Language = ""


@dataclass(frozen=True, slots=True)
class RunsFile:
    """It runs the code in a file."""

    path: str


@dataclass(frozen=True, slots=True)
class Writes:
    """It writes a file: `overwrites` where exactly this one is emptied first, else something is put there."""

    path: str
    overwrites: bool = False


Effect = Mark | Shell | Code | RunsFile | Writes
"""A `Shell` here is text in which a command may stand: what is sure to run is in `agx.unix.runs`."""
