"""`agx schema`: the JSON Schemas of what AGX writes."""

from __future__ import annotations

import json

import click

from agx.cli.shared_options import debug_option
from agx.cli.show.output import write_result

EPILOG = """\b
Examples:
  agx schema plan > plan.schema.json
  agx schema plan | jq '."$defs" | keys'
"""


@click.group(epilog=EPILOG)
@debug_option
def schema() -> None:
    """Print the JSON Schemas of what AGX writes."""


@schema.command("plan", epilog=EPILOG)
@debug_option
def plan_schema() -> None:
    """Print the JSON Schema of a plan."""
    from agx.plan.schema import Plan

    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    write_result(json.dumps(dialect | Plan.model_json_schema(), indent=2))
