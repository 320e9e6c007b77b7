"""A model's file as its backend sees it: whether it can be one, and its hash."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from concurrent.futures import Future
from pathlib import Path

from agx.errors import ModelMissing, ModelUnloadable, StorageError, UsageError

GGUF_MAGIC = b"GGUF"
HASH_BYTES = 1 << 20


def check_model_file(path: Path) -> None:
    """Raise `ModelMissing` or `ModelUnloadable` for what is no GGUF file at first sight."""
    hint = "give the path of a GGUF file, or leave the model out for the built-in planner"
    try:
        if path.is_dir():
            raise ModelUnloadable(f"the model {path} is a folder", hint=f"name one of its files: {hint}")
        if path.exists() and not path.is_file():
            raise ModelUnloadable(f"the model {path} is no ordinary file", hint=hint)
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except (FileNotFoundError, NotADirectoryError):
        raise ModelMissing(f"there is no model file {path}", hint=hint) from None
    except (OSError, ValueError) as error:
        raise ModelUnloadable(f"the model {path} cannot be read: {error}", hint=hint) from error
    if not magic:
        raise ModelUnloadable(f"the model {path} is empty", hint="fetch the file again")
    if magic != GGUF_MAGIC:
        raise ModelUnloadable(f"{path} is no GGUF file: it begins with {magic!r}", hint=hint)


class ModelHash:
    """The SHA-256 of a file, computed in a thread of its own and once for each version of the file.

    The thread is not one of the event loop's: those are waited for when a program ends, and a large
    file takes long.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._result: Future[str] | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin, where this version of the file has not been begun; returns at once."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise ModelMissing(f"the model file {self._path} is gone", hint="put it back") from error
        version = (status.st_size, status.st_mtime_ns)
        if version == self._version:
            return
        self._version, self._result = version, Future()
        # From here on, whoever stops waiting for it does not cancel it for the others.
        self._result.set_running_or_notify_cancel()
        threading.Thread(target=self._run, args=(self._result,), name="agx-hash", daemon=True).start()

    async def value(self) -> str:
        """Wait for the hash, in hexadecimal; raises `StorageError` when the file cannot be read."""
        assert self._result is not None, "start() comes first"
        if self._result.done():
            return self._result.result()
        return await asyncio.wrap_future(self._result)

    def stop(self) -> None:
        """Give up what is under way."""
        self._stop.set()

    def _run(self, result: Future[str]) -> None:
        digest = hashlib.sha256()
        try:
            with self._path.open("rb") as file:
                while not self._stop.is_set() and (data := file.read(HASH_BYTES)):
                    digest.update(data)
        except OSError as error:
            result.set_exception(StorageError(f"the model {self._path} cannot be read: {error}"))
            return
        if self._stop.is_set():
            result.set_exception(UsageError("the backend was closed before the model's hash was known"))
        else:
            result.set_result(digest.hexdigest())
