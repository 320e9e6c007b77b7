"""Which inputs have killed a worker, so that none does it for ever."""

from __future__ import annotations

import hashlib

from agx.errors import WorkerDied
from agx.worker.channel import Death
from agx.worker.protocol import Frame, encode

MOST_DEATHS = 2


def worker_died(death: Death, *, stage: str) -> WorkerDied:
    """Make the error that tells of a death."""
    hint = "the next request starts a new one; if it happens again, run 'agx doctor'"
    if death.signal == "SIGBUS":  # a page of the mapped file could not be read
        hint = "the model's file became shorter while it was in use, or its disk fails: fetch it again"
    return WorkerDied(
        f"the worker process {_how(death)} (stage: {stage})",
        hint=hint,
        signal=death.signal,
        stage=stage,
        last_log_line=death.last_log_line,
    )


def _how(death: Death) -> str:
    if death.signal is not None:
        return f"was killed by {death.signal}"
    if death.exit_code is not None:
        return f"ended with exit code {death.exit_code}"
    return "that `agx up` kept is gone"


class Deaths:
    """The deaths in a row that each input has caused. Inputs are compared by the hash of their JSON."""

    def __init__(self) -> None:
        self._by_input: dict[str, list[WorkerDied]] = {}

    def blame(self, request: Frame, error: WorkerDied) -> None:
        """Count a death against an input."""
        self._by_input.setdefault(_key(request), []).append(error)

    def forgive(self, request: Frame) -> None:
        """Forget an input's deaths, because it has just gone well."""
        if self._by_input:
            self._by_input.pop(_key(request), None)

    def is_suspect(self, request: Frame) -> bool:
        """Return whether an input was at work when a worker died, and has not gone well since."""
        return bool(self._by_input) and _key(request) in self._by_input

    def check(self, request: Frame) -> None:
        """Raise `WorkerDied` for an input that has killed the worker twice in a row."""
        deaths = self._by_input.get(_key(request), []) if self._by_input else []
        if len(deaths) < MOST_DEATHS:
            return
        last = deaths[-1]
        error = WorkerDied(
            f"this input is refused: it ended the worker process {len(deaths)} times, "
            f"last by {last.signal or 'an error'} (stage: {last.stage})",
            hint="change the input or use another model; 'agx doctor' checks this machine",
            signal=last.signal,
            stage=last.stage,
            last_log_line=last.last_log_line,
        )
        error.retryable = False
        raise error


def _key(request: Frame) -> str:
    return hashlib.sha256(encode(request)).hexdigest()
