"""A file on a server, and what the server's first answer says of it."""

from __future__ import annotations

from dataclasses import dataclass

from agx.errors import ModelUnloadable
from agx.models.fetch.http import HttpClient, Place
from agx.models.fetch.part import Version
from agx.models.fetch.retrying import Patience, with_patience
from agx.models.fetch.watching import Watcher

MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to fetch: where it is, what it is called in records, and what is known of it beforehand."""

    place: Place
    source: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server's first answer says. `sha256` is what the content has to have, where that is known."""

    version: Version
    sha256: str | None
    has_ranges: bool


async def look_up(http: HttpClient, remote: Remote, *, patience: Patience, watcher: Watcher) -> Facts:
    """Ask for the first bytes: what the file is, and whether it can be a model at all.

    Raises `ModelUnloadable` for what is no GGUF file, before anything of it is fetched.
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
