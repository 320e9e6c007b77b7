"""What was fetched into a models folder, from where, with which hash: `manifest.json` in it.

A manifest that cannot be read is an empty one: the models are there all the same, and only where they
came from is forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agx.errors import StorageError
from agx.util.files import locked, read_bytes, replace_file

NAME = "manifest.json"
MAX_BYTES = 16 << 20
_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Record:
    """One file: its name in the folder, what was pulled, its hash and size, and the server's tag for it."""

    file: str
    source: str
    sha256: str
    size_bytes: int
    tag: str = ""


class Manifest:
    """The records of one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def records(self) -> dict[str, Record]:
        """Return the records by file name."""
        try:
            raw = read_bytes(self._path, limit=MAX_BYTES)
            rows = json.loads(raw or b"{}")["files"]
            found = [_record(name, row) for name, row in rows.items()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}
        return {record.file: record for record in found if record is not None}

    def add(self, record: Record) -> None:
        """Write a record down; raises `StorageError`."""
        self._change({record.file: record}, gone=())

    def forget(self, files: Iterable[str]) -> None:
        """Take records away; raises `StorageError`."""
        self._change({}, gone=files)

    def _change(self, new: dict[str, Record], *, gone: Iterable[str]) -> None:
        try:
            with locked(self._path):
                records = self.records() | new
                for name in gone:
                    records.pop(name, None)
                rows = {name: _row(records[name]) for name in sorted(records)}
                data = json.dumps({"version": _VERSION, "files": rows}, indent=1)
                replace_file(self._path, data.encode())
        except OSError as error:
            raise StorageError(
                f"{self._path} cannot be written: {error.strerror}", hint="look at the folder's rights"
            ) from error


def _row(record: Record) -> dict[str, Any]:
    return {key: value for key, value in asdict(record).items() if key != "file"}


def _record(name: str, row: dict[str, Any]) -> Record | None:
    record = Record(
        name, str(row["source"]), str(row["sha256"]), int(row["size_bytes"]), str(row.get("tag", ""))
    )
    return record if _SHA256.fullmatch(record.sha256) else None
