"""Pulling a model: from what was asked for to checked files in the models folder.

A file gets its final name once it has the hub's hash and a readable header. A split model is fetched part
by part.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agx.errors import GgufInvalid, ModelMissing, ModelUnloadable, StorageError, UsageError
from agx.gguf.card import ModelCard, read_card
from agx.gguf.reader import read_header
from agx.models.catalog import load_catalog
from agx.models.fetch.download import Download
from agx.models.fetch.http import HttpClient
from agx.models.fetch.hub import HubAccess, choose, list_files, parts_of, renamed
from agx.models.fetch.part import Part, opened_part
from agx.models.fetch.refusals import Location
from agx.models.fetch.remote import Facts, Patience, Remote, check_room, look_up
from agx.models.fetch.sources import ENDING, HubChoice, HubFile, Source, WebFile, local_name, web_name
from agx.models.fetch.watcher import SilentWatcher, Watcher
from agx.models.hashes import HASHES_NAME, HashMemory, compute_sha256, file_version
from agx.models.pulled import Manifest, Record, find_pulled, known_source
from agx.models.resolve import EMBEDDED
from agx.util.texts import nearest

DEFAULT_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How to pull: the hub, the number of connections, another name for the file, and the patience."""

    access: HubAccess = field(default_factory=HubAccess)
    connections: int = DEFAULT_CONNECTIONS
    name: str | None = None
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Pulled:
    """A pulled model. `name` is what `--model` takes; `was_there`: nothing had to be fetched."""

    name: str
    source: str
    files: tuple[Path, ...]
    sha256: tuple[str, ...]
    card: ModelCard
    was_there: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "source": self.source,
            "files": [str(path) for path in self.files],
            "sha256": list(self.sha256),
            "size_bytes": self.card.size_bytes,
            "was_there": self.was_there,
        }


async def pull(
    text: str, folder: Path, *, options: PullOptions | None = None, watcher: Watcher | None = None
) -> Pulled:
    """Fetch a model into the folder, continue an unfinished download of it, or find it there.

    `text` is a catalogue's name, `hf:owner/repository/file.gguf`, `owner/repository:Q4_K_M` or a URL.
    Raises `UsageError` for any other text, `ModelMissing`, `ModelUnloadable`, `BackendUnreachable` and
    `StorageError`. Cancelling keeps what has arrived.
    """
    source = source_of(text)
    pulling = _Pull(folder, options or PullOptions(), watcher or SilentWatcher())
    if pulling.options.access.is_offline:
        return await asyncio.to_thread(pulling.find, source, text)
    async with HttpClient(connections=pulling.options.connections) as http:
        return await pulling.run(source, http)


def source_of(text: str) -> Source:
    """Return the source that a text means, by its form or by the catalogue; raises `UsageError`."""
    if text == EMBEDDED:
        raise UsageError(
            f"{EMBEDDED} comes with AGX: there is nothing to fetch", hint="plan with it right away"
        )
    source = known_source(text)
    if source is None:
        raise UsageError(
            f"the catalogue has no model {text[:120]!r}{nearest(text, load_catalog())}",
            hint="`agx models list --catalog` shows its names; others are owner/repository:Q4_K_M or a URL",
        )
    return source


@dataclass(frozen=True, slots=True)
class _File:
    """One file of a model: what the server says of it, and its record if it is there."""

    remote: Remote
    target: Path
    facts: Facts
    there: Record | None


class _Pull:
    """One pull into one folder."""

    def __init__(self, folder: Path, options: PullOptions, watcher: Watcher) -> None:
        self._folder = folder
        self.options = options
        self._watcher = watcher
        self._manifest = Manifest(folder)

    async def run(self, source: Source, http: HttpClient) -> Pulled:
        files = [await self._file(remote, name, http) for remote, name in await self._remotes(source, http)]
        versions = {file.target: file.facts.version for file in files if file.there is None}
        check_room(self._folder, versions)
        records = [file.there or await self._fetched(file, http) for file in files]
        return self._pulled(records, was_there=all(file.there for file in files))

    def find(self, source: Source, text: str) -> Pulled:
        """Return a model that was pulled before; no server is asked."""
        records = find_pulled(source, self._manifest)
        if records is None or not all((self._folder / record.file).is_file() for record in records):
            raise ModelMissing(
                f"{text[:120]} has not been pulled, and AGX is told to stay offline",
                hint="leave --offline and HF_HUB_OFFLINE out, or put the file into the models folder",
            )
        return self._pulled(records, was_there=True)

    async def _remotes(self, source: Source, http: HttpClient) -> list[tuple[Remote, str]]:
        """Return the files to fetch, with their names in the folder."""
        if isinstance(source, WebFile):
            name = self._name(web_name(source))
            return [(Remote(Location(source.url, str(source), about=str(source)), str(source)), name)]
        access, known = self.options.access, {}
        if isinstance(source, HubChoice):
            files = await list_files(
                http, access, source.repository, patience=self.options.patience, watcher=self._watcher
            )
            source = HubFile(source.repository, choose(files, source).path)
            known = {file.path: file.sha256 for file in files}
        parts = [replace(source, path=path) for path in parts_of(source.path)]
        return [
            (Remote(access.file(part), str(part), known.get(part.path)), self._name(part.path))
            for part in parts
        ]

    def _name(self, path: str) -> str:
        """Return the name in the models folder; raises `UsageError` for an impossible one."""
        name = path.rpartition("/")[2]
        name = local_name(name if self.options.name is None else renamed(name, self.options.name))
        if name.lower() == f"{EMBEDDED}{ENDING}":
            raise UsageError(f"{EMBEDDED} is the planner that comes with AGX", hint="give another --name")
        return name

    async def _file(self, remote: Remote, name: str, http: HttpClient) -> _File:
        """Return what the server says of a file, with its record here."""
        target = self._folder / name
        facts = await look_up(http, remote, patience=self.options.patience, watcher=self._watcher)
        is_given_up = threading.Event()
        try:
            there = await asyncio.to_thread(
                self._there, target, remote, facts, goes_on=lambda _: not is_given_up.is_set()
            )
            return _File(remote, target, facts, there)
        except OSError as error:
            raise StorageError(
                f"{error.filename or target} cannot be read: {error.strerror}", hint="look at its rights"
            ) from error
        finally:
            is_given_up.set()  # a cancelled pull does not wait for a thread that reads a large file

    async def _fetched(self, file: _File, http: HttpClient) -> Record:
        """Fetch a file, and return its record once it has its name."""
        with opened_part(file.target) as part:
            download = Download(
                http,
                file.remote,
                part,
                connections=self.options.connections,
                patience=self.options.patience,
                watcher=self._watcher,
            )
            fetched = await download.run(file.facts)
            await asyncio.to_thread(_check_header, part, file.remote)
            part.finish()
        return self._record(file.target, file.remote, digest=fetched.sha256, tag=fetched.tag)

    def _record(self, target: Path, remote: Remote, *, digest: str, tag: str) -> Record:
        version = file_version(target)
        record = Record(target.name, remote.source, digest, version[0], tag)
        self._manifest.add(record)
        HashMemory(self._folder / HASHES_NAME).put(target, digest, version=version)
        return record

    def _there(
        self, target: Path, remote: Remote, facts: Facts, *, goes_on: Callable[[int], bool]
    ) -> Record | None:
        """Return the record of a file that is there; raises `StorageError` for one that was not pulled."""
        if not target.is_symlink() and not target.exists():
            return None
        record = self._manifest.records().get(target.name)
        if not target.is_file():
            raise StorageError(f"{target} is no file", hint="take it away, or give --name")
        size = target.stat().st_size
        if record is not None and record.source == remote.source:
            is_same = record.tag == facts.version.tag and size == record.size_bytes
            if is_same and (facts.version.tag or facts.version.size_bytes == size):
                return record
            self._watcher.note(f"{target.name} is not what the server has now, and is fetched again")
            return None
        if facts.sha256 is not None and size == facts.version.size_bytes:
            self._watcher.note(f"there is a {target.name} already: it is read and compared with the hub's")
            if compute_sha256(target, goes_on=goes_on) == facts.sha256:
                return self._record(target, remote, digest=facts.sha256, tag=facts.version.tag)
        raise StorageError(
            f"there is another {target.name} in {target.parent} already"
            + (f", from {record.source}" if record else ""),
            hint=f"remove it (agx models remove {target.stem}), or give this one another name with --name",
        )

    def _pulled(self, records: Sequence[Record], *, was_there: bool) -> Pulled:
        first = self._folder / records[0].file
        card = read_card(first)
        if not card.purpose.is_text:
            self._watcher.note(f"{first.name} is {card.purpose.text}: {card.purpose.hint}")
        return Pulled(
            name=first.stem,
            source=records[0].source,
            files=tuple(self._folder / record.file for record in records),
            sha256=tuple(record.sha256 for record in records),
            card=card,
            was_there=was_there,
        )


def _check_header(part: Part, remote: Remote) -> None:
    """Refuse and remove a file that cannot be a model; each part is checked by itself."""
    try:
        if len(parts_of(part.target.name)) > 1:
            read_header(part.path)
        else:
            read_card(part.path)
    except (GgufInvalid, ModelUnloadable) as error:
        part.discard()
        raise ModelUnloadable(
            f"what came from {remote.place.label} is no model that AGX can read, and was removed: "
            f"{error.message}",
            hint="choose another file",
        ) from error
