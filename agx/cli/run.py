"""`agx run`: its options. The work is in `agx.cli.running`."""

from __future__ import annotations

from dataclasses import dataclass

import click

from agx.cli.leaving import left_at_once
from agx.cli.options import App, debug_option, tools_option
from agx.errors import UsageError

EPILOG = """\b
Examples:
  agx run plan.json
  agx run plan.json --dry-run
  agx plan "count the lines of every text file" | agx run - --approve
  agx run plan_01kaj3v8 --sandbox --json | jq .tasks

PLAN is a file with a plan in any form that AGX reads, - for standard input, or the id of a stored plan.
No shell is started: programs are found on PATH and get exactly the plan's arguments. A plan that does
more than read is shown first, and runs after a yes on the terminal or with --approve.
"""


@dataclass(frozen=True, slots=True)
class RunJob:
    """What one `agx run` was asked to do."""

    plan: str
    tools: tuple[str, ...]
    is_approved: bool
    is_dry_run: bool
    is_sandboxed: bool
    with_stdin: bool
    as_json: bool


@click.command("run", epilog=EPILOG, short_help="Run a plan on this machine, without a shell.")
@click.argument("plan", metavar="PLAN")
@click.option("--approve", is_flag=True, help="Run it without asking, whatever its risk.")
@click.option("--dry-run", is_flag=True, help="Show what would run, with its arguments; run nothing.")
@click.option(
    "--sandbox",
    is_flag=True,
    help="Run every task in bubblewrap: no network, only the working directory can be written.",
)
@click.option(
    "--stdin", "with_stdin", is_flag=True, help="Give standard input to the first task that reads it."
)
@tools_option("Read the plan with the tools of this JSON or TOML file.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the record of every task as JSON; errors are JSON, too."
)
@debug_option
@click.pass_obj
def run_command(app: App, /, *, plan: str, tools: tuple[str, ...], as_json: bool, **flags: bool) -> int:
    """Run the tasks of PLAN: a file, - or the id of a stored plan."""
    if plan == "-" and flags["with_stdin"]:
        raise UsageError(
            "standard input cannot be the plan and a task's input at once", hint="write the plan to a file"
        )
    job = RunJob(
        plan=plan,
        tools=tools,
        is_approved=flags["approve"],
        is_dry_run=flags["dry_run"],
        is_sandboxed=flags["sandbox"],
        with_stdin=flags["with_stdin"],
        as_json=as_json,
    )
    with left_at_once():  # until tasks run
        from agx.cli.running import carry_out, what_may_run  # noqa: PLC0415  --help imports nothing heavy

        checked = what_may_run(job, app=app)
    if checked is not None:
        carry_out(checked, as_json=as_json, app=app)
    return 0
