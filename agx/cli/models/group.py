"""`agx models` and what its commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agx.cli.models.fit import fit
from agx.cli.models.list import list_
from agx.cli.models.pull import pull
from agx.cli.models.recommend import recommend
from agx.cli.models.remove import remove
from agx.cli.models.share import share
from agx.cli.models.show import show
from agx.cli.models.verify import verify
from agx.cli.options import debug_option

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\b
Examples:
  agx models list
  agx models recommend
  agx models pull qwen2.5-1.5b-instruct
  agx models show agx-nano
  agx models fit agx-nano
  agx models share agx-nano --to-ollama agx-nano
"""
COMMANDS: Sequence[click.Command] = (list_, pull, show, fit, verify, remove, recommend, share)


@click.group(epilog=EPILOG)
@debug_option
def models() -> None:
    """Look at model files, and get them."""


for command in COMMANDS:
    models.add_command(command)
