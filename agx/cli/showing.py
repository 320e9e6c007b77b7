"""How a plan is shown: the formats, the options that choose one, and where the text goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from agx.cli.output import is_terminal, save, write_result
from agx.errors import UsageError

if TYPE_CHECKING:
    from agx.plan.schema import Plan
    from agx.plan.tools import Registry

Format = Literal["table", "json", "shell", "mermaid", "dot"]
FORMATS: tuple[Format, ...] = get_args(Format)
JSON_HELP = "The same as --format json; errors are JSON, too."


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command --format, --json and -o."""
    file = click.option(
        "-o", "--output", metavar="FILE", help="Write the plan to a file, whole or not at all."
    )
    as_json = click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
    form = click.option("--format", "form", type=click.Choice(FORMATS), help="How to print the plan.")
    return form(as_json(file(command)))


def chosen_output(options: Mapping[str, object]) -> Path | None:
    """Return the file that -o names; `-` is standard output."""
    output = options["output"]
    return None if output in {None, "-"} else Path(str(output))


def chosen_format(options: Mapping[str, object]) -> Format | None:
    """Return the format that the options name; raises `UsageError` where they name two.

    A file gets JSON; None leaves it to `format_for`.
    """
    form = options["form"]
    if options["as_json"] and form not in {None, "json"}:
        raise UsageError(f"--json and --format {form} contradict each other", hint="give one of them")
    named: Format | None = "json" if options["as_json"] else form  # type: ignore[assignment]  # a click.Choice
    return named or ("json" if chosen_output(options) is not None else None)


def format_for(form: Format | None) -> Format:
    """Return the named format; without one a terminal gets a table, a pipe JSON."""
    return form or ("table" if is_terminal(sys.stdout) else "json")


def plan_text(plan: Plan, form: Format, output: Path | None, *, registry: Registry | None = None) -> str:
    """Write a plan in a format, for a file or standard output; raises `Unsupported` where that cannot be.

    The registry, of Unix commands unless given, says which exit codes are no failure in shell text.
    """
    if form == "table":
        from agx.cli.table import plan_table  # noqa: PLC0415  rich is imported for tables only

        return plan_table(plan)
    from agx.shell.render import plan_json, plan_shell  # noqa: PLC0415
    from agx.util.texts import visible_json  # noqa: PLC0415  what follows is imported when there is a plan

    if form == "json":
        return visible_json(plan_json(plan))
    if form == "shell":
        text = plan_shell(plan, registry)
        return _safe_here(text) if output is None and is_terminal(sys.stdout) else text
    from agx.shell.graph import plan_dot, plan_mermaid  # noqa: PLC0415

    return plan_mermaid(plan) if form == "mermaid" else plan_dot(plan)


def _safe_here(text: str) -> str:
    """Return shell text for a terminal: what would act on it is escaped, and that is said."""
    from agx.util.texts import visible_lines  # noqa: PLC0415

    shown = visible_lines(text)
    return text if shown == text else f"# shown with escapes: -o FILE writes it as it is\n{shown}"


def deliver(text: str, output: Path | None) -> None:
    """Write the result to a file, or to standard output."""
    if output is None:
        write_result(text)
    else:
        save(text, output)
