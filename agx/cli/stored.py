"""`agx plan list` and `agx plan get`: the plans that are stored."""

from __future__ import annotations

import json
import shutil
from typing import Any

import click

from agx.app.places import stored_plans
from agx.cli.options import App, debug_option
from agx.cli.output import write_result
from agx.cli.showing import chosen_format, chosen_output, deliver, format_for, format_options, plan_text
from agx.cli.verbs import json_option, verb
from agx.store.plans import StoredPlan
from agx.util.texts import shortened, visible, visible_json

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


@verb("list", epilog=LIST_EPILOG)
@click.option("--search", metavar="WORDS", default="", help="Only plans that have all these words.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, metavar="N", show_default=True, help="At most so many."
)
@json_option
@debug_option
@click.pass_obj
def list_stored(app: App, /, *, search: str, limit: int, as_json: bool) -> int:
    """List the plans that are stored, the newest first."""
    listing = stored_plans().find(search=search, limit=limit)
    if format_for("json" if as_json else None) == "json":
        rows = [stored.as_dict() for stored in listing.plans]
        write_result(visible_json(json.dumps(rows, indent=2, ensure_ascii=False)))
    elif listing.plans:
        columns = shutil.get_terminal_size(fallback=(160, 24)).columns
        write_result("\n".join(_line(stored, columns) for stored in listing.plans))
    else:
        write_result("no stored plan has these words" if search else "no plan is stored yet")
    for reason in listing.unreadable:
        app.notes.warning(reason)
    return 0


@verb("get", epilog=GET_EPILOG)
@click.argument("plan_id", metavar="ID")
@format_options
@debug_option
@click.pass_obj
def get(app: App, /, *, plan_id: str, **options: Any) -> int:  # noqa: ANN401  click's
    """Print the stored plan whose id is ID, or the only one whose id begins so."""
    stored = stored_plans().get(plan_id)
    form, output = format_for(chosen_format(options)), chosen_output(options)
    deliver(plan_text(stored.plan, form, output), output)
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
