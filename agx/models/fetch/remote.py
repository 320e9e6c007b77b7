"""A file on a server: asking for it with patience, what the first answer says, and room for it here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from agx.errors import BackendUnreachable, ModelUnloadable, StorageError
from agx.gguf.placement import size_text
from agx.gguf.source import MAGIC
from agx.models.fetch.http import HttpClient
from agx.models.fetch.part import Version, stored_bytes
from agx.models.fetch.refusals import Location, Lost
from agx.models.fetch.watcher import Watcher

SPARE_BYTES = 64 << 20  # what a disk should have left
_T = TypeVar("_T")
_FIRST_TRIES = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """How many times in a row something may fail, and the seconds between tries, which double each time.

    A server may ask for a longer wait, up to `longest_asked_secs`.
    """

    tries: int = 8
    first_secs: float = 0.5
    longest_secs: float = 30.0
    longest_asked_secs: float = 300.0

    def wait_secs(self, failures: int, lost: Lost) -> float:
        """Return the wait after this many failures in a row; raises `BackendUnreachable` to give up."""
        wait = min(self.first_secs * 2.0 ** (failures - 1), self.longest_secs)
        asked = lost.wait_secs or 0.0
        if failures >= self.tries or asked > self.longest_asked_secs:
            later = f"in {asked / 60:.0f} minutes" if asked > self.longest_asked_secs else "later"
            advice = f"{lost.advice}, or try again" if lost.advice else "try again"
            raise BackendUnreachable(
                lost.reason, hint=f"{advice} {later}: the same command goes on with what is there"
            )
        return max(wait, asked)

    @property
    def at_first(self) -> Patience:
        """The patience with a server that has not answered yet, which may not exist at all."""
        return replace(self, tries=min(self.tries, _FIRST_TRIES))


async def with_patience(call: Callable[[], Awaitable[_T]], *, patience: Patience, watcher: Watcher) -> _T:
    """Return the result of the call, which is made again after a `Lost`."""
    failures = 0
    while True:
        try:
            return await call()
        except Lost as lost:
            failures += 1
            wait = patience.wait_secs(failures, lost)
            watcher.waiting(lost.reason, wait_secs=wait)
            await asyncio.sleep(wait)


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to fetch: where it is, what records call it, and its hash where that is known beforehand."""

    place: Location
    source: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server's first answer says. `sha256` is the hash to expect, where one is known."""

    version: Version
    sha256: str | None
    has_ranges: bool


async def look_up(http: HttpClient, remote: Remote, *, patience: Patience, watcher: Watcher) -> Facts:
    """Ask for the first bytes: what the file is, and whether it can be a model.

    Raises `ModelUnloadable` for a file that is not GGUF, before anything of it is stored.
    """

    async def ask() -> Facts:
        async with http.get(remote.place, start=0, end=len(MAGIC)) as answer:
            begin = b""
            async for data in answer.chunks:
                begin += data
                if len(begin) >= len(MAGIC):
                    break
            version = Version(remote.source, answer.tag, answer.size_bytes)
            sha256 = answer.sha256 or remote.sha256
        if begin[: len(MAGIC)] != MAGIC:
            what = f"it begins with {begin[: len(MAGIC)]!r}" if begin else "it is empty"
            raise ModelUnloadable(
                f"{remote.place.label} is no GGUF file: {what}", hint="nothing was kept; check the address"
            )
        return Facts(version, sha256, answer.is_range)

    return await with_patience(ask, patience=patience.at_first, watcher=watcher)


def check_room(folder: Path, versions: Mapping[Path, Version]) -> None:
    """Raise `StorageError` unless the folder's disk has room for the missing bytes of these files."""
    needed = sum(
        max(0, (version.size_bytes or 0) - stored_bytes(target)) for target, version in versions.items()
    )
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed and needed + SPARE_BYTES > free:
        spare = "" if needed > free else f", which would leave less than {size_text(SPARE_BYTES)}"
        raise StorageError(
            f"{next(iter(versions)).name} needs {size_text(needed)} more, "
            f"and {size_text(free)} are free in {place}{spare}",
            hint="free some space, or set AGX_HOME to a folder on another disk",
            needed_bytes=needed,
            free_bytes=free,
        )
