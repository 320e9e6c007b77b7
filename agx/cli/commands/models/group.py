"""`agx models`: where its commands are."""

from __future__ import annotations

import click

from agx.cli.lazy_commands import LazyCommands
from agx.cli.shared_options import debug_option

EPILOG = """\b
Examples:
  agx models list
  agx models recommend
  agx models pull qwen2.5-1.5b-instruct
  agx models show agx-nano
  agx models fit agx-nano
  agx models share agx-nano --to-ollama agx-nano
"""
COMMANDS = LazyCommands(
    {
        "list": "agx.cli.commands.models.list_:list_",
        "pull": "agx.cli.commands.models.pull:pull",
        "show": "agx.cli.commands.models.show:show",
        "fit": "agx.cli.commands.models.fit:fit",
        "bench": "agx.cli.commands.models.bench:bench",
        "verify": "agx.cli.commands.models.verify:verify",
        "remove": "agx.cli.commands.models.remove:remove",
        "recommend": "agx.cli.commands.models.recommend:recommend",
        "share": "agx.cli.commands.models.share:share",
    }
)


@click.group(commands=COMMANDS, epilog=EPILOG)
@debug_option
def models() -> None:
    """Look at model files, and get them."""
