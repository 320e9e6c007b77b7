"""Sharing a model with Ollama, which keeps files by their SHA-256, so that only missing ones are sent.

The card lists the model's files. Each is hashed, looked up, and sent if it is missing. Then Ollama creates a
model of them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agx.errors import AgxError, ModelUnloadable, StorageError, Unsupported, UsageError
from agx.models.fetch.watcher import SilentWatcher, Watcher
from agx.models.hashes import HashMemory, checked_sha256, file_version
from agx.models.ollama.api import OllamaApi, version_numbers
from agx.models.ollama.host import ollama_url
from agx.models.ollama.in_place import OllamaName

SPLIT_SINCE = (0, 35)  # earlier versions cannot load the models that they create of split files
_PIECE_BYTES = 1 << 20
_TICK_SECS = 0.2
# Characters that Ollama does not take for a path, and JSON can carry.
_NOT_IN_NAMES = re.compile(r"[\\:/\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Shared:
    """The result: the model's name and server, the SHA-256 of its files, and the bytes sent.

    `is_new` is False where Ollama had exactly this model under this name already.
    """

    model: str
    server: str
    files: Mapping[str, str]
    sent_bytes: int
    is_new: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "model": self.model,
            "server": self.server,
            "sha256": dict(self.files),
            "sent_bytes": self.sent_bytes,
            "is_new": self.is_new,
        }


def share_with_ollama(
    files: Sequence[Path],
    name: str,
    *,
    memory: HashMemory,
    replace: bool = False,
    watcher: Watcher | None = None,
) -> Shared:
    """Create the model `name` in a running Ollama, from one GGUF file or the parts of one model.

    `OLLAMA_HOST` says where Ollama runs, `memory` remembers hashes, and `replace` allows replacing another
    model of this name. Raises `UsageError`, `ConfigError` and `Unsupported` for impossible requests,
    `ModelUnloadable` for a file that is damaged or changes meanwhile, `StorageError` for one that
    cannot be read, and the errors of `OllamaApi`.
    """
    known = OllamaName.parse(name)
    watcher = watcher or SilentWatcher()
    with OllamaApi(ollama_url(os.environ)) as api:
        _check_version(api, num_files=len(files))
        there = api.modelfile(str(known))
        parts = [_Part.of(path, memory, watcher) for path in files]
        digests = {part.name: part.digest for part in parts}
        if there is not None:
            if all(f"sha256-{digest}" in there for digest in digests.values()):
                return Shared(str(known), api.url, digests, 0, is_new=False)
            if not replace:
                raise UsageError(
                    f"Ollama has another model {known} already",
                    hint="give another name, or --replace to have this one in its place",
                )
        missing = [part for part in parts if not api.has_blob(part.digest)]
        for part in missing:
            part.send(api, watcher)
        for _ in api.create(str(known), {file: f"sha256:{digest}" for file, digest in digests.items()}):
            pass  # the steps are too short to show
    return Shared(str(known), api.url, digests, sum(part.version[0] for part in missing), is_new=True)


def _check_version(api: OllamaApi, *, num_files: int) -> None:
    version = api.version()
    if num_files > 1 and version_numbers(version) < SPLIT_SINCE:
        raise Unsupported(
            f"the model is in {num_files} files, and Ollama {version[:40]} takes only whole ones",
            hint="update Ollama to 0.35 or later, or put the files together with llama-gguf-split --merge",
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: its name for Ollama, its SHA-256, and the version (size, time stamp) with that hash."""

    path: Path
    name: str
    digest: str
    version: tuple[int, int]

    @classmethod
    def of(cls, path: Path, memory: HashMemory, watcher: Watcher) -> _Part:
        """Return a file with its hash, computed or remembered."""
        try:
            version = file_version(path)
            digest = _hashed(path, memory, version=version, watcher=watcher)
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(path, file_name(path), digest, version)

    def send(self, api: OllamaApi, watcher: Watcher) -> None:
        """Send the file; Ollama hashes it again."""
        size_bytes = self.version[0]
        with _shown(f"sending {self.name}", size_bytes, watcher) as count:
            try:
                api.send_blob(self.digest, self._pieces(count), size_bytes=size_bytes)
            except AgxError:
                self._check_unchanged()  # which explains more than its consequence
                raise

    def _pieces(self, count: Callable[[int], None]) -> Iterator[bytes]:
        """Yield exactly the bytes of this version of the file."""
        left = self.version[0]
        try:
            with self.path.open("rb", buffering=0) as file:
                while left:
                    data = file.read(min(left, _PIECE_BYTES))
                    if not data:
                        raise self._changed()
                    left -= len(data)
                    yield data
                    count(len(data))
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def _check_unchanged(self) -> None:
        try:
            is_changed = file_version(self.path) != self.version
        except OSError:
            is_changed = True
        if is_changed:
            raise self._changed()

    def _changed(self) -> ModelUnloadable:
        return ModelUnloadable(
            f"the model {self.path} was changed while it was sent",
            hint="wait until whatever writes it is done, and try again",
            path=str(self.path),
        )


def file_name(path: Path) -> str:
    """Return a file's name for Ollama: its own, without characters of a path."""
    name = _NOT_IN_NAMES.sub("_", path.name)
    return name if name.endswith(".gguf") else f"{name}.gguf"


def _hashed(path: Path, memory: HashMemory, *, version: tuple[int, int], watcher: Watcher) -> str:
    if memory.get(path) is not None:
        watcher = SilentWatcher()  # there is nothing to wait for
    done = 0
    with _shown(f"reading {file_name(path)}", version[0], watcher) as count:

        def goes_on(read: int) -> bool:
            nonlocal done
            count(read - done)
            done = read
            return True

        digest = checked_sha256(path, memory, version=version, goes_on=goes_on)
    assert digest is not None, "nobody gives it up"
    return digest


@contextmanager
def _shown(what: str, size_bytes: int, watcher: Watcher) -> Iterator[Callable[[int], None]]:
    """Show a transfer to the watcher; yields a function that counts bytes and ticks now and then."""
    ticked_at = time.monotonic()

    def count(num_bytes: int) -> None:
        nonlocal ticked_at
        watcher.received(num_bytes)
        if time.monotonic() - ticked_at >= _TICK_SECS:
            ticked_at = time.monotonic()
            watcher.tick()

    watcher.started(what, size_bytes=size_bytes, have_bytes=0)
    try:
        yield count
    finally:
        watcher.finished()


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"the model {path} cannot be read: {error.strerror}", hint="check who may read it")
