"""SHA-256 of model files: computed once for each version of a file, remembered, and checked.

A version is a path with its size and its time stamp. The memory is a convenience: where it cannot be
read or written, a hash is computed again and nothing else changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agx.errors import ModelUnloadable
from agx.models.ollama.in_place import named_digest
from agx.util.files import locked, read_bytes, replace_file

HASHES_NAME = ".sha256.json"  # in the models folder
READ_BYTES = 1 << 20
MAX_MEMORY_BYTES = 4 << 20
MAX_REMEMBERED = 1000
_WAIT_SECS = 1.0
# A smaller file is hashed faster than it is looked up.
LEAST_REMEMBERED_BYTES = 64 << 20


class HashMemory:
    """Remembers hashes in the file `path`; None remembers nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def get(self, file: Path) -> str | None:
        """Return the remembered hash of a file as it is now, or None."""
        try:
            entry = self._entries().get(str(file.resolve()))
            return entry[2] if entry and entry[:2] == _version(file) else None
        except OSError:
            return None

    def put(self, file: Path, digest: str, *, version: tuple[int, int]) -> None:
        """Remember the hash of a file that had this version: its size in bytes, its time stamp in ns."""
        if self._path is None:
            return
        with contextlib.suppress(Exception):  # a convenience, which may fail
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._path, wait_secs=_WAIT_SECS):
                entries = self._entries()
                entries.pop(str(file.resolve()), None)
                entries[str(file.resolve())] = [*version, digest]
                kept = dict(list(entries.items())[-MAX_REMEMBERED:])
                replace_file(self._path, json.dumps(kept, indent=0).encode())

    def _entries(self) -> dict[str, list[Any]]:
        if self._path is None:
            return {}
        try:
            raw = read_bytes(self._path, limit=MAX_MEMORY_BYTES) or b"{}"
            data = json.loads(raw)
        except (OSError, ValueError, RecursionError):
            return {}
        return (
            {key: entry for key, entry in data.items() if _is_entry(entry)} if isinstance(data, dict) else {}
        )


def file_version(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the time stamp in nanoseconds; raises `OSError`."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def compute_sha256(path: Path, *, goes_on: Callable[[int], bool] = lambda _: True) -> str | None:
    """Return the SHA-256 of a file in hexadecimal, or None once `goes_on` returns false.

    `goes_on` is called before each MiB with the number of bytes read so far. Raises `OSError`.
    """
    digest, done = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while goes_on(done):
            data = file.read(READ_BYTES)
            if not data:
                return digest.hexdigest()
            digest.update(data)
            done += len(data)
    return None


def checked_sha256(
    path: Path,
    memory: HashMemory,
    *,
    version: tuple[int, int],
    goes_on: Callable[[int], bool] = lambda _: True,
) -> str | None:
    """Return the hash of a file in hexadecimal: remembered for this version of it, or computed.

    None comes back once `goes_on`, called with the number of bytes read, returns false. Raises `OSError`,
    and `ModelUnloadable` for a file whose content is not what its name says (Ollama's blobs are named by
    their hash), or which is no longer this version.
    """
    known = memory.get(path)
    if known is not None:
        return known
    digest = compute_sha256(path, goes_on=goes_on)
    if digest is None:
        return None
    if named_digest(path) not in {None, digest}:
        raise ModelUnloadable(
            f"{path} is damaged: its content is not what its name says",
            hint="fetch it again, with ollama pull where it is Ollama's",
            path=str(path),
        )
    if file_version(path) != version:
        raise ModelUnloadable(
            f"the model {path} was changed while it was read",
            hint="wait until whatever writes it is done, and try again",
            path=str(path),
        )
    if version[0] >= LEAST_REMEMBERED_BYTES:
        memory.put(path, digest, version=version)
    return digest


def _version(path: Path) -> list[int]:
    return list(file_version(path))


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, list)
        and [type(item) for item in entry] == [int, int, str]
        and len(entry[2]) == hashlib.sha256().digest_size * 2
    )
