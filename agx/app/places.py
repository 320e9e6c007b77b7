"""Where this user's models, stored plans and the plan that is being built are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agx.errors import StorageError

if TYPE_CHECKING:
    from agx.plan.tools import Registry
    from agx.settings.layers import Settings
    from agx.store.plans import PlanStore


def models_folder(settings: Settings) -> Path:
    """Return the folder of the models; raises `StorageError` where this user has no home folder."""
    folder = optional_models_folder(settings)
    if folder is None:
        raise StorageError(
            "this user has no home folder to keep models in", hint="set AGX_HOME to a folder that is yours"
        )
    return folder


def optional_models_folder(settings: Settings) -> Path | None:
    """Return the folder of the models, or None where this user has no home folder."""
    return None if settings.home is None else settings.home / "models"


def model_file(settings: Settings, name: str) -> Path:
    """Return the file that a model's name stands for; raises `ModelMissing`."""
    from agx.models.resolve import resolve_model  # noqa: PLC0415  few commands need it

    return resolve_model(name, models_dir=optional_models_folder(settings))


def stored_plans(registry: Registry | None = None) -> PlanStore:
    """Return the store of finished plans; raises `StorageError` where this user has no home folder."""
    from agx.settings.paths import known_home, plans_folder  # noqa: PLC0415  few commands need them
    from agx.store.plans import PlanStore  # noqa: PLC0415

    return PlanStore(plans_folder(known_home()), registry=registry)
