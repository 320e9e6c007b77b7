"""A model's file as its backend sees it: its hash, computed while the model is loaded."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from agx.errors import AgxError, ModelMissing, StorageError, UsageError
from agx.gguf.shards import part_paths
from agx.models.hashes import HashMemory, checked_sha256, file_version

# The files of a model in order, each with its size and time stamp.
Versions = dict[Path, tuple[int, int]]


class ModelHash:
    """The SHA-256 of a model, computed in a thread of its own and once for each version of its file.

    That of a model in several parts is the SHA-256 of its parts' hashes in order, in hexadecimal, so
    that every part's name gives the same. `parts` tells which files these are.

    The thread is not one of the event loop's: those are waited for when a program ends, and a large
    file takes long. A file whose name says its hash, as Ollama's blobs do, has to have it.
    """

    def __init__(
        self,
        path: Path,
        memory: HashMemory,
        *,
        parts: Callable[[Path], Sequence[Path]] = part_paths,
    ) -> None:
        self._path = path
        self._parts = parts
        self._memory = memory
        self._versions: Versions = {}
        self._result: Future[str] | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin, where this version of the file has not been begun; returns at once."""
        try:
            versions = {path: file_version(path) for path in self._parts(self._path)}
        except OSError as error:
            raise ModelMissing(f"the model file {self._path} is gone", hint="put it back") from error
        if versions == self._versions:
            return
        self._versions, self._result = versions, Future()
        # From here on, whoever stops waiting for it does not cancel it for the others.
        self._result.set_running_or_notify_cancel()
        threading.Thread(
            target=self._run, args=(self._result, versions), name="agx-hash", daemon=True
        ).start()

    async def value(self) -> str:
        """Wait for the hash, in hexadecimal.

        Raises `StorageError` when the file cannot be read, and `ModelUnloadable` where it is not what
        its name says, or was changed meanwhile.
        """
        assert self._result is not None, "start() comes first"
        if self._result.done():
            return self._result.result()
        return await asyncio.wrap_future(self._result)

    def stop(self) -> None:
        """Give up what is under way."""
        self._stop.set()

    def _run(self, result: Future[str], versions: Versions) -> None:
        try:
            result.set_result(self._computed(versions))
        except OSError as error:
            result.set_exception(
                StorageError(
                    f"the model {self._path} cannot be read: {error.strerror}",
                    hint="check its rights, and the disk that it is on",
                )
            )
        except AgxError as error:
            result.set_exception(error)

    def _computed(self, versions: Versions) -> str:
        digests = [self._digest(path, version) for path, version in versions.items()]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def _digest(self, path: Path, version: tuple[int, int]) -> str:
        digest = checked_sha256(
            path, self._memory, version=version, goes_on=lambda _: not self._stop.is_set()
        )
        if digest is None:
            raise UsageError("the backend was closed before the model's hash was known")
        return digest
