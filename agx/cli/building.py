"""What the verbs share: finding the plan that is being built, checking a change of it, showing it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agx.app.registries import registry_of_files
from agx.cli.changes import task_text
from agx.cli.options import App
from agx.cli.showing import Format, deliver, format_for, plan_text
from agx.errors import UsageError
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Finding, Task
from agx.plan.tools import Registry
from agx.risk.assess import with_risk
from agx.rules.check import check_tasks, refuse_errors
from agx.settings.paths import buffer_file
from agx.store.buffer import PlanBuffer, begun
from agx.util.texts import visible_json

Edit = Callable[[OpenPlan], tuple[OpenPlan, str]]


def buffer_of(options: Mapping[str, Any]) -> PlanBuffer:
    """Return the buffer that --buffer, AGX_PLAN_BUFFER or AGX_HOME names."""
    named = options["buffer"]
    return PlanBuffer(buffer_file(None if named is None else Path(named)))


def registry_of(plan: OpenPlan) -> Registry:
    """Return the tools that a plan is built with."""
    return registry_of_files(plan.tools)


def checked(tasks: Sequence[Task], registry: Registry) -> tuple[Finding, ...]:
    """Return what the rules find; raises `PlanInvalid` where that makes the plan impossible to run."""
    findings = _found(tasks, registry)
    refuse_errors(findings, "")
    return findings


def change(app: App, options: Mapping[str, Any], edit: Edit, *, said: Sequence[Finding] = ()) -> int:
    """Change the plan that is being built, and show it; what `edit` raises leaves it as it was.

    `said` is what there is to say of the change itself.
    """

    def edited(plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        changed, done = edit(begun(plan))
        checked(changed.tasks, registry_of(changed))
        return changed, done

    plan, done = buffer_of(options).change(edited)
    return tell_done(plan, done, app=app, options=options, said=said)


def tell_done(
    plan: OpenPlan, done: str, *, app: App, options: Mapping[str, Any], said: Sequence[Finding] = ()
) -> int:
    """Show the plan as it stands now, and say what was done to it; returns the exit code."""
    show(plan, app=app, form=json_or_none(options))
    for finding in said:
        app.notes.finding(finding.model_dump(exclude_none=True))
    app.notes.done(done)
    return 0


def json_or_none(options: Mapping[str, Any]) -> Format | None:
    """Return the format that --json names, or None."""
    return "json" if options["as_json"] else None


def show(plan: OpenPlan, *, app: App, form: Format | None, output: Path | None = None) -> None:
    """Print the plan as it stands, and what the rules find in it."""
    registry = registry_of(plan)
    chosen = format_for(form)
    if plan.tasks or chosen not in {"table", "json"}:
        deliver(plan_text(with_risk(plan.plan(), registry), chosen, output, registry=registry), output)
    else:
        deliver(_empty_json(plan) if chosen == "json" else "the plan has no tasks yet", output)
    for finding in _found(plan.tasks, registry):
        app.notes.finding(finding.model_dump(exclude_none=True))


def added_text(tasks: Iterable[Task]) -> str:
    """Say which tasks were added."""
    texts = [f"{task.task_number}: {task_text(task)}" for task in tasks]
    return f"added task {texts[0]}" if len(texts) == 1 else f"added tasks {'; '.join(texts)}"


def changed_meanwhile() -> UsageError:
    """Make the error that another process changed the plan since it was looked at."""
    error = UsageError(
        "the plan was changed by another process meanwhile; nothing was done to it",
        hint="look at it with `agx plan preview`, and try again",
    )
    error.retryable = True
    return error


def task_rows(text: str) -> list[dict[str, Any]]:
    """Read a task, a list of tasks or a plan in JSON; raises `UsageError` where it is none of them."""
    hint = 'e.g. {"command": "sort", "args": ["-r"], "input_from_task": 1}'
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"this is no JSON: {error}", hint=hint) from None
    if isinstance(data, dict) and isinstance(data.get("tasks"), list):
        data = data["tasks"]
    rows = data if isinstance(data, list) else [data]
    if not all(isinstance(row, dict) for row in rows):
        raise UsageError("a task is a JSON object", hint=hint)
    return rows


def _found(tasks: Sequence[Task], registry: Registry) -> tuple[Finding, ...]:
    if not tasks:
        return ()
    return check_tasks(tasks, registry)


def _empty_json(plan: OpenPlan) -> str:
    data = {"version": 1, "plan_id": plan.plan_id, "instruction": plan.goal, "tasks": []}
    return visible_json(json.dumps(data, indent=2, ensure_ascii=False))
