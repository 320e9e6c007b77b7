"""The SHA-256 of a model's file, once it is known to be what its name and its memory say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agx.errors import ModelUnloadable
from agx.models.hashes import HashMemory, compute_sha256, file_version
from agx.models.ollama.in_place import named_digest

# A smaller file is hashed faster than it is looked up.
LEAST_REMEMBERED_BYTES = 64 << 20


def checked_sha256(
    path: Path,
    memory: HashMemory,
    *,
    version: tuple[int, int],
    goes_on: Callable[[int], bool] = lambda _: True,
) -> str | None:
    """Return the hash of a file in hexadecimal: remembered for this version of it, or computed.

    `goes_on` is asked on the way with the number of bytes read; None comes back when it said no. Raises
    `OSError`, and `ModelUnloadable` for a file that is not what its name says (as Ollama's blobs do), or
    that is no longer the version that was named.
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
