"""`agx run`: runs a plan on this machine, after a yes where one is needed."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agx.cli.inputs import chosen_registry, open_stdin, read_stdin, read_text
from agx.cli.shared_options import App, debug_option, tools_option
from agx.cli.show.output import Notes, is_terminal, shown_json, write_result
from agx.cli.signals import left_at_once
from agx.errors import UsageError

if TYPE_CHECKING:
    from agx.errors import RunError
    from agx.plan.schema import Plan
    from agx.plan.tools import Registry
    from agx.run.job import CheckedRun
    from agx.run.preview import RunPreview
    from agx.run.record import RunResult

EPILOG = """\b
Examples:
  agx run plan.json
  agx run plan.json --dry-run
  agx plan "count the lines of every text file" | agx run - --approve
  agx run plan_01kaj3v8 --sandbox --json | jq .tasks

PLAN is a file with a plan in any form that AGX reads, - for standard input, or the id of a stored plan.
No shell is started: programs are found on PATH and get exactly the plan's arguments. A plan that does
more than read is shown first, and runs after a yes on the terminal or with --approve. A mended plan is always
shown.
"""
_OPEN = "leave it open, or send a file to it"
_PLAN_ID = re.compile(r"plan_[0-9a-z]{1,64}")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What one `agx run` was asked to do."""

    plan: str
    tools: tuple[str, ...]
    is_approved: bool
    is_dry_run: bool
    is_sandboxed: bool
    with_stdin: bool
    as_json: bool
    repairs: bool
    model: str | None


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
@click.option(
    "--repair", is_flag=True, help="If a task fails, let Delta mend the plan once, and ask whether to run it."
)
@click.option(
    "--repair-with", "model", metavar="MODEL", help="The same, with this model in place of Delta's."
)
@tools_option("Read the plan with the tools of this JSON or TOML file.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the record of every task as JSON; errors are JSON, too."
)
@debug_option
@click.pass_obj
def run_command(
    app: App,
    /,
    *,
    plan: str,
    tools: tuple[str, ...],
    approve: bool,
    dry_run: bool,
    sandbox: bool,
    with_stdin: bool,
    repair: bool,
    model: str | None,
    as_json: bool,
) -> int:
    """Run the tasks of PLAN: a file, - or the id of a stored plan."""
    if plan == "-" and with_stdin:
        raise UsageError(
            "standard input cannot be the plan and a task's input at once", hint="write the plan to a file"
        )
    repairs = repair or model is not None
    if with_stdin and repairs:
        raise UsageError(
            "standard input is read once, and a mended plan would find it empty",
            hint="give the first task a file to read, or leave out --repair",
        )
    request = RunRequest(plan, tools, approve, dry_run, sandbox, with_stdin, as_json, repairs, model)
    with left_at_once():  # until tasks run
        from agx.cli.show import live  # noqa: F401  an interrupt while it is imported would be lost

        checked = _what_may_run(request, notes=app.notes)
    if checked is not None:
        _run(app, request, checked)
    return 0


def _run(app: App, request: RunRequest, checked: CheckedRun) -> None:
    """Run the plan, and where a task fails the mended one; raises the error of the last that ran."""
    from agx.cli.show.live import run_shown
    from agx.errors import RunError

    try:
        result = run_shown(checked, as_json=request.as_json, notes=app.notes)
    except RunError as error:
        failed = error
        mended = _mended(app, request, checked, error) if request.repairs else None
        if mended is None:
            _show_record(error.result, request)
            raise
    else:
        _show_record(result, request)
        return
    try:
        result = run_shown(mended, as_json=request.as_json, notes=app.notes)
    except RunError as error:
        _show_record(error.result, request, failed=failed)
        raise
    _show_record(result, request, failed=failed)


def _mended(app: App, request: RunRequest, checked: CheckedRun, error: RunError) -> CheckedRun | None:
    """Return another plan that may run, which people have seen; None where there is none."""
    from agx.cli.show.confirmation import ask, show_checked
    from agx.cli.show.repairs import mended_run

    again = mended_run(app, checked, error, model=request.model)
    if again is None:
        return None
    if not request.is_approved:
        ask(again)
    elif not request.as_json:  # a program reads what was changed
        show_checked(again)
    return again


def _show_record(result: RunResult, request: RunRequest, *, failed: RunError | None = None) -> None:
    """Print the record as JSON where that was asked for, with that of the plan that failed before it."""
    if request.as_json:
        before = {} if failed is None else {"repair_of": failed.result.to_dict()}
        write_result(shown_json(result.to_dict() | before))


def _what_may_run(request: RunRequest, *, notes: Notes) -> CheckedRun | None:
    """Read and check the plan, and ask where it needs a yes; None after a dry run was shown."""
    import asyncio

    from agx.cli.show.confirmation import ask
    from agx.run.job import RunOptions
    from agx.run.preflight import check_run, risks_to_approve
    from agx.run.preview import preview_of

    registry = chosen_registry(request.tools, notes=notes)
    plan = _read_plan(request.plan, registry, notes=notes)
    stdin = open_stdin(hint=_OPEN).fileno() if request.with_stdin else None
    options = RunOptions(sandbox=request.is_sandboxed, stdin=stdin)
    checked = asyncio.run(check_run(plan, registry, options=options))
    if request.is_dry_run:
        _show_preview(preview_of(checked), as_json=request.as_json)
        return None
    if risks_to_approve(checked.plan) and not request.is_approved:
        ask(checked)
    return checked


def _read_plan(name: str, registry: Registry, *, notes: Notes) -> Plan:
    """Return the plan with its risk computed now, and tell the findings."""
    from agx.app.places import stored_plans
    from agx.rules.check import read_plan

    if _PLAN_ID.fullmatch(name) and not Path(name).exists():
        return stored_plans(registry).get(name).plan
    text = read_stdin(name="the plan", hint=_OPEN) if name == "-" else read_text(Path(name), what="plan")
    plan, findings = read_plan(text, registry)
    # What no task reads is shown.
    notes.findings(finding for finding in findings if finding.rule != "unread-output")
    return plan


def _show_preview(preview: RunPreview, *, as_json: bool) -> None:
    from agx.cli.show.previews import run_text

    if as_json or not is_terminal(sys.stdout):
        write_result(shown_json(preview.to_dict()))
    else:
        write_result(run_text(preview))
