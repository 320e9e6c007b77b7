"""Every error AGX raises, as one tree split by whose fault it is.

    AgxError
    ├── CallerError              what was asked for cannot be done as asked
    │   ├── UsageError             2  a bad instruction, option or file
    │   ├── ConfigError            2  a setting that cannot be read or is out of range
    │   ├── Unsupported            2  this backend or version cannot do it (yet)
    │   ├── DeviceUnavailable      2  AGX_DEVICE names a device that build or machine lacks
    │   ├── PromptTooLong          2  the prompt and its answer do not fit into the context
    │   ├── RegistryInvalid        2  a registry of tools that cannot be used
    │   └── NotApproved            8  a plan that does more than read, and was not approved
    ├── ModelError               the model, or what it wrote
    │   ├── ModelMissing           4  no such file
    │   ├── ModelUnloadable        4  not a model that llama.cpp loads
    │   │   ├── GgufInvalid        4  its file is damaged; says in which field, at which offset
    │   │   └── ModelTooLarge      4  it does not fit into the memory there is; says the numbers
    │   ├── ModelBroken            4  it loads, and then computes what is not a number
    │   ├── ModelMismatch          4  a model made for other tools than the registry's
    │   ├── TemplateError          4  its chat template fails, loops or writes too much
    │   ├── ConstraintFailed       3  the grammar could not be compiled or followed
    │   ├── PlanTruncated          3  the token budget ended before the plan did
    │   └── PlanInvalid            3  a finished text that is not a valid plan
    ├── BackendError             what generates the text
    │   ├── BackendUnreachable     5  no connection
    │   ├── DeadlineExceeded       6  the time limit ran out
    │   └── WorkerDied             1  the process around llama.cpp ended
    ├── RunError                 a plan that was started and did not reach its end
    │   ├── TaskFailed             7  a task could not be started or failed
    │   └── TaskTimedOut           6  a task ran into its time limit
    └── MachineError             this machine
        ├── OutOfMemory            1  an allocation failed
        └── StorageError           1  a file cannot be written or read

The number is the exit code of ``agx``; 130 is an interrupt. Every error has a sentence
(`message`), a `hint` that says what to do, and `retryable`: whether the same call may succeed
when it is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class AgxError(Exception):
    """The root. `details` holds what a program may want to read: values, paths, findings."""

    exit_code: ClassVar[int] = 1
    retryable: bool = False

    def __init__(self, message: str, *, hint: str = "", **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    @property
    def code(self) -> str:
        """The error's name in JSON and over the worker's pipe: its class name."""
        return type(self).__name__

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form: code, message, hint, retryable and, where there are any, details."""
        data = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
        }
        return data | ({"details": self.details} if self.details else {})


class CallerError(AgxError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class UsageError(CallerError):
    """A bad instruction, option or file."""


class ConfigError(CallerError):
    """A setting that cannot be read, is unknown or out of range."""


class Unsupported(CallerError):
    """This backend or this version cannot do it."""


class DeviceUnavailable(CallerError):
    """The device asked for is missing from this build or this machine; the message says which."""


class PromptTooLong(CallerError):
    """The prompt and the room for its answer do not fit into the context length."""


class RegistryInvalid(CallerError):
    """A registry of tools that cannot be used."""


class NotApproved(CallerError):
    """The plan does more than read, and was not approved."""

    exit_code = 8


class ModelError(AgxError):
    """The model, or what it wrote."""

    exit_code = 4


class ModelMissing(ModelError):
    """There is no such model file."""


class ModelUnloadable(ModelError):
    """The file is not a model that llama.cpp loads."""


class GgufInvalid(ModelUnloadable):
    """A GGUF file is damaged: what is wrong, in which field, at which offset (bytes from the start)."""

    def __init__(
        self, message: str, *, hint: str = "", field: str = "", offset: int = 0, **details: object
    ) -> None:
        super().__init__(message, hint=hint, field=field, offset=offset, **details)
        self.field = field
        self.offset = offset


class ModelTooLarge(ModelUnloadable):
    """The model does not fit into the memory of this machine, or of its GPU."""


class ModelBroken(ModelError):
    """The model computed what is not a number: its weights are damaged, or too large for their type."""


class ModelMismatch(ModelError):
    """The model was made for other tools than those of the registry."""


class TemplateError(ModelError):
    """The chat template fails, runs too long or writes too much."""


class ConstraintFailed(ModelError):
    """The grammar could not be compiled, or the matcher reported an error."""

    exit_code = 3


class PlanTruncated(ModelError):
    """The token budget ended before the plan did. `text` is what had been written."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", text: str = "", **details: object) -> None:
        super().__init__(message, hint=hint, text=text, **details)
        self.text = text


class PlanInvalid(ModelError):
    """A finished text that is not a valid plan. `findings` say why; `text` is the text itself."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        text: str = "",
        findings: Sequence[Mapping[str, Any]] = (),
        **details: object,
    ) -> None:
        super().__init__(message, hint=hint, text=text, findings=list(findings), **details)
        self.text = text
        self.findings = tuple(findings)


class BackendError(AgxError):
    """What generates the text failed."""

    retryable = True


class BackendUnreachable(BackendError):
    """No connection to the backend, or to the server that a model comes from."""

    exit_code = 5


class DeadlineExceeded(BackendError):
    """The time limit of the request ran out."""

    exit_code = 6


class WorkerDied(BackendError):
    """The process around llama.cpp ended: by which signal, in which stage, with what last log line."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        signal: str | None = None,
        stage: str = "",
        last_log_line: str = "",
        **details: object,
    ) -> None:
        known = {"signal": signal, "stage": stage, "last_log_line": last_log_line}
        super().__init__(message, hint=hint, **known, **details)
        self.signal = signal
        self.stage = stage
        self.last_log_line = last_log_line


class RunError(AgxError):
    """A plan that was started and did not reach its end. `result` says what became of every task.

    It is a `RunResult` of `agx.run.record`, and None in an error that was rebuilt from its JSON form.
    """

    exit_code = 7

    def __init__(self, message: str, *, hint: str = "", **details: object) -> None:
        super().__init__(message, hint=hint, **details)
        self.result: Any = None


class TaskFailed(RunError):
    """A task could not be started, was killed, or ended with an exit code that means failure."""


class TaskTimedOut(RunError):
    """A task ran into its time limit and was ended, with all that it had started."""

    exit_code = 6


class MachineError(AgxError):
    """This machine: memory, files."""


class OutOfMemory(MachineError):
    """An allocation failed."""


class StorageError(MachineError):
    """A file cannot be written or read."""


def _tree(root: type[AgxError]) -> dict[str, type[AgxError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def from_dict(data: Mapping[str, Any]) -> AgxError:
    """Rebuild an error from `AgxError.as_dict`: how errors cross the worker's pipe."""
    kind = _tree(AgxError).get(str(data.get("code")), AgxError)
    details = dict(data.get("details") or {})
    error = kind(str(data.get("message", "")), hint=str(data.get("hint", "")), **details)
    error.retryable = bool(data.get("retryable", kind.retryable))
    return error
