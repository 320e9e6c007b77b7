"""What AGX has computed and keeps on disk: what is there, and removing it. Nothing of it is needed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agx.app.configure import cache_folder, load_options
from agx.errors import StorageError, UsageError
from agx.util.blob_cache import Blob, BlobCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agx.settings.layers import Settings


@dataclass(frozen=True, slots=True)
class KeptPrompt:
    """A computed beginning of a prompt: of which model, its tokens, its size in bytes, its last use."""

    model: str
    num_tokens: int
    size_bytes: int
    used_at: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def prompt_cache(settings: Settings) -> BlobCache:
    """Return the cache of computed prompts; raises `StorageError` where this user has no home folder."""
    folder = cache_folder(settings)
    if folder is None:
        raise StorageError(
            "this user has no home folder to keep a cache in", hint="set AGX_HOME to a folder that is yours"
        )
    return BlobCache(folder, limit_bytes=load_options(settings).prompt_cache_mb * 1_000_000)


def kept_prompts(cache: BlobCache) -> list[KeptPrompt]:
    """Return what is kept, the last used first."""
    return [_kept(blob) for blob in cache.blobs()]


def clear(cache: BlobCache, *, model: str | None = None) -> Sequence[KeptPrompt]:
    """Remove what is kept, of one model where one is named, and return what was removed.

    Raises `UsageError` where nothing is kept of the model, and `StorageError`.
    """
    blobs = [blob for blob in cache.blobs() if model is None or _kept(blob).model == model]
    if model is not None and not blobs:
        names = sorted({each.model for each in kept_prompts(cache)})
        raise UsageError(
            f"nothing is kept of a model {model!r}",
            hint=f"there is something of {', '.join(names)}" if names else "the cache is empty",
        )
    try:
        return [_kept(blob) for blob in blobs if cache.remove(blob)]
    except OSError as error:
        raise StorageError(
            f"{cache.folder} cannot be cleared: {error.strerror}", hint="look at the folder's rights"
        ) from error


def _kept(blob: Blob) -> KeptPrompt:
    number = blob.facts.get("num_tokens")
    used = datetime.fromtimestamp(blob.used_secs, UTC).isoformat(timespec="seconds")
    return KeptPrompt(
        str(blob.facts.get("model", "(damaged)")),
        number if isinstance(number, int) else 0,
        blob.size_bytes,
        used,
    )
