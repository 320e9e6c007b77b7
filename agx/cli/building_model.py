"""The verbs that ask a model: `add` plans more tasks, `validate` lets Delta look at all of them.

The model works without holding the buffer: what it gives is taken in only where the plan is still
what the model saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agx.app.planners import planner_for, planning_context
from agx.app.recording import record
from agx.cli.building import (
    added_text,
    buffer_of,
    changed_meanwhile,
    checked,
    json_or_none,
    registry_of,
    show,
    tell_done,
)
from agx.cli.building_given import source_of
from agx.cli.changes import task_text, tell_changes
from agx.cli.output import write_result
from agx.cli.planning import described_input, generate
from agx.cli.showing import format_for
from agx.plan.changes import TaskChange, change_counts, change_summary, task_changes, with_kept_limits
from agx.plan.editing import existing, insert_tasks
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Finding, PlanMetadata, Task
from agx.risk.assess import with_risk
from agx.util.texts import visible_json

if TYPE_CHECKING:
    from pathlib import Path

    from agx.app.piped_input import Piped, PipedReader
    from agx.cli.options import App
    from agx.plan.tools import Registry
    from agx.settings.layers import Settings
    from agx.store.buffer import PlanBuffer
    from agx.worker.process import WorkerProcess


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the plan: its tasks, what made them, what was found, and what Delta changed.

    `changes` is None where Delta was not asked.
    """

    tasks: tuple[Task, ...]
    metadata: PlanMetadata | None
    findings: tuple[Finding, ...]
    changes: tuple[TaskChange, ...] | None = None


def add_planned(
    settings: Settings,
    *,
    app: App,
    options: Mapping[str, Any],
    reader: PipedReader | Piped | None,
    worker: WorkerProcess | None,
) -> int:
    """Plan the instruction and put its tasks behind those that are there; shows the plan."""
    instruction = str(options["instruction"])
    buffer = buffer_of(options)
    seen = buffer.read() or OpenPlan.begun()
    source = source_of(seen, options)
    registry = registry_of(seen)
    piped = described_input(reader, options["input_wait"], app=app)
    if source is not None:
        piped = f"It is the output of: {task_text(existing(seen.tasks, source))}"
    context = planning_context(settings, registry, input_summary=piped, existing_tasks=seen.tasks)
    planner = planner_for(settings, make_planner=app.make_planner, registry=registry, worker=worker)
    generated = generate(planner, planner.stream(instruction, context), context=context, app=app)

    def appended(plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        known = plan or seen
        is_longer = known.tasks[: len(seen.tasks)] == seen.tasks
        if not is_longer and (source is not None or known.plan_id != seen.plan_id):
            raise changed_meanwhile()
        tasks = insert_tasks(known.tasks, generated.tasks, input_from=source)
        checked(tasks, registry)
        return known.with_tasks(tasks, asked=instruction), added_text(tasks[len(known.tasks) :])

    plan, done = buffer.change(appended)
    return tell_done(plan, done, app=app, options=options)


def validate_plan(
    settings: Settings, *, app: App, options: Mapping[str, Any], worker: WorkerProcess | None
) -> int:
    """Let Delta and the rules look at the plan, show what changed, and take it in."""
    buffer = buffer_of(options)
    seen = buffer.current()
    registry = registry_of(seen)
    if not options["rules_only"] and not seen.goal:
        app.notes.warning(
            "nothing says what the plan is for, so the rules alone look at it "
            '(agx plan edit --instruction "…" says it)'
        )
    if seen.goal and not options["rules_only"]:
        verdict = _refined(seen, settings, registry, app=app, worker=worker)
    else:
        tasks = seen.plan().tasks  # which raises where there are none
        verdict = Verdict(seen.tasks, seen.metadata, checked(tasks, registry))
    valid = seen.finished(verdict.tasks, verdict.metadata)
    stored = None
    if not options["dry_run"]:
        _take(buffer, seen, valid, verdict)
        stored = app.notes.recorded(record(with_risk(valid.plan(), registry), verdict.findings, settings))
    _report(valid, verdict, app=app, options=options, stored=stored)
    return 0


def _refined(
    seen: OpenPlan, settings: Settings, registry: Registry, *, app: App, worker: WorkerProcess | None
) -> Verdict:
    planner = planner_for(settings, make_planner=app.make_planner, registry=registry, worker=worker)
    context = planning_context(settings, registry)
    # A plan that was built by hand may have more tasks than a model is usually allowed.
    context = replace(context, max_tasks=max(context.task_limit, len(seen.tasks)))
    draft = with_risk(seen.plan(), registry)
    pieces = planner.stream_refined(draft, seen.goal, context)
    refined = generate(planner, pieces, context=context, app=app)
    tasks = with_kept_limits(seen.tasks, refined.tasks)
    return Verdict(tasks, refined.metadata, refined.findings, task_changes(draft.tasks, tasks))


def _take(buffer: PlanBuffer, seen: OpenPlan, valid: OpenPlan, verdict: Verdict) -> None:
    def taken(plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        if plan != seen:
            raise changed_meanwhile()
        return valid, f"validated the plan: {change_summary(verdict.changes or ())}"

    if valid != seen:
        buffer.change(taken)


def _report(
    plan: OpenPlan, verdict: Verdict, *, app: App, options: Mapping[str, Any], stored: Path | None
) -> None:
    """Show what was found and changed: as one JSON object, or the plan; and a line for each change."""
    form = format_for(json_or_none(options))
    if form == "json":
        write_result(visible_json(_report_json(plan, verdict, stored=stored)))
    else:
        show(plan, app=app, form=form)
    if options["as_json"]:
        return  # all of it is in the object
    if verdict.changes is not None:
        tell_changes(verdict.changes, app.notes)
    if stored is not None:
        app.notes.done(f"stored as {plan.plan_id}")


def _report_json(plan: OpenPlan, verdict: Verdict, *, stored: Path | None) -> str:
    changes = verdict.changes or ()
    summary = {"text": change_summary(changes), **change_counts(changes)}
    data = {
        "plan": with_risk(plan.plan(), registry_of(plan)).to_dict(),
        "changes": [change.as_dict() for change in changes],
        "summary": summary,
        "findings": [finding.model_dump(exclude_none=True) for finding in verdict.findings],
        "stored": None if stored is None else str(stored),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
