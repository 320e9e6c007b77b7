"""Whether a disk has room for what is to be fetched."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from agx.errors import StorageError
from agx.gguf.placement import size_text
from agx.models.fetch.part import Version, stored_bytes

SPARE_BYTES = 64 << 20  # what a disk should have left


def check_room(folder: Path, versions: Mapping[Path, Version]) -> None:
    """Raise `StorageError` where the folder's disk has no room for what these files still lack."""
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
