"""Finished plans: one file each, named by its id, in one folder.

A file holds the plan's JSON with its `findings` beside, so it can be given to whatever reads plans.
An id is a ULID and sorts by the time it was made, so that only what is shown has to be opened.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agx.errors import PlanInvalid, StorageError, UsageError
from agx.plan.schema import Finding, Plan, id_time_ms
from agx.plan.tools import Registry
from agx.plan.validation import exact
from agx.risk.assess import with_risk
from agx.unix.registry import unix_registry
from agx.util.files import read_bytes, replace_file
from agx.util.frozen import dataclass

MAX_BYTES = 8 << 20
MAX_SHOWN = 5
_FILE_NAME = re.compile(r"(plan_[0-9a-z]{1,64})\.json")
_LIST_HINT = "`agx plan list` shows what is stored"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A finished plan: what it is, what was found in it, when it was made and its file."""

    plan: Plan
    findings: tuple[Mapping[str, Any], ...]
    made: datetime
    path: Path

    def as_dict(self) -> dict[str, Any]:
        """Return the short form of a list."""
        return {
            "plan_id": self.plan.plan_id,
            "made": self.made.isoformat(timespec="seconds"),
            "instruction": self.plan.instruction,
            "commands": [task.command for task in self.plan.tasks],
            "path": str(self.path),
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """Plans, the newest first. `unreadable` are files that hold none, each with the reason."""

    plans: tuple[StoredPlan, ...]
    unreadable: tuple[str, ...] = ()


class PlanStore:
    """The finished plans in the folder `folder`. `registry` judges the risk of what is read."""

    def __init__(self, folder: Path, *, registry: Registry | None = None) -> None:
        self.folder = folder
        self._registry = registry

    def __repr__(self) -> str:
        return f"<PlanStore {self.folder}>"

    def save(self, plan: Plan, findings: Sequence[Finding] = ()) -> Path:
        """Store a plan, in place of one with the same id; returns its file. Raises `StorageError`.

        Only the owner can read the files, since a plan may be private. They are written whole, without
        waiting for the disk.
        """
        data = plan.to_dict() | {"findings": [finding.model_dump(exclude_none=True) for finding in findings]}
        path = self.folder / f"{plan.plan_id}.json"
        text = (json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
        if len(text) > MAX_BYTES:
            raise StorageError(
                f"the plan is larger than {MAX_BYTES >> 20} MiB", hint="put long texts into files"
            )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, text, is_durable=False)
        except OSError as error:
            raise StorageError(
                f"{self.folder} cannot be written: {error.strerror}",
                hint="set AGX_HOME to a folder that is yours",
            ) from error
        return path

    def get(self, name: str) -> StoredPlan:
        """Return the plan of an id, or of the beginning of one, with or without `plan_`.

        Raises `UsageError` where none or several begin so, and `StorageError`.
        """
        wanted = name.lower().removesuffix(".json")
        wanted = wanted if wanted.startswith("plan_") else f"plan_{wanted}"
        found = [plan_id for plan_id in self._ids() if plan_id.startswith(wanted)]
        if not found or wanted == "plan_":
            raise UsageError(f"no stored plan has the id {name!r:.80}", hint=_LIST_HINT)
        if len(found) > 1 and wanted not in found:
            more = "" if len(found) <= MAX_SHOWN else " and more"
            raise UsageError(
                f"{len(found)} stored plans have an id that begins with {name!r:.80}",
                hint=f"write more of it: {', '.join(found[:MAX_SHOWN])}{more}",
            )
        return self._read(wanted if wanted in found else found[0])

    def find(self, *, search: str = "", limit: int | None = None) -> Listing:
        """Return the newest plans, at most `limit`; raises `StorageError` where the folder cannot be read.

        `search` keeps those whose instruction, commands or arguments have every one of its words, in
        any case. A file that holds no plan is listed as unreadable.
        """
        words = search.lower().split()
        plans: list[StoredPlan] = []
        unreadable: list[str] = []
        for plan_id in self._ids():
            if limit is not None and len(plans) >= limit:
                break
            try:
                stored = self._read(plan_id)
            except StorageError as error:
                unreadable.append(error.message)
                continue
            text = _searched(stored.plan) if words else ""
            if all(word in text for word in words):
                plans.append(stored)
        return Listing(tuple(plans), tuple(unreadable))

    def _ids(self) -> list[str]:
        """Return the ids of all files, the newest first."""
        try:
            return [plan_id for _, plan_id in sorted(self._dated_ids(), reverse=True)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StorageError(
                f"{self.folder} cannot be read: {error.strerror}", hint="check the folder's rights"
            ) from error

    def _dated_ids(self) -> Iterator[tuple[float, str]]:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                match = _FILE_NAME.fullmatch(entry.name)
                if match is not None:
                    yield id_time_ms(match[1]) or entry.stat().st_mtime * 1000, match[1]

    def _read(self, plan_id: str) -> StoredPlan:
        path = self.folder / f"{plan_id}.json"
        try:
            data = read_bytes(path, limit=MAX_BYTES)
            if data is None:
                raise _unusable(path, "it is gone")
            made_ms = id_time_ms(plan_id) or path.stat().st_mtime * 1000
        except OSError as error:
            raise _unusable(path, str(error.strerror)) from error
        if len(data) > MAX_BYTES:
            raise _unusable(path, f"it is larger than {MAX_BYTES >> 20} MiB")
        try:
            found = json.loads(data)
            findings = found.pop("findings", ())
            plan = with_risk(exact(Plan, found), self._registry or unix_registry())
        except PlanInvalid as error:
            raise _unusable(path, error.message) from error
        except (ValueError, RecursionError, AttributeError, TypeError):
            raise _unusable(path, "it is no JSON object") from None
        rows = tuple(row for row in findings if isinstance(row, dict)) if isinstance(findings, list) else ()
        return StoredPlan(plan, rows, datetime.fromtimestamp(made_ms / 1000, UTC), path)


def _searched(plan: Plan) -> str:
    tasks = json.dumps([task.written() for task in plan.tasks], ensure_ascii=False)
    return f"{plan.plan_id} {plan.instruction} {tasks}".lower()


def _unusable(path: Path, reason: str) -> StorageError:
    return StorageError(f"{path} holds no plan: {reason}", hint="remove the file, or mend it")
