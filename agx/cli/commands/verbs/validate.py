"""`agx plan validate`: Delta and the rules look at the plan that is being built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agx.app.early_start import started_worker
from agx.cli.commands.verbs.shared import Verb, buffer_option, json_target, show_open_plan
from agx.cli.shared_options import App, GivenSettings, json_option, setting_options
from agx.cli.show.output import shown_json, write_result
from agx.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from agx.plan.open_plan import OpenPlan
    from agx.plan.schema import Plan
    from agx.session.building import PlanSession, Validation
    from agx.settings.layers import Settings
    from agx.worker.channel import Channel

EPILOG = """\b
Examples:
  agx plan validate
  agx plan validate --dry-run
  agx plan validate --json | jq .summary

Delta looks at the plan with what the rules found in it, and mends it where it is surer. What it
changed is shown task by task, and `agx plan undo` takes it back. A plan that nobody said in words
what it is for is judged by the rules alone.
"""


@click.command("validate", cls=Verb, epilog=EPILOG)
@click.option("--dry-run", is_flag=True, help="Only show what would change; keep the plan as it is.")
@click.option("--rules-only", is_flag=True, help="Ask no model; only the rules look at it.")
@json_option
@setting_options
@buffer_option
@click.pass_obj
def validate(
    app: App,
    /,
    *,
    dry_run: bool,
    rules_only: bool,
    as_json: bool,
    given: GivenSettings,
    buffer: str | None,
) -> int:
    """Let Delta and the rules look at the plan, and store it."""
    role = given.texts.get("model_role", "delta")
    if role != "delta":
        raise UsageError(f"--role {role} does not validate", hint="leave it out: it is delta")
    settings = given.with_role("delta").read(app.notes)
    with started_worker(settings, needed=app.has_worker and not rules_only) as worker:
        from agx.app.places import plan_session, record  # imported while the worker loads

        session = plan_session(buffer)
        base = session.plan()
        if not rules_only and not base.goal:
            app.notes.warning(
                "nothing says what the plan is for, so the rules alone look at it "
                '(agx plan edit --instruction "…" says it)'
            )
        if base.goal and not rules_only:
            validation = _refined(app, session, base, settings=settings, worker=worker)
        else:
            validation = session.validated_by_rules(base)
        plan, stored = session.assessed(validation.plan), None
        if not dry_run:
            session.accept(base, validation)
            stored = app.notes.recorded(record(plan, validation.findings, settings))
    target = json_target(as_json=as_json)
    if target.chosen_format == "json":
        write_result(_report_json(plan, validation, stored))
    else:
        show_open_plan(app, session, validation.plan, target)
    if not as_json:  # in which everything is said
        _tell(app, validation, stored)
    return 0


def _refined(
    app: App, session: PlanSession, base: OpenPlan, *, settings: Settings, worker: Channel | None
) -> Validation:
    """Let Delta refine the plan, for what it is for."""
    from agx.app.planners import planner_for, planning_context
    from agx.cli.show.streaming import shown_generation
    from agx.session.building import refining_context

    registry = session.registry(base)
    planner = planner_for(settings, make_planner=app.make_planner, registry=registry, worker=worker)
    context = refining_context(base, planning_context(settings, registry))
    pieces = planner.stream_refined(session.assessed(base), base.goal, context)
    refined = shown_generation(planner, pieces, context=context, notes=app.notes)
    return session.validated_by_delta(base, refined)


def _tell(app: App, validation: Validation, stored: Path | None) -> None:
    """Say a line for each change, and where the plan is."""
    if validation.changes is not None:
        app.notes.changes(validation.changes)
    if stored is not None:
        app.notes.done(f"stored as {validation.plan.plan_id}")


def _report_json(plan: Plan, validation: Validation, stored: Path | None) -> str:
    from agx.plan.changes import change_counts, change_summary

    changes = validation.changes or ()
    data = {
        "plan": plan.to_dict(),
        "changes": [change.as_dict() for change in changes],
        "summary": {"text": change_summary(changes), **change_counts(changes)},
        "findings": [finding.model_dump(exclude_none=True) for finding in validation.findings],
        "stored": None if stored is None else str(stored),
    }
    return shown_json(data)
