"""Reading plans: every accepted form becomes the one form, and what was odd becomes a finding.

Accepted are the form of `agx.plan.schema`, the form a model writes (`{"tasks": […]}`), a list of
tasks, `{"plan": [{"cmd", "args"}]}` and `{"plan": ["sort", "uniq"]}` (in these two each step reads
the one before), and the older names `input_from_step` and `step_number`; all of it inside a
Markdown fence or with text around.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from agx.errors import PlanInvalid
from agx.plan import rules, tool_arguments
from agx.plan.risk import with_risk
from agx.plan.schema import MAX_TASKS, Finding, Plan, PlanMetadata, Task, new_plan_id
from agx.plan.tools import Registry

MAX_TEXT_CHARS = 4 << 20
_OLD_NAMES = {
    "cmd": "command",
    "tool": "command",
    "input_from_step": "input_from_task",
    "step_number": "task_number",
    "step": "task_number",
}
_TASK_KEYS = frozenset(Task.model_fields)
_PLAN_KEYS = frozenset(Plan.model_fields) | {"plan", "steps"}


@dataclass(slots=True)
class _Reading:
    """What one reading gathers besides the plan."""

    findings: list[Finding] = field(default_factory=list)

    def note(self, message: str, *, task: int | None = None, hint: str = "", rule: str) -> None:
        self.findings.append(Finding(severity="warning", task=task, message=message, hint=hint, rule=rule))


def read_plan(
    source: str | Mapping[str, Any] | Sequence[Any],
    registry: Registry,
    *,
    instruction: str = "",
    metadata: PlanMetadata | None = None,
    max_tasks: int = MAX_TASKS,
) -> tuple[Plan, tuple[Finding, ...]]:
    """Read a plan in any accepted form and check it against the registry.

    Gives the plan, with risks computed, and the findings. Raises `PlanInvalid` with findings and
    text where there is no plan in the source, or where a finding is an error.
    """
    plan, findings = read_draft(
        source, registry, instruction=instruction, metadata=metadata, max_tasks=max_tasks
    )
    refuse_errors(findings, _as_text(source))
    return plan, findings


def read_draft(
    source: str | Mapping[str, Any] | Sequence[Any],
    registry: Registry,
    *,
    instruction: str = "",
    metadata: PlanMetadata | None = None,
    max_tasks: int = MAX_TASKS,
) -> tuple[Plan, tuple[Finding, ...]]:
    """Read as `read_plan` does, but leave errors among the findings: what Delta is to mend."""
    text = _as_text(source)
    reading = _Reading()
    data = find_json(source) if isinstance(source, str) else source
    raw = _as_object(data, text)
    rows = [_task(row, number, reading) for number, row in enumerate(_rows(raw, text), start=1)]
    _chain(raw, rows)
    plan = _strict(raw, rows, instruction=instruction, metadata=metadata, text=text)
    for key in sorted(set(raw) - _PLAN_KEYS):
        reading.note(f"the key {key!r} of the plan is unknown and was left out", rule="unknown-key")
    findings = (
        *rules.check(plan.tasks, registry, max_tasks=max_tasks),
        *tool_arguments.check(plan.tasks, registry),
        *reading.findings,
    )
    return with_risk(plan, registry), findings


def _as_text(source: str | Mapping[str, Any] | Sequence[Any]) -> str:
    return source if isinstance(source, str) else json.dumps(source, ensure_ascii=False, default=str)


def refuse_errors(findings: Sequence[Finding], text: str) -> None:
    """Raise `PlanInvalid` where a finding is an error: such a plan is never given to anyone."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        where = f"task {errors[0].task}: " if errors[0].task else ""
        raise PlanInvalid(
            f"the plan cannot be run: {where}{errors[0].message}",
            hint=errors[0].hint,
            text=text,
            findings=[finding.model_dump() for finding in findings],
        )


def find_json(text: str) -> Any:
    """Give the JSON value in a text: the whole of it, or the first that opens with `{` or `[`.

    Raises `PlanInvalid` where there is none.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise PlanInvalid(
            f"the plan's text has {len(text)} characters; {MAX_TEXT_CHARS} are allowed",
            hint="is this file a plan?",
            text=text[:200],
        )
    decoder = json.JSONDecoder()
    for start in _openings(text):
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
    raise PlanInvalid("there is no JSON in the plan's text", hint='a plan is {"tasks": […]}', text=text)


def _openings(text: str) -> Iterator[int]:
    """Yield where a JSON value may begin: the first places only, so that bad input ends soon."""
    start = -1
    for _ in range(64):
        places = [at for at in (text.find("{", start + 1), text.find("[", start + 1)) if at >= 0]
        if not places:
            return
        start = min(places)
        yield start


def _as_object(data: Any, text: str) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return data if any(key in data for key in ("tasks", "plan", "steps")) else {"tasks": [data]}
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return {"tasks": list(data)}
    raise PlanInvalid("the plan is neither an object nor a list", hint='a plan is {"tasks": […]}', text=text)


def _rows(raw: Mapping[str, Any], text: str) -> Sequence[Any]:
    rows = raw.get("tasks", raw.get("plan", raw.get("steps")))
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes) and rows:
        return rows
    raise PlanInvalid("the plan has no tasks", hint='`tasks` is a list of at least one task', text=text)


def _task(row: Any, number: int, reading: _Reading) -> dict[str, Any]:
    if isinstance(row, str):
        try:
            words = shlex.split(row)
        except ValueError:
            words = row.split()
        return {"command": words[0] if words else "", "args": words[1:]}
    if not isinstance(row, Mapping):
        return {"command": "", "args": []}
    task: dict[str, Any] = {}
    for key, value in row.items():
        name = _OLD_NAMES.get(key, key)
        if name in _TASK_KEYS:
            task.setdefault(name, value)
        else:
            reading.note(f"the key {key!r} is unknown and was left out", task=number, rule="unknown-key")
    return {key: value for key, value in task.items() if value is not None}


def _chain(raw: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """In the short forms each step reads the one before; elsewhere numbers are made to fit."""
    if "tasks" not in raw and "plan" in raw and not any("input_from_task" in row for row in rows):
        for number, row in enumerate(rows[1:], start=1):
            row["input_from_task"] = number
    for number, row in enumerate(rows, start=1):
        row["task_number"] = number
        row.pop("risk", None)


def _strict(
    raw: Mapping[str, Any],
    rows: Sequence[dict[str, Any]],
    *,
    instruction: str,
    metadata: PlanMetadata | None,
    text: str,
) -> Plan:
    known_id = raw.get("plan_id")
    try:
        return Plan.model_validate(
            {
                "version": raw.get("version", 1),
                "plan_id": known_id if isinstance(known_id, str) else new_plan_id(),
                "instruction": instruction or str(raw.get("instruction", "")),
                "tasks": rows,
                "metadata": metadata if metadata is not None else raw.get("metadata"),
            }
        )
    except ValidationError as error:
        findings = tuple(_as_finding(problem) for problem in error.errors(include_url=False))
        raise PlanInvalid(
            f"the plan does not have the form of a plan: {findings[0].message}",
            hint="see `agx schema plan`",
            text=text,
            findings=[finding.model_dump() for finding in findings],
        ) from error


def _as_finding(problem: Mapping[str, Any]) -> Finding:
    place = problem["loc"]
    number = place[1] + 1 if len(place) > 1 and place[0] == "tasks" and isinstance(place[1], int) else None
    where = ".".join(str(part) for part in place)
    return Finding(severity="error", task=number, rule="form", message=f"{where}: {problem['msg']}")
