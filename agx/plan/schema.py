"""The plan: frozen values that hold what a plan can say, and their JSON form.

An item of `Task.args` is a string, taken literally, or one typed value: what a shell would
expand, as data. Writing is always the one form of `Plan.to_json`; the other forms that AGX
reads are converted in `agx.plan.reading` before they come here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from agx.util.imports import deferred_functions
from agx.util.texts import visible

with deferred_functions("importlib.metadata"):  # pydantic finds plugins with it, unless that is turned off
    import pydantic.plugin._loader  # noqa: F401

Risk = Literal["reads", "writes", "destructive", "network", "privilege", "runs_code"]
RISKS: tuple[Risk, ...] = ("reads", "writes", "destructive", "network", "privilege", "runs_code")
Severity = Literal["error", "warning", "advice"]

DEFAULT_TIMEOUT_SECS = 300
MAX_TASKS = 64
MAX_ARGS = 256
MAX_PATH_CHARS = 4096
MAX_TEXT_PARTS = 64
MAX_ARGUMENT_CHARS = 65_536
MAX_JSON_DEPTH = 32
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, and of Python's dates


class Value(BaseModel):
    """The base of every value here: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _no_nul(text: object) -> object:
    if isinstance(text, str) and "\0" in text:
        message = "a NUL character cannot be part of an argument"
        raise ValueError(message)
    return text


def _copied_json(value: object, depth: int = 0) -> object:
    """Copy a JSON value; refuse what no JSON text can hold, and a depth that no writer would survive."""
    if depth > MAX_JSON_DEPTH:
        message = f"it is nested deeper than {MAX_JSON_DEPTH} levels"
        raise ValueError(message)
    if isinstance(value, dict):
        return {_unicode(key): _copied_json(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied_json(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        return _unicode(value)
    if value is None or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, int) and value.bit_length() <= 1024:
        return value
    message = f"a value of the type {type(value).__name__} has no place in JSON"
    raise ValueError(message)


def _unicode(text: object) -> str:
    if not isinstance(text, str):
        message = f"the key {text!r:.40} is no text"
        raise ValueError(message)  # noqa: TRY004 - pydantic turns this kind into a validation error
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        message = "a lone surrogate is no character"
        raise ValueError(message)
    return text


# Strict: `true`, `"2"` and `2.0` are not task numbers.
Count = Annotated[int, Field(strict=True, ge=-(2**63), lt=2**64)]
TaskNumber = Annotated[int, Field(strict=True, ge=1, le=MAX_TASKS)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_copied_json)]
Literally = Annotated[str, Field(max_length=MAX_ARGUMENT_CHARS), BeforeValidator(_no_nul)]
FilePath = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARS), BeforeValidator(_no_nul)]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


class Glob(Value):
    """`{"glob": "*.txt"}`: the file names that match when the plan runs."""

    glob: FilePath


class Env(Value):
    """`{"env": "HOME"}`: the value of an environment variable."""

    env: VariableName


class TaskOutput(Value):
    """`{"task": 2}`: the output of an earlier task without its trailing newlines.

    One argument, or with `split` one argument a word, as an unquoted `$(…)` gives.
    """

    task: TaskNumber
    split: Literal[True] | None = None


def output_reference(value: object) -> int | None:
    """Return n where a value in `arguments` is `{"task": n}` and so stands for a task's output."""
    if isinstance(value, dict) and set(value) == {"task"} and type(value["task"]) is int:
        return int(value["task"])
    return None


class Text(Value):
    """`{"text": [parts]}`: strings and typed values joined to one argument."""

    text: Annotated[
        tuple[Literally | Glob | Env | TaskOutput, ...], Field(min_length=1, max_length=MAX_TEXT_PARTS)
    ]


TypedValue = Glob | Env | TaskOutput | Text
Argument = Literally | TypedValue


def _in_order(risk: tuple[Risk, ...]) -> tuple[Risk, ...]:
    return tuple(one for one in RISKS if one in risk)


RiskSet = Annotated[tuple[Risk, ...], AfterValidator(_in_order)]


class Task(Value):
    """One call of one tool.

    `args` is the argument vector of a command; `arguments` the object of a tool that has a JSON
    Schema: a task has one of the two. `input_from_task` is the earlier task whose output is this
    one's standard input. `risk` is computed by `agx.risk.assess`, never read.
    """

    task_number: TaskNumber
    command: Annotated[str, Field(min_length=1, max_length=128), BeforeValidator(_no_nul)]
    args: Annotated[tuple[Argument, ...], Field(max_length=MAX_ARGS)] = ()
    arguments: JsonObject | None = None
    input_from_task: TaskNumber | None = None
    save_to: FilePath | None = None
    append_to: FilePath | None = None
    timeout_secs: Annotated[int, Field(strict=True, ge=1, le=86_400)] = DEFAULT_TIMEOUT_SECS
    risk: RiskSet = ()

    @model_validator(mode="after")
    def _one_of_each(self) -> Task:
        if self.arguments is not None and self.args:
            message = "a task has `args` or `arguments`, not both"
            raise ValueError(message)
        if self.save_to is not None and self.append_to is not None:
            message = "a task has `save_to` or `append_to`, not both"
            raise ValueError(message)
        return self

    @property
    def saves_output(self) -> bool:
        """Whether its output goes to a file."""
        return self.save_to is not None or self.append_to is not None

    def written(self) -> dict[str, Any]:
        """Return what a model writes of this task: no numbers, limits or risk."""
        keys = {"command", "args", "arguments", "input_from_task", "save_to", "append_to"}
        data = self.model_dump(mode="json", include=keys, exclude_none=True)
        if self.arguments is not None:
            del data["args"]
        return data

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of the design page."""
        return {"task_number": self.task_number, **self.written()} | {
            "timeout_secs": self.timeout_secs,
            "risk": list(self.risk),
        }


class PlanMetadata(Value):
    """What produced a plan, so that it can be repeated. Times are in milliseconds."""

    backend: str
    model: str
    model_sha256: str | None = None
    role: str = "echo"
    device: str | None = None
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    latency_ms: float = 0.0
    seed: Count | None = None
    parameters: JsonObject = {}
    build: str | None = None
    timings_ms: dict[str, float] = {}
    tools_offered: tuple[str, ...] | None = None
    normalised: tuple[str, ...] = ()
    fell_back_from: str | None = None


Sentence = Annotated[str, AfterValidator(visible)]


class Finding(Value):
    """One thing a rule has to say about a plan; `task` is None where it concerns the whole plan.

    Whatever it quotes, `message` and `hint` are one line each.
    """

    severity: Severity
    task: int | None = None
    message: Sentence
    hint: Sentence = ""
    rule: str = ""


def new_plan_id() -> str:
    """Make `plan_` and a ULID in lower case: 48 bits of milliseconds, 80 random bits.

    Source: https://github.com/ulid/spec
    """
    value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    return "plan_" + "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def id_time_ms(plan_id: str) -> int | None:
    """Return when an id of `new_plan_id` was made, in milliseconds since 1970; None for any other id."""
    digits = plan_id.removeprefix("plan_")
    if len(digits) != 26 or not set(digits) <= set(_CROCKFORD):
        return None
    made = 0
    for digit in digits[:10]:
        made = made << 5 | _CROCKFORD.index(digit)
    return made if made <= _LAST_MS else None


PlanId = Annotated[str, Field(pattern=r"^plan_[0-9a-z]{1,64}$"), PlainSerializer(str)]


def check_numbers(tasks: Sequence[Task]) -> None:
    """Raise `ValueError` where the numbers of the tasks do not count from 1."""
    for number, task in enumerate(tasks, start=1):
        if task.task_number != number:
            message = f"task {number} of the list has the number {task.task_number}"
            raise ValueError(message)


class Plan(Value):
    """An ordered list of tasks with what produced it. Task numbers are 1-based and contiguous."""

    version: Literal[1] = 1
    plan_id: PlanId
    instruction: str
    tasks: Annotated[tuple[Task, ...], Field(min_length=1, max_length=MAX_TASKS)]
    metadata: PlanMetadata | None = None

    @model_validator(mode="after")
    def _numbered(self) -> Plan:
        check_numbers(self.tasks)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of the design page."""
        data: dict[str, Any] = {
            "version": self.version,
            "plan_id": self.plan_id,
            "instruction": self.instruction,
            "tasks": [task.to_dict() for task in self.tasks],
        }
        if self.metadata is not None:
            data["metadata"] = self.metadata.model_dump(mode="json")
        return data
