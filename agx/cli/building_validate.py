"""`agx plan validate`: its options. The work is in `agx.cli.building_model`."""

from __future__ import annotations

from typing import Any

import click

from agx.app.early_start import started_worker
from agx.cli.options import App, setting_options, settings_of
from agx.cli.verbs import buffer_option, json_option, verb
from agx.errors import UsageError
from agx.settings.table import BY_NAME

EPILOG = """\b
Examples:
  agx plan validate
  agx plan validate --dry-run
  agx plan validate --json | jq .summary

Delta looks at the plan with what the rules found in it, and mends it where it is surer. What it
changed is shown task by task, and `agx plan undo` takes it back. A plan that nobody said in words
what it is for is judged by the rules alone.
"""


@verb("validate", epilog=EPILOG)
@click.option("--dry-run", is_flag=True, help="Only show what would change; keep the plan as it is.")
@click.option("--rules-only", is_flag=True, help="Ask no model; only the rules look at it.")
@json_option
@setting_options
@buffer_option
@click.pass_obj
def validate(app: App, /, **options: Any) -> int:  # noqa: ANN401  click's
    """Let Delta and the rules look at the plan, take what they say into it, and store it."""
    given = {name: options[name] for name in BY_NAME if name in options}
    if given["model_role"] not in {None, "delta"}:
        raise UsageError(f"--role {given['model_role']} does not validate", hint="leave it out: it is delta")
    settings = settings_of(app, given | {"model_role": "delta"})
    needs_worker = app.make_planner is None and not options["rules_only"]
    with started_worker(settings, needed=needs_worker) as worker:
        from agx.cli.building_model import validate_plan  # noqa: PLC0415  imported while the worker loads

        return validate_plan(settings, app=app, options=options, worker=worker)
