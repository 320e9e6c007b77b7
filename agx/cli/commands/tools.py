"""`agx tools`: which tools there are, what is known of one, and whether a file of tools can be used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agx.cli.inputs import chosen_registry
from agx.cli.shared_options import App, debug_option, json_option, tools_option
from agx.cli.show.output import check_target, is_terminal, save, shown_json, write_result
from agx.errors import RegistryInvalid, UsageError
from agx.util.texts import nearest, visible_json

if TYPE_CHECKING:
    from agx.plan.tools import Registry

REFUSED = RegistryInvalid.exit_code
EPILOG = """\b
Examples:
  agx tools list
  agx tools list --category archive --on-path
  agx tools show grep
"""
LIST_EPILOG = """\b
Examples:
  agx tools list
  agx tools list compress --on-path
  agx tools list --category text --mark writes
  agx tools list --json > tools.json

Words are searched in names, descriptions and categories. A terminal gets a table, a pipe gets the
JSON of a registry file.
"""
SHOW_EPILOG = """\b
Examples:
  agx tools show grep
  agx tools show weather --tools tools.json
"""
CHECK_EPILOG = """\b
Examples:
  agx tools check tools.json
  curl -s localhost:3000/tools | agx tools check -

Prints every problem with the tool's name and a JSON pointer to the place. The exit code is 2 where
there is one. Without problems it prints what of each schema a model is held to while it writes, and
what is checked only when its plan is finished.
"""
IMPORT_EPILOG = """\b
Examples:
  agx tools import openai.json
  agx tools import functions.jsonl -o tools.toml

Reads what `agx tools check` accepts, lists of functions of chat services and of MCP servers
included, and writes AGX's own form.
"""

own_tools_option = tools_option("The tools of this JSON or TOML file, not the built-in ones.")


@click.group(epilog=EPILOG)
@debug_option
def tools() -> None:
    """Look at tools, and at files of tools."""


@tools.command("list", epilog=LIST_EPILOG)
@click.argument("words", nargs=-1, metavar="[WORD]...")
@own_tools_option
@click.option("--category", metavar="NAME", help="Only tools of this category.")
@click.option("--mark", metavar="RISK", help="Only tools with this risk mark, such as writes or network.")
@click.option("--on-path", is_flag=True, help="Only tools that this machine has.")
@json_option
@debug_option
@click.pass_obj
def list_tools(
    app: App,
    /,
    *,
    words: tuple[str, ...],
    tools: tuple[str, ...],
    as_json: bool,
    category: str | None,
    mark: str | None,
    on_path: bool,
) -> None:
    """List the tools that have all these words."""
    from agx.app.registries import ToolFilter
    from agx.cli.show.tool_texts import tools_table
    from agx.tools.registry_files import registry_json

    registry = chosen_registry(tools, notes=app.notes)
    found = ToolFilter(words, category=category, mark=mark, on_path=on_path).of(registry)
    if as_json or not is_terminal(sys.stdout):
        write_result(visible_json(registry_json(found)))
    else:
        write_result(tools_table(found) if found else "no tool fits")


@tools.command("show", epilog=SHOW_EPILOG)
@click.argument("name")
@own_tools_option
@json_option
@debug_option
@click.pass_obj
def show_tool(app: App, /, *, name: str, tools: tuple[str, ...], as_json: bool) -> None:
    """Print what is known of the tool NAME."""
    from agx.cli.show.tool_texts import tool_json, tool_text

    registry = chosen_registry(tools, notes=app.notes)
    tool = registry.get(name)
    if tool is None:
        hint = f"`agx tools list`{' with the same --tools' if tools else ''} shows all"
        raise UsageError(f"there is no tool {name!r}{nearest(name, registry.tools)}", hint=hint)
    write_result(tool_json(tool) if as_json or not is_terminal(sys.stdout) else tool_text(tool))


@tools.command("check", epilog=CHECK_EPILOG)
@click.argument("file")
@json_option
@debug_option
@click.pass_obj
def check(app: App, /, *, file: str, as_json: bool) -> int:
    """Say whether the tools of FILE can be used, and if not, why; `-` is standard input."""
    from agx.cli.show.held_schemas import held_schemas, held_text
    from agx.cli.show.tool_texts import problems_text

    problems: Sequence[dict[str, str]] = ()
    registry: Registry | None = None
    try:
        registry = _read(file, strict=True)
    except RegistryInvalid as error:
        problems = error.details.get("problems", ())  # type: ignore[assignment]  # what it was made with
        if not problems:  # the file itself cannot be read
            raise
    num_tools = 0 if registry is None else len(registry)
    warnings = () if registry is None else registry.warnings
    if as_json or not is_terminal(sys.stdout):
        result = {"ok": not problems, "tools": num_tools, "problems": problems, "warnings": warnings}
        write_result(shown_json(result | {"schemas": held_schemas(registry or ())}))
    else:
        write_result(problems_text(problems) if problems else held_text(registry or (), _count(num_tools)))
    for warning in warnings if not as_json else ():
        app.notes.warning(warning)
    return REFUSED if problems else 0


@tools.command("import", epilog=IMPORT_EPILOG)
@click.argument("file")
@click.option(
    "-o", "--output", metavar="FILE", help="Write to a file: TOML if its name ends in .toml, or JSON."
)
@click.option("--json", is_flag=True, expose_value=False, help="Errors are JSON; the result always is.")
@debug_option
@click.pass_obj
def import_tools(app: App, /, *, file: str, output: str | None) -> None:
    """Print the tools of FILE in the form of a registry file; `-` is standard input."""
    from agx.tools.registry_files import registry_json, registry_toml

    target = None if output in {None, "-"} else Path(str(output))
    if target is not None:
        check_target(target)
    registry = _read(file)
    for warning in registry.warnings:
        app.notes.warning(warning)
    if target is None:
        write_result(visible_json(registry_json(registry)))
    elif target.suffix.lower() == ".toml":
        save(registry_toml(registry), target)
    else:
        save(visible_json(registry_json(registry)), target)


def _read(file: str, *, strict: bool = False) -> Registry:
    """Load the tools of a file, or of standard input; raises `RegistryInvalid`."""
    from agx.app.registries import load_registry, parse_registry
    from agx.tools.registry_files import MAX_FILE_BYTES

    if file != "-":
        return load_registry(file, strict=strict)
    if sys.stdin is None:
        raise UsageError("standard input is closed", hint="give a file")
    data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    return parse_registry(data, source="standard input", strict=strict)


def _count(num_tools: int) -> str:
    return "1 tool" if num_tools == 1 else f"{num_tools} tools"
