"""Reading plans: every accepted form becomes the one form, and what was odd becomes a finding.

Accepted are the form of `agx.plan.schema`, the form a model writes (`{"tasks": […]}`), a list of
tasks, `{"plan": [{"cmd", "args"}]}` and `{"plan": ["sort", "uniq"]}` (in these two each step reads
the one before), and the older names `input_from_step` and `step_number`; all of it inside a
Markdown fence or with text around. What was normalised is noted: as advice, and in
`metadata.normalised` where the plan has metadata.

What the tools have to say about it is not asked here: `agx.rules.check` does that.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agx.errors import PlanInvalid
from agx.plan.json_text import CALLS, LISTS, find_json
from agx.plan.references import numbered
from agx.plan.schema import MAX_TASKS, Finding, Plan, PlanMetadata, Task, new_plan_id
from agx.plan.validation import validated
from agx.util.json_objects import keys_again

Source = str | Mapping[str, Any] | Sequence[Any]
"""What a plan is read from: text, or data as `json.loads` returns it."""

NORMALISED = "normalised"
"""The rule that stands in a note."""

MAX_NOTES = 20
_OLD_NAMES = {
    "cmd": "command",
    "tool": "command",
    "input_from_step": "input_from_task",
    "step_number": "task_number",
    "step": "task_number",
}
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

    def repeated_keys(self, value: object, *, task: int | None = None) -> None:
        for key in dict.fromkeys(keys_again(value)):
            message, hint = f"the key {key!r:.80} stands twice in an object", "write each key once"
            finding = Finding(severity="error", task=task, message=message, hint=hint, rule="repeated-key")
            self.findings.append(finding)


@dataclass(frozen=True, slots=True)
class PlanRead:
    """A plan as it was read: `findings` are what is odd in the source, `notes` what was put right."""

    plan: Plan
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]


def parsed_plan(source: Source, *, instruction: str = "", metadata: PlanMetadata | None = None) -> PlanRead:
    """Read a plan in any accepted form; raises `PlanInvalid` with the text otherwise."""
    text = as_text(source)
    reading = _Reading()
    data = find_json(source) if isinstance(source, str) else source
    raw = _as_object(data, text)
    rows = _converted(raw, _rows(raw, text), reading)
    plan = _strict(raw, rows, instruction=instruction, metadata=metadata, text=text)
    return PlanRead(plan, tuple(reading.findings), tuple(reading.notes))


def own_instruction(source: Source) -> str:
    """Return the instruction that stands in a plan's source, "" where there is none.

    Raises `PlanInvalid` for a text without JSON.
    """
    data = find_json(source) if isinstance(source, str) else source
    own = data.get("instruction") if isinstance(data, Mapping) else None
    return own if isinstance(own, str) else ""


def as_text(source: Source) -> str:
    """Return the source as text for an error; a value that JSON cannot hold has none."""
    if isinstance(source, str):
        return source
    try:
        return json.dumps(source, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        return ""


def note(message: str, *, task: int | None = None) -> Finding:
    """Return the finding that says what was normalised."""
    return Finding(severity="advice", task=task, rule=NORMALISED, message=message)


def with_notes(plan: Plan, notes: Sequence[Finding]) -> Plan:
    """Return the plan with the notes in its metadata; a plan without metadata stays as it is."""
    if plan.metadata is None or not notes:
        return plan
    sentences = (*plan.metadata.normalised, *map(as_sentence, notes))
    return plan.model_copy(update={"metadata": plan.metadata.model_copy(update={"normalised": sentences})})


def as_sentence(finding: Finding) -> str:
    """Return a note as it stands in `metadata.normalised`."""
    return f"{f'task {finding.task}: ' if finding.task else ''}{finding.message}"


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
    reading.repeated_keys(row, task=number)
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
    data = {
        "version": given.get("version", 1),
        "plan_id": given.get("plan_id") or new_plan_id(),
        "instruction": instruction or given.get("instruction", ""),
        "tasks": rows,
        "metadata": metadata if metadata is not None else given.get("metadata"),
    }
    return validated(Plan, data, what="the plan", text=text)
