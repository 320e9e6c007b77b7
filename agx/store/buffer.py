"""The buffer: the plan that is being built, in one file with the states before.

Every change reads the file, changes what is there now, and replaces the file, under a lock: of two
processes that change it at once, the second sees what the first has done. Reading needs no lock,
because the file is whole at every moment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agx.errors import PlanInvalid, StorageError, UsageError
from agx.plan.open_plan import OpenPlan
from agx.plan.validation import exact
from agx.util.files import locked, read_bytes, replace_file

VERSION = 1
MAX_STEPS = 50
MAX_BYTES = 8 << 20
_BEGIN_HINT = 'begin one: agx plan new, or agx plan add "…"'


Edit = Callable[[OpenPlan | None], tuple[OpenPlan, str]]


@dataclass(frozen=True, slots=True)
class Step:
    """One change: what was done, in words, and the plan before it (None: there was none)."""

    done: str
    before: OpenPlan | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a buffer holds: the plan, and the changes that can be undone, the last one last."""

    plan: OpenPlan | None = None
    steps: tuple[Step, ...] = ()


def require_plan(plan: OpenPlan | None) -> OpenPlan:
    """Return the plan; raises `UsageError` where none was begun."""
    if plan is None:
        raise UsageError("no plan is being built", hint=_BEGIN_HINT)
    return plan


class PlanBuffer:
    """The plan that is being built, in the file `path`; safe to use from many processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<PlanBuffer {self.path}>"

    def read(self) -> OpenPlan | None:
        """Return the plan, or None where none was begun; raises `StorageError`."""
        return self.contents().plan

    def current(self) -> OpenPlan:
        """Return the plan; raises `UsageError` where none was begun, and `StorageError`."""
        return require_plan(self.read())

    def contents(self) -> Contents:
        """Return the plan and its history; raises `StorageError` where the file cannot be read."""
        try:
            data = read_bytes(self.path, limit=MAX_BYTES)
        except (OSError, ValueError) as error:
            raise self._failed("read", error) from error
        return Contents() if data is None else self._parsed(data)

    def change(self, edit: Edit) -> tuple[OpenPlan, str]:
        """Change the plan: `edit` takes it as it is now, and returns the new one and what was done.

        Returns what `edit` returned. What `edit` raises leaves everything as it was. Raises `StorageError`.
        """

        def stepped(contents: Contents) -> Contents:
            plan, done = edit(contents.plan)
            return Contents(plan, (*contents.steps, Step(done, contents.plan))[-MAX_STEPS:])

        changed = self._rewrite(stepped)
        assert changed.plan is not None, "an edit returns a plan"
        return changed.plan, changed.steps[-1].done

    def undo(self, count: int = 1) -> tuple[str, ...]:
        """Take back the last changes; returns what they had done, the last first.

        Raises `UsageError` where there are fewer, and `StorageError`.
        """
        undone: list[str] = []

        def stepped_back(contents: Contents) -> Contents:
            if not 1 <= count <= len(contents.steps):
                raise _too_few(len(contents.steps), count)
            gone = contents.steps[-count:]
            undone.extend(step.done for step in reversed(gone))
            return Contents(gone[0].before, contents.steps[:-count])

        self._rewrite(stepped_back)
        return tuple(undone)

    def set_aside(self) -> Path | None:
        """Rename a file that cannot be read, so that a new plan can be begun.

        Returns its new name, or None where the file is in order or missing. Raises `StorageError`.
        """
        try:
            self.contents()
        except StorageError as error:
            if not self.path.is_file():
                raise
            aside = self.path.with_name(f"{self.path.name}.unreadable")
            try:
                self.path.replace(aside)
            except OSError as problem:
                raise self._failed("written", problem) from error
            return aside
        return None

    def _rewrite(self, change: Callable[[Contents], Contents]) -> Contents:
        try:
            path = self.path.resolve()  # a link stays, and the file it points to is replaced
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path):
                changed = change(self.contents())
                replace_file(path, self._text(changed))
        except OSError as error:
            raise self._failed("written", error) from error
        return changed

    def _text(self, contents: Contents) -> bytes:
        """Write the contents, with as many states before as fit; raises `UsageError` where none does."""
        plan = _json(None if contents.plan is None else contents.plan.to_dict())
        left_bytes = MAX_BYTES - len(plan) - 100
        if left_bytes < 0:
            raise UsageError(
                f"the plan would be larger than {MAX_BYTES >> 20} MiB", hint="put long texts into files"
            )
        rows: list[bytes] = []
        for step in reversed(contents.steps):
            before = None if step.before is None else step.before.to_dict()
            row = _json({"done": step.done, "before": before})
            left_bytes -= len(row) + 2
            if left_bytes < 0:
                break
            rows.insert(0, row)
        return b'{"version": %d,\n"plan": %b,\n"history": [%b]}\n' % (VERSION, plan, b",\n".join(rows))

    def _parsed(self, data: bytes) -> Contents:
        if len(data) > MAX_BYTES:
            raise self._spoilt(f"it is larger than {MAX_BYTES >> 20} MiB")
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise self._spoilt("it is no JSON") from None
        if not isinstance(found, dict) or not isinstance(found.get("history"), list):
            raise self._spoilt("it has another form")
        if found.get("version") != VERSION:
            raise self._spoilt(f"it has the version {found.get('version')!r:.20}")
        try:
            steps = tuple(Step(str(row["done"]), _plan(row["before"])) for row in found["history"])
            return Contents(_plan(found.get("plan")), steps)
        except PlanInvalid as error:
            raise self._spoilt(error.message) from error
        except (KeyError, TypeError):
            raise self._spoilt("its history has another form") from None

    def _spoilt(self, reason: str) -> StorageError:
        return StorageError(
            f"{self.path} holds no plan that is being built: {reason}",
            hint="`agx plan new --force` puts the file aside and begins anew",
        )

    def _failed(self, what: str, error: OSError | ValueError) -> StorageError:
        reason = error.strerror if isinstance(error, OSError) else error
        return StorageError(
            f"the plan that is being built cannot be {what}: {self.path}: {reason}",
            hint="set AGX_HOME to a folder that is yours, or name a file with --buffer",
        )


def _too_few(num_steps: int, count: int) -> UsageError:
    if num_steps == 0:
        return UsageError("there is nothing to undo", hint=_BEGIN_HINT)
    return UsageError(f"{count} changes cannot be undone", hint=f"there are {num_steps}")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _plan(data: Any) -> OpenPlan | None:  # noqa: ANN401  JSON
    return None if data is None else exact(OpenPlan, data)
