"""What was pulled into a models folder: its manifest, and how a name leads to a file without a network.

`manifest.json` records where each file came from, with its hash. A manifest that cannot be read counts as
empty: the models are still there, and only their origin is forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agx.errors import AgxError, ModelMissing, StorageError
from agx.models.catalog import load_catalog
from agx.models.fetch.hub import Listed, choose, parts_of
from agx.models.fetch.sources import HubChoice, HubFile, Source, WebFile, parse_source
from agx.util.files import locked, read_bytes, replace_file

NAME = "manifest.json"
MAX_BYTES = 16 << 20
_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Record:
    """One file: its name in the folder, its source, hash and size, and the server's tag."""

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
        """Add a record, or replace it; raises `StorageError`."""
        self._change({record.file: record}, gone=())

    def forget(self, files: Iterable[str]) -> None:
        """Remove the records of these files; raises `StorageError`."""
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


def known_source(text: str) -> Source | None:
    """Return the source that a name means, by its form or by the catalogue; None where neither knows it.

    Raises `UsageError` for a name that no model to fetch can have.
    """
    source = parse_source(text)
    entry = None if source is not None else load_catalog().get(text.lower())
    if entry is None:
        return source
    return HubChoice(entry.repository, entry.quantisation, preferred=entry.file)


def pulled_file(text: str, folder: Path | None) -> Path | None:
    """Return the file of a model that was pulled as `text`; None where `text` names no model to fetch.

    Raises `ModelMissing` where it has not been pulled, and `UsageError`.
    """
    source = known_source(text)
    if source is None or isinstance(source, WebFile):
        return None
    records = None if folder is None else find_pulled(source, Manifest(folder))
    if folder is None or records is None or not (folder / records[0].file).is_file():
        raise ModelMissing(f"the model {text} has not been pulled", hint=f"pull it: agx models pull {text}")
    return folder / records[0].file


def find_pulled(source: Source, manifest: Manifest) -> list[Record] | None:
    """Return the records of a model's files; None where it was not pulled or the name is ambiguous."""
    by_source = {record.source: record for record in manifest.records().values()}
    if isinstance(source, HubChoice):
        chosen = _chosen(source, by_source)
        if chosen is None:
            return None
        source = chosen
    wanted = [str(source)]
    if isinstance(source, HubFile):
        wanted = [str(replace(source, path=path)) for path in parts_of(source.path)]
    found = [by_source[name] for name in wanted if name in by_source]
    return found if len(found) == len(wanted) else None


def _chosen(source: HubChoice, by_source: Mapping[str, Record]) -> HubFile | None:
    begin = f"{HubFile(source.repository, '')}"
    files = [Listed(name.removeprefix(begin), 0) for name in by_source if name.startswith(begin)]
    try:
        return HubFile(source.repository, choose(files, source).path)
    except AgxError:
        return None
