"""The models folder of this user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agx.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from agx.settings.layers import Settings


def models_folder(settings: Settings) -> Path:
    """Return the folder `models` of AGX_HOME; raises `StorageError` where this user has no home folder."""
    if settings.home is None:
        raise StorageError(
            "this user has no home folder to keep models in", hint="set AGX_HOME to a folder that is yours"
        )
    return settings.home / "models"
