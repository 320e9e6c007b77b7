"""The work of `agx run`: reading the plan, asking for a yes, running it, and telling what became of it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agx.app.places import stored_plans
from agx.cli.approving import ask
from agx.cli.files import open_stdin, read_stdin, read_text
from agx.cli.live import Live
from agx.cli.output import is_terminal, write_result
from agx.cli.registries import chosen_registry
from agx.cli.run_text import preview_text
from agx.cli.stopping import until_signal
from agx.errors import RunError
from agx.plan.schema import Plan
from agx.plan.tools import Registry
from agx.rules.check import read_plan
from agx.run.job import CheckedRun, RunOptions
from agx.run.preflight import check_run, risks_to_approve
from agx.run.preview import RunPreview, preview_of
from agx.run.record import RunResult
from agx.run.runner import run_checked
from agx.util.texts import visible_json

if TYPE_CHECKING:
    from agx.cli.options import App
    from agx.cli.run import RunJob

_OPEN = "leave it open, or send a file to it"
_PLAN_ID = re.compile(r"plan_[0-9a-z]{1,64}")


def what_may_run(job: RunJob, *, app: App) -> CheckedRun | None:
    """Read and check the plan, and ask where somebody has to say yes; None after a dry run was shown."""
    registry = chosen_registry(job.tools, notes=app.notes)
    plan = _plan(job, registry, app=app)
    stdin = open_stdin(hint=_OPEN).fileno() if job.with_stdin else None
    options = RunOptions(sandbox=job.is_sandboxed, stdin=stdin)
    checked = asyncio.run(check_run(plan, registry, options=options))
    if job.is_dry_run:
        _show(preview_of(checked), as_json=job.as_json or not is_terminal(sys.stdout))
        return None
    if risks_to_approve(checked.plan) and not job.is_approved:
        ask(checked.plan)
    return checked


def _plan(job: RunJob, registry: Registry, *, app: App) -> Plan:
    """Return the plan with its risk computed now, and tell the findings."""
    if _PLAN_ID.fullmatch(job.plan) and not Path(job.plan).exists():
        return stored_plans(registry).get(job.plan).plan
    is_piped = job.plan == "-"
    text = read_stdin(name="the plan", hint=_OPEN) if is_piped else read_text(Path(job.plan), what="plan")
    plan, findings = read_plan(text, registry)
    for finding in findings:
        if finding.rule != "unread-output":  # what no task reads is shown
            app.notes.finding(finding.model_dump(exclude_none=True))
    return plan


def _show(preview: RunPreview, *, as_json: bool) -> None:
    write_result(_json(preview) if as_json else preview_text(preview))


def carry_out(checked: CheckedRun, *, as_json: bool, app: App) -> None:
    """Run what was checked and approved, and tell what became of it; raises as `run_checked`."""
    live = None if as_json else Live(app.notes)
    try:
        result = asyncio.run(until_signal(run_checked(checked, audience=live)))
    except RunError as error:
        if live is None:
            write_result(_json(error.result))
        else:
            live.finish()
            live.report(error)
        raise
    if live is None:
        write_result(_json(result))
    else:
        live.finish()


def _json(shown: RunPreview | RunResult) -> str:
    return visible_json(json.dumps(shown.to_dict(), indent=2, ensure_ascii=False))
