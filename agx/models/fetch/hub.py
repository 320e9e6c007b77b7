"""The model hub: the files of a repository, which of them is meant, and where to fetch it.

Source: https://huggingface.co/docs/hub/api (`/api/models/…/tree/…`), and `HF_TOKEN`, `HF_ENDPOINT` and
`HF_HUB_OFFLINE` as in https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

from agx.errors import BackendUnreachable, ConfigError, ModelMissing, UsageError
from agx.gguf.shards import MAX_SHARDS
from agx.models.fetch.http import HttpClient
from agx.models.fetch.refusals import Location
from agx.models.fetch.remote import Patience, with_patience
from agx.models.fetch.sources import ENDING, HubChoice, HubFile, WebFile, checked_path
from agx.models.fetch.watcher import Watcher

DEFAULT_ENDPOINT = "https://huggingface.co"
MAX_LIST_BYTES = 16 << 20
MAX_PAGES = 50
MAX_SHOWN = 24
_TRUE = frozenset({"1", "true", "yes", "on"})
# By which makers of models name their projectors, importance matrices and draft heads.
_PART_OF_A_MODEL = re.compile(r"mmproj|imatrix|(?:^|[-_./])(?:mtp|eagle\d*|dflash)[-_.]", re.IGNORECASE)
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class HubAccess:
    """Access to the hub: its address, the token for it alone, and whether AGX is offline."""

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = field(default=None, repr=False)
    is_offline: bool = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, is_offline: bool = False) -> HubAccess:
        """Read `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE`; raises `ConfigError`."""
        endpoint = environ.get("HF_ENDPOINT", "").strip().rstrip("/") or DEFAULT_ENDPOINT
        if not _is_address(endpoint):
            raise ConfigError(
                f"HF_ENDPOINT is no address of a hub: {endpoint[:120]!r}", hint=f"such as {DEFAULT_ENDPOINT}"
            )
        token = environ.get("HF_TOKEN", "").strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ConfigError("HF_TOKEN is no token", hint="copy it anew from the hub's settings page")
        offline = is_offline or environ.get("HF_HUB_OFFLINE", "").strip().lower() in _TRUE
        return cls(endpoint, token or None, offline)

    def file(self, source: HubFile) -> Location:
        """Return the location of a file."""
        path = f"{source.repository}/resolve/{quote(source.revision, safe='')}/{quote(source.path)}"
        return Location(
            f"{self.endpoint}/{path}", str(source), self.token, self._page(source.repository), is_hub=True
        )

    def tree(self, repository: str, revision: str) -> Location:
        """Return the location of a repository's list of files."""
        url = f"{self.endpoint}/api/models/{repository}/tree/{quote(revision, safe='')}?recursive=true"
        return Location(url, f"the repository {repository}", self.token, self._page(repository), is_hub=True)

    def _page(self, repository: str) -> str:
        """Return the repository's page, without a password that the address may have."""
        return str(WebFile(f"{self.endpoint}/{repository}"))


@dataclass(frozen=True, slots=True)
class Listed:
    """One file in a repository's list; `sha256` is known for files that the hub stores by their hash."""

    path: str
    size_bytes: int
    sha256: str | None = None


async def list_files(
    http: HttpClient, access: HubAccess, repository: str, *, patience: Patience, watcher: Watcher
) -> list[Listed]:
    """Return the GGUF files of a repository; raises an `AgxError`."""
    place: Location | None = access.tree(repository, "main")
    files: list[Listed] = []
    for _ in range(MAX_PAGES):
        assert place is not None
        here = place

        async def page(here: Location = here) -> tuple[bytes, str | None]:
            async with http.get(here) as answer:
                raw = b""
                async for data in answer.chunks:
                    raw += data
                    if len(raw) > MAX_LIST_BYTES:
                        raise _no_list(repository)
                return raw, answer.next_page

        raw, following = await with_patience(page, patience=patience.at_first, watcher=watcher)
        files += _files(raw, repository)
        if following is None:
            return files
        if urlsplit(following)[:2] != urlsplit(here.url)[:2]:  # the token is for this host only
            raise _no_list(repository)
        place = replace(here, url=following)
    raise _no_list(repository)


def choose(files: Sequence[Listed], source: HubChoice) -> Listed:
    """Return the file that is meant; of a split one the first part.

    Raises `ModelMissing` where no file fits, and `UsageError` where several do; both list the files.
    """
    whole = [file for file in files if _shard_number(file.path) in {None, 1}]
    for file in whole:
        if source.preferred and file.path.lower() == source.preferred.lower():
            return file
    models = [file for file in whole if not _PART_OF_A_MODEL.search(file.path)] or whole
    found = [file for file in models if _has_tag(file.path, source.tag)]
    if len(found) == 1:
        return found[0]
    names = sorted(file.path for file in (found or models))
    more = [f"and {len(names) - MAX_SHOWN} more"] if len(names) > MAX_SHOWN else []
    listing = ", ".join([*names[:MAX_SHOWN], *more])
    example = HubFile(source.repository, names[0]) if names else ""
    if not models:
        raise ModelMissing(
            f"the repository {source.repository} has no GGUF file",
            hint="look for one whose name ends in -GGUF",
        )
    if not found:
        raise ModelMissing(
            f"the repository {source.repository} has no file of the quantisation {source.tag}",
            hint=f"name one of its files, as in {example}: {listing}",
            choices=names,
        )
    raise UsageError(
        f"{len(found)} files of {source.repository} may be meant",
        hint=f"name one of them, as in {example}: {listing}",
        choices=names,
    )


def parts_of(path: str) -> list[str]:
    """Return the paths of all parts of a file, by the name of one; of a whole file its own."""
    match = _SHARD.fullmatch(path)
    if match is None:
        return [path]
    count = int(match["count"])
    if not 1 <= count <= MAX_SHARDS or int(match["number"]) > count:
        raise UsageError(
            f"{path[-120:]!r} is no part of a split file",
            hint=f"its name ends as in -00001-of-00003.gguf, and {MAX_SHARDS} parts are possible",
        )
    return [f"{match['stem']}-{number:05}-of-{match['count']}{path[-5:]}" for number in range(1, count + 1)]


def renamed(name: str, new: str) -> str:
    """Return a file's name with another stem; a part keeps its number."""
    match = _SHARD.fullmatch(name)
    stem = new.removesuffix(ENDING)
    return f"{stem}{ENDING}" if match is None else f"{stem}-{match['number']}-of-{match['count']}{ENDING}"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_place = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number, or a bracket is missing
        return False
    return is_place and not parts.query and url.isprintable()


def _shard_number(path: str) -> int | None:
    match = _SHARD.fullmatch(path)
    return None if match is None else int(match["number"])


def _has_tag(path: str, tag: str) -> bool:
    """Return whether a name has this quantisation as a word: Q4_K is not in …-Q4_K_M.gguf."""
    match = _SHARD.fullmatch(path)
    stem = path[: -len(ENDING)] if match is None else match["stem"]
    pattern = rf"(?:^|[-._/]){re.escape(tag)}(?:[-./]|$)"
    return not tag or re.search(pattern, stem, re.IGNORECASE) is not None


def _files(raw: bytes, repository: str) -> list[Listed]:
    try:
        return [_listed(row) for row in json.loads(raw) if _is_model(row)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _no_list(repository) from None
    except UsageError as error:
        raise BackendUnreachable(
            f"the hub lists a file of {repository} whose name cannot be used: {error.message}",
            hint="name the file: hf:owner/repository/file.gguf",
        ) from None


def _is_model(row: Any) -> bool:  # noqa: ANN401  what JSON gave
    return row["type"] == "file" and str(row["path"]).lower().endswith(ENDING)


def _listed(row: Any) -> Listed:  # noqa: ANN401  what JSON gave
    stored = row.get("lfs") or {}
    digest = str(stored.get("oid", "")).removeprefix("sha256:")
    is_digest = re.fullmatch(r"[0-9a-f]{64}", digest) is not None
    size = int(stored.get("size", row["size"]))
    return Listed(checked_path(str(row["path"])), size, digest if is_digest else None)


def _no_list(repository: str) -> BackendUnreachable:
    return BackendUnreachable(
        f"the hub's list of files of {repository} cannot be read",
        hint="name the file: hf:owner/repository/file.gguf; check HF_ENDPOINT",
    )
