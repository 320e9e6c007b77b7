"""Cases: an instruction with its references, read from JSON lines.

A line is an object with `instruction` (or `nl`) and `reference` (or `cmd`). A reference is a shell
command or a plan in any form that AGX reads, or a list of either; a list of tasks is one plan. With
`draft`, a plan in any such form, it is a case for Delta. Other keys are kept as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agx.errors import PlanInvalid, UsageError
from agx.evaluate.metrics import Tasks
from agx.rules.check import read_draft
from agx.rules.normalise import normalised
from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.unix.registry import unix_registry

MAX_BYTES = 64 << 20
FORM_REASON = "plan object"
PlanSource = str | Mapping[str, Any] | Sequence[Any]
EXAMPLE = '{"instruction": "list files", "reference": "ls"}'


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `source` is the object in `line` of its file.

    `references` are those that are plans; `left_out` has the reason for each other one. A case without
    references is planned but not scored.
    """

    instruction: str
    references: tuple[Tasks, ...]
    left_out: tuple[str, ...] = ()
    draft: PlanSource | None = None
    line: int = 0
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def utility(self) -> str | None:
        """The first command of the first reference; None for a case that is not scored."""
        return self.references[0][0].command if self.references else None


def load_cases(path: Path) -> list[Case]:
    """Return the cases in a file; raises `UsageError` with file, line and hint."""
    cases = [_in_file(path, number, text) for number, text in _lines(path)]
    if not cases:
        raise UsageError(f"{path} has no cases", hint=f"write one JSON object a line: {EXAMPLE}")
    for case in cases:
        if (case.draft is None) != (cases[0].draft is None):
            has, has_not = ("has no", "has one") if case.draft is None else ("has a", "has none")
            raise UsageError(
                f"{path}:{case.line}: this case {has} draft, and the first case {has_not}",
                hint="put the cases for Delta, those with a `draft`, into a file of their own",
            )
    return cases


def make_case(row: Mapping[str, Any], *, line: int = 0) -> Case:
    """Return the case in an object; raises `UsageError` where a key is missing or has the wrong type."""
    instruction = _value(row, "instruction", "nl")
    if not isinstance(instruction, str) or not instruction.strip():
        raise UsageError("the instruction is not a text with words in it", hint=f"a case is {EXAMPLE}")
    try:
        instruction.encode()
    except UnicodeEncodeError:
        raise UsageError("the instruction is not valid Unicode", hint="mend the half of a \\u pair") from None
    plans: list[Tasks] = []
    left_out: list[str] = []
    for reference in _references(_value(row, "reference", "cmd")):
        try:
            plans.append(_tasks(reference, instruction))
        except NotAPlan as error:
            left_out.append(error.reason)
        except PlanInvalid:
            left_out.append(FORM_REASON)
    return Case(instruction, tuple(plans), tuple(left_out), _draft(row), line=line, source=row)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder", hint="give the file of cases in it") from None
    except OSError as error:
        raise UsageError(
            f"the cases {path} cannot be read: {error.strerror}", hint="check the file's name and its rights"
        ) from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MiB", hint="split it into smaller files")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path}:{line}: this is not UTF-8 text", hint=f"write one JSON object a line: {EXAMPLE}"
        ) from None
    # Not splitlines: JSON leaves the other line separators of Unicode inside its strings.
    for number, line_text in enumerate(text.split("\n"), start=1):
        if line_text.strip():
            yield number, line_text


def _in_file(path: Path, number: int, text: str) -> Case:
    try:
        return make_case(_row(text), line=number)
    except UsageError as error:
        raise UsageError(f"{path}:{number}: {error.message}", hint=error.hint) from error


def _row(text: str) -> Mapping[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = (
            error.msg if isinstance(error, json.JSONDecodeError) else "it is nested or numbered beyond reason"
        )
        raise UsageError(
            f"this line is not JSON: {why}",
            hint=f"write one JSON object a line: {EXAMPLE}; `jq -c '.[]'` makes lines of a list",
        ) from None
    if not isinstance(row, dict):
        raise UsageError("this line is not a JSON object", hint=f"a case is {EXAMPLE}")
    return row


def _value(row: Mapping[str, Any], name: str, other: str) -> object:
    for key in (name, other):
        if key in row:
            return row[key]
    keys = ", ".join(f"`{key}`" for key in list(row)[:8]) or "none at all"
    raise UsageError(
        f"this case has no `{name}` (or `{other}`); its keys: {keys}", hint=f"a case is {EXAMPLE}"
    )


def _references(value: object) -> list[PlanSource]:
    """Return the references one by one; raises `UsageError` where there is none, or one of the wrong type."""
    several: list[Any] = value if isinstance(value, list) and not _is_plan(value) else [value]
    if not several or not all(isinstance(one, str) or _is_plan(one) for one in several):
        raise UsageError(
            "the reference is neither a shell command nor a plan, nor a list of these",
            hint='write "ls -l" or {"tasks": [{"command": "ls", "args": ["-l"]}]}',
        )
    return several


def _is_plan(value: object) -> bool:
    """Return whether a value is one plan: an object, or a list of objects none of which is a plan."""
    if isinstance(value, list):
        objects = [item for item in value if isinstance(item, dict)]
        is_all = len(objects) == len(value) > 0
        return is_all and not any(key in item for item in objects for key in ("tasks", "plan", "steps"))
    return isinstance(value, dict)


def _tasks(reference: PlanSource, instruction: str) -> Tasks:
    """Return a reference's tasks in the form of AGX's own plans, to compare like with like."""
    registry = unix_registry()
    if isinstance(reference, str):
        return normalised(parse_shell(reference, instruction=instruction), registry)[0].tasks
    return read_draft(reference, registry, instruction=instruction, normalise=True)[0].tasks


def _draft(row: Mapping[str, Any]) -> PlanSource | None:
    if "draft" not in row:
        return None
    draft = row["draft"]
    if not draft or not isinstance(draft, str | dict | list):
        raise UsageError("the draft is no plan", hint='write {"tasks": […]}, a list of tasks, or text')
    found: PlanSource = draft
    return found
