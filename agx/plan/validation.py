"""What pydantic refuses, as errors and findings of our own: its exceptions stop here.

`exact` reads what AGX itself wrote, in exactly the form of a value here: nothing is put right. The lenient
reading of every other form is `agx.plan.reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, model_validator

from agx.errors import PlanInvalid
from agx.plan.schema import MAX_TASKS, Finding, Task, Value, check_numbers

Kind = TypeVar("Kind", bound=Value)

_MAX_PROBLEMS = 20
_NO_ARGUMENT = 'neither text nor one of {"glob"}, {"env"}, {"task"}, {"text"} with what belongs to it'
_IN_WORDS = {"tuple_type": "it is no list", "dict_type": "it is no object", "missing": "it is missing"}
_PLACES = {"command": "the command's name", "save_to": "a path", "append_to": "a path"}


class _TaskList(Value):
    tasks: Annotated[tuple[Task, ...], Field(max_length=MAX_TASKS)]

    @model_validator(mode="after")
    def _numbered(self) -> _TaskList:
        check_numbers(self.tasks)
        return self


def exact_tasks(rows: Sequence[Mapping[str, Any]]) -> tuple[Task, ...]:
    """Read tasks that are numbered 1, 2, 3, …, none as well; raises `PlanInvalid`."""
    return exact(_TaskList, {"tasks": rows}).tasks


def exact(kind: type[Kind], data: Mapping[str, Any]) -> Kind:
    """Read a value of a kind from its JSON form; raises `PlanInvalid` with findings where it is another."""
    return validated(kind, data, what="it")


def validated(kind: type[Kind], data: Mapping[str, Any], *, what: str, text: str = "") -> Kind:
    """Read a value as `exact` does; the error says what it was that has another form, and has the text."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        findings = _findings(error)
        raise PlanInvalid(
            f"{what} does not have the form of a plan: {findings[0].message}",
            hint="see `agx schema plan`",
            text=text,
            findings=[finding.model_dump() for finding in findings],
        ) from error


@contextmanager
def limits_refused_as(refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Raise another error where a value of a plan is made that passes a limit: it is made of the sentence."""
    try:
        yield
    except ValidationError as error:
        raise refusal(_passed(error)) from error


def _passed(error: ValidationError) -> str:
    """Say which limit of a plan's values is passed."""
    first = error.errors(include_url=False)[0]
    limit = first.get("ctx", {}).get("max_length")
    place = _PLACES.get(str(first["loc"][0]), "an argument") if first["loc"] else "an argument"
    if limit is None:
        return f"{place} has no form in a plan: {first['msg']}"
    unit = "characters" if first["type"] == "string_too_long" else "parts"
    return f"{place} has more than {limit} {unit}"


def _findings(error: ValidationError) -> list[Finding]:
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
