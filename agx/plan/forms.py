"""Reading plans: every accepted form becomes the one form, and what was odd becomes a finding.

Accepted are the form of `agx.plan.schema`, the form a model writes (`{"tasks": […]}`), a list of
tasks, `{"plan": [{"cmd", "args"}]}` and `{"plan": ["sort", "uniq"]}` (in these two each step reads
the one before), and the older names `input_from_step` and `step_number`; all of it inside a
Markdown fence or with text around. What was normalised is noted: as an advice, and in
`metadata.normalised` where the plan has metadata.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from agx.errors import PlanInvalid
from agx.plan import rules, tool_arguments
from agx.plan.json_text import CALLS, LISTS, find_json
from agx.plan.normalise import normalised, note, with_notes
from agx.plan.numbering import numbered
from agx.plan.risk import with_risk
from agx.plan.schema import MAX_TASKS, Finding, Plan, PlanMetadata, Task, new_plan_id
from agx.plan.tools import Registry

MAX_NOTES = 20
_MAX_PROBLEMS = 20
_OLD_NAMES = {
    "cmd": "command",
    "tool": "command",
    "input_from_step": "input_from_task",
    "step_number": "task_number",
    "step": "task_number",
}
_NO_ARGUMENT = 'neither text nor one of {"glob"}, {"env"}, {"task"}, {"text"} with what belongs to it'
_IN_WORDS = {"tuple_type": "it is no list", "dict_type": "it is no object", "missing": "it is missing"}
_TASK_KEYS = frozenset(Task.model_fields)
# A stored plan keeps its findings beside it; they are made anew whenever it is read.
_PLAN_KEYS = frozenset(Plan.model_fields) | {*LISTS, "findings"}


@dataclass(slots=True)
class _Reading:
    """What one reading gathers besides the plan: what is odd in it, and what was normalised."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def note(self, message: str) -> None:
        if not any(known.message == message for known in self.notes):
            self.notes.append(note(message))

    def unknown_key(self, key: object, where: str, *, task: int | None = None) -> None:
        if len(self.findings) < MAX_NOTES:
            message = f"the key {key!r:.80}{where} is unknown and was left out"
            self.findings.append(Finding(severity="warning", task=task, message=message, rule="unknown-key"))


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
        source, registry, instruction=instruction, metadata=metadata, max_tasks=max_tasks, normalise=True
    )
    refuse_errors(findings, _as_text(source))
    return plan, findings


def read_draft(  # noqa: PLR0913  each says another thing about the reading
    source: str | Mapping[str, Any] | Sequence[Any],
    registry: Registry,
    *,
    instruction: str = "",
    metadata: PlanMetadata | None = None,
    max_tasks: int = MAX_TASKS,
    normalise: bool = False,
) -> tuple[Plan, tuple[Finding, ...]]:
    """Read as `read_plan` does, but leave errors among the findings: what Delta is to mend.

    Unless `normalise` is set the tasks stay those of the source, whatever their right form is.
    """
    text = _as_text(source)
    reading = _Reading()
    data = find_json(source) if isinstance(source, str) else source
    raw = _as_object(data, text)
    rows = _converted(raw, _rows(raw, text), reading)
    plan = _strict(raw, rows, instruction=instruction, metadata=metadata, text=text)
    if normalise:
        plan, notes = normalised(plan, registry, max_tasks=max_tasks)
        reading.notes += notes
    findings = (
        *rules.check(plan.tasks, registry, max_tasks=max_tasks),
        *tool_arguments.check(plan.tasks, registry),
        *reading.findings,
        *reading.notes,
    )
    return with_risk(with_notes(plan, reading.notes), registry), findings


def _as_text(source: str | Mapping[str, Any] | Sequence[Any]) -> str:
    """Return the source as text for an error; a value that JSON cannot hold has none."""
    if isinstance(source, str):
        return source
    try:
        return json.dumps(source, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        return ""


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


def _as_object(data: object, text: str) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        is_task = any(key in data for key in CALLS) and not any(key in data for key in LISTS)
        return {"tasks": [data]} if is_task else data
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return {"tasks": list(data)}
    raise PlanInvalid("the plan is neither an object nor a list", hint='a plan is {"tasks": […]}', text=text)


def _rows(raw: Mapping[str, Any], text: str) -> Sequence[Any]:
    rows = next((raw[key] for key in LISTS if key in raw), None)
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes) and rows:
        if len(rows) <= MAX_TASKS:
            return rows
        message = f"the plan has {len(rows)} tasks; {MAX_TASKS} are allowed"
        raise PlanInvalid(message, hint="split the work", text=text)
    raise PlanInvalid("the plan has no tasks", hint="`tasks` is a list of at least one task", text=text)


def _converted(raw: Mapping[str, Any], given: Sequence[Any], reading: _Reading) -> Sequence[dict[str, Any]]:
    """Return the tasks of any accepted form as rows of the one form; the reading says what was odd."""
    rows, renumbering = numbered([_task(row, number, reading) for number, row in enumerate(given, start=1)])
    if renumbering is not None:
        reading.note(renumbering)
    _chain(raw, rows, reading)
    for key in raw:
        if key not in _PLAN_KEYS:
            reading.unknown_key(key, " of the plan")
    return rows


def _task(row: object, number: int, reading: _Reading) -> dict[str, Any]:
    if isinstance(row, str):
        try:
            words = shlex.split(row)
        except ValueError:
            words = row.split()
        return {"command": words[0] if words else "", "args": words[1:]}
    if not isinstance(row, Mapping):
        return {}
    task: dict[str, Any] = {}
    for key, value in row.items():
        name = _OLD_NAMES.get(key, key)
        if key in _OLD_NAMES:
            reading.note(f"`{key}` was read as `{name}`")
        if name in _TASK_KEYS:
            task.setdefault(name, value)
        else:
            reading.unknown_key(key, "", task=number)
    return {key: value for key, value in task.items() if value is not None}


def _chain(raw: Mapping[str, Any], rows: Sequence[dict[str, Any]], reading: _Reading) -> None:
    """In the short forms each step reads the one before."""
    is_chain = "tasks" not in raw and "plan" in raw and not any("input_from_task" in row for row in rows)
    if is_chain:
        for number, row in enumerate(rows[1:], start=1):
            row["input_from_task"] = number
    if "tasks" not in raw:
        name = "plan" if "plan" in raw else "steps"
        reading.note(
            f"`{name}` was read as `tasks`{', each task reading the one before' if is_chain else ''}"
        )
    for row in rows:
        row.pop("risk", None)


def _strict(
    raw: Mapping[str, Any],
    rows: Sequence[dict[str, Any]],
    *,
    instruction: str,
    metadata: PlanMetadata | None,
    text: str,
) -> Plan:
    given = {key: value for key, value in raw.items() if value is not None}
    try:
        return Plan.model_validate(
            {
                "version": given.get("version", 1),
                "plan_id": given.get("plan_id") or new_plan_id(),
                "instruction": instruction or given.get("instruction", ""),
                "tasks": rows,
                "metadata": metadata if metadata is not None else given.get("metadata"),
            }
        )
    except ValidationError as error:
        findings = validation_findings(error)
        raise PlanInvalid(
            f"the plan does not have the form of a plan: {findings[0].message}",
            hint="see `agx schema plan`",
            text=text,
            findings=[finding.model_dump() for finding in findings],
        ) from error


def validation_findings(error: ValidationError) -> list[Finding]:
    """Return one finding a place, at most 20.

    Of an argument pydantic says for each kind why it is not that one; the first is enough.
    """
    found: dict[tuple[int | str, ...], Finding] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        place = problem["loc"]
        if place == ("tasks",) and found:
            continue  # too few are left: the tasks that it leaves out have their findings
        message = _IN_WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        if len(place) > 4 and place[0] == "tasks" and place[2] == "args":
            place = place[:4]
            message = _NO_ARGUMENT if problem["type"] == "string_type" else message
        found.setdefault(place, _as_finding(place, message))
        if len(found) == _MAX_PROBLEMS:
            break
    return list(found.values())


def _as_finding(place: tuple[int | str, ...], message: str) -> Finding:
    index = place[1] if len(place) > 1 and place[0] == "tasks" else None
    number = index + 1 if isinstance(index, int) else None
    where = ".".join(str(part)[:80] for part in place).encode(errors="backslashreplace").decode()
    return Finding(
        severity="error", task=number, rule="form", message=f"{where}: {message}" if where else message
    )
