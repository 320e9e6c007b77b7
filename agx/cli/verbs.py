"""The verbs of `agx plan`: their names, and where each one's command is. Imported with every command."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from agx.cli.instruction import in_quotes
from agx.cli.options import debug_option
from agx.errors import UsageError

# What each does, in the order in which `--help` shows them.
VERBS: dict[str, str] = {
    "new": "Begin a plan.",
    "add": "Add tasks: plan them, or give them as shell text or JSON.",
    "preview": "Show the plan as it stands.",
    "edit": "Change a task, by options or in an editor.",
    "remove": "Take a task away.",
    "move": "Move a task to another place.",
    "undo": "Take back the last change.",
    "validate": "Let Delta and the rules look at the plan, and store it.",
    "list": "List the plans that are stored.",
    "get": "Print a stored plan.",
    "import": "Make a plan of a shell pipeline.",
}
_HOMES = {
    "new": "agx.cli.building_steps:new",
    "add": "agx.cli.building_add:add",
    "preview": "agx.cli.building_steps:preview",
    "edit": "agx.cli.building_edit:edit",
    "remove": "agx.cli.building_steps:remove",
    "move": "agx.cli.building_steps:move",
    "undo": "agx.cli.building_steps:undo",
    "validate": "agx.cli.building_validate:validate",
    "list": "agx.cli.stored:list_stored",
    "get": "agx.cli.stored:get",
    "import": "agx.cli.plan_import:import_command",
}


class VerbGroup(click.Group):
    """All verbs, each imported when it is the one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of a verb; gives None for any other word."""
        del ctx
        if cmd_name not in _HOMES:
            return None
        module, _, attribute = _HOMES[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), cmd_name
        return command


class Verb(click.Command):
    """A verb's command: where its words are an instruction, it says how to plan that."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; raises `UsageError` for what the verb does not take."""
        words = [ctx.info_name or "", *args]
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            message = error.format_message().rstrip(".")
            hint = f"`agx plan {ctx.info_name} --help` shows how it is used"
            if len(words) > 1 and not words[1].startswith("-"):
                hint += f"; to plan an instruction: agx plan {in_quotes(words)}"
            raise UsageError(message[:1].lower() + message[1:], hint=hint) from None


def verb(name: str, *, epilog: str = "") -> Callable[[Callable[..., Any]], click.Command]:
    """Make a verb's command of a function; its sentence is that of the table."""
    return click.command(name, cls=Verb, help=VERBS[name], epilog=epilog or None)


def buffer_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verb --buffer and --debug."""
    text = "The file of the plan that is being built (default: AGX_PLAN_BUFFER, or buffer.json in AGX_HOME)."
    return click.option("--buffer", metavar="FILE", help=text)(debug_option(command))


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verb --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON; errors are JSON, too.")(command)
