"""`agx plan list` and `agx plan get`: the plans that are stored."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from agx.cli.commands.verbs.shared import Verb, json_target
from agx.cli.shared_options import App, debug_option, json_option, target_options
from agx.cli.show.formats import Target, show_plan
from agx.cli.show.output import shown_json, write_result
from agx.util.texts import shortened, visible

if TYPE_CHECKING:
    from agx.store.plans import StoredPlan

MIN_TEXT_CHARS = 20
LIST_EPILOG = """\b
Examples:
  agx plan list
  agx plan list --search "rust lines" --limit 5
  agx plan list --json | jq -r '.[].plan_id'
"""
GET_EPILOG = """\b
Examples:
  agx plan get plan_01kaj3v8
  agx plan get 01kaj3v8 --format shell
"""


@click.command("list", cls=Verb, epilog=LIST_EPILOG)
@click.option("--search", metavar="WORDS", default="", help="Only plans that have all these words.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, metavar="N", show_default=True, help="At most so many."
)
@json_option
@debug_option
@click.pass_obj
def list_stored(app: App, /, *, search: str, limit: int, as_json: bool) -> int:
    """List the plans that are stored."""
    from agx.app.places import stored_plans

    listing = stored_plans().find(search=search, limit=limit)
    if json_target(as_json=as_json).chosen_format == "json":
        rows = [stored.as_dict() for stored in listing.plans]
        write_result(shown_json(rows))
    elif listing.plans:
        columns = shutil.get_terminal_size(fallback=(160, 24)).columns
        write_result("\n".join(_line(stored, columns) for stored in listing.plans))
    else:
        write_result("no stored plan has these words" if search else "no plan is stored yet")
    for reason in listing.unreadable:
        app.notes.warning(reason)
    return 0


@click.command("get", cls=Verb, epilog=GET_EPILOG)
@click.argument("plan_id", metavar="ID")
@target_options
@debug_option
@click.pass_obj
def get(app: App, /, *, plan_id: str, target: Target) -> int:
    """Print a stored plan."""
    from agx.app.places import stored_plans

    stored = stored_plans().get(plan_id)
    show_plan(stored.plan, target)
    for finding in stored.findings:
        app.notes.finding(finding)
    return 0


def _line(stored: StoredPlan, columns: int) -> str:
    """Return a plan's line: its id, when it was made, and what it is for or else what it runs."""
    made = stored.made.astimezone().strftime("%Y-%m-%d %H:%M")
    start = f"{stored.plan.plan_id}  {made}  "
    commands = " | ".join(task.command for task in stored.plan.tasks)
    text = visible(" ".join(stored.plan.instruction.split()) or commands)
    return start + shortened(text, max(MIN_TEXT_CHARS, columns - len(start)))
