"""A folder of computed bytes that may be lost: each checked when it is read, all bounded in size.

A blob is a file: one line of JSON that says what it is of, what it is and its SHA-256, and then its bytes.
Reading gives nothing where anything differs, and removes what is damaged. Writing never fails: a folder that
is full, read-only or gone only means that the bytes are computed again. The blobs that were used longest ago
are removed when there is no room; a file's time stamp is the time of its last use.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agx.util.files import replace_file
from agx.util.frozen import dataclass

SUFFIX = ".blob"
MAX_HEADER_BYTES = 64 << 10
_NAME = re.compile(r"[0-9a-f]{64}\.blob")
_VERSION = 1

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of the folder: what it is of, its size in bytes, and when it was last used (Unix time)."""

    path: Path
    facts: Facts
    size_bytes: int
    used_secs: float


class BlobCache:
    """The blobs in a folder, which need not exist, of at most `limit_bytes` together."""

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    def __contains__(self, facts: Facts) -> bool:
        return self._path(facts).is_file()

    def get(self, facts: Facts) -> bytes | None:
        """Return the bytes that were computed of just this, or None."""
        path = self._path(facts)
        try:
            with path.open("rb") as file:
                header = _header(file.readline(MAX_HEADER_BYTES))
                # A file cannot say that it is larger than it is and make us wait for it.
                data = file.read() if header else b""
        except OSError:
            return None
        if header is None or header["facts"] != dict(facts) or header["sha256"] != _sha256(data):
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return data

    def put(self, facts: Facts, data: bytes) -> bool:
        """Keep what was computed; False where there is no room for it or it cannot be written."""
        header = {"version": _VERSION, "facts": dict(facts), "sha256": _sha256(data)}
        whole = json.dumps(header, separators=(",", ":")).encode() + b"\n" + data
        if len(whole) > self.limit_bytes:
            return False
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room(len(whole))
            replace_file(self._path(facts), whole, is_durable=False)
        except OSError:
            return False
        return True

    def blobs(self) -> Iterator[Blob]:
        """Yield what is there, the last used first; what cannot be read has no facts."""
        found = []
        for path in self._paths():
            try:
                status = path.stat()
                with path.open("rb") as file:
                    header = _header(file.readline(MAX_HEADER_BYTES))
            except OSError:
                continue  # removed meanwhile
            facts = {} if header is None else header["facts"]
            found.append(Blob(path, facts, status.st_size, status.st_mtime))
        yield from sorted(found, key=lambda blob: blob.used_secs, reverse=True)

    def remove(self, blob: Blob) -> bool:
        """Remove a blob; False where it is gone already. Raises `OSError`."""
        try:
            blob.path.unlink()
        except FileNotFoundError:
            return False
        return True

    def _make_room(self, num_bytes: int) -> None:
        blobs = list(self.blobs())
        used = sum(blob.size_bytes for blob in blobs)
        while blobs and used + num_bytes > self.limit_bytes:
            oldest = blobs.pop()
            self.remove(oldest)
            used -= oldest.size_bytes

    def _paths(self) -> list[Path]:
        try:
            return [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError:
            return []

    def _path(self, facts: Facts) -> Path:
        name = _sha256(json.dumps(dict(facts), sort_keys=True).encode())
        return self.folder / f"{name}{SUFFIX}"


def _header(line: bytes) -> dict[str, Any] | None:
    """Return the first line of a blob; None for one that is not of this form."""
    try:
        header = json.loads(line)
        is_known = header["version"] == _VERSION and isinstance(header["sha256"], str)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return header if is_known and isinstance(header.get("facts"), dict) else None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
