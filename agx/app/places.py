"""Where this user's models, finished plans and the plan that is being built are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agx.app.configure import models_folder
from agx.errors import StorageError
from agx.util.frozen import dataclass

if TYPE_CHECKING:
    from agx.plan.schema import Finding, Plan
    from agx.plan.tools import Registry
    from agx.session.building import PlanSession
    from agx.settings.layers import Settings
    from agx.store.plans import PlanStore


def known_models_folder(settings: Settings) -> Path:
    """Return the folder of the models; raises `StorageError` where this user has no home folder."""
    folder = models_folder(settings)
    if folder is None:
        raise StorageError(
            "this user has no home folder to keep models in", hint="set AGX_HOME to a folder that is yours"
        )
    return folder


def model_file(settings: Settings, name: str) -> Path:
    """Return the file that a model's name stands for; raises `ModelMissing`."""
    from agx.models.resolve import resolve_model  # noqa: PLC0415  few commands need it

    return resolve_model(name, models_dir=models_folder(settings))


def stored_plans(registry: Registry | None = None) -> PlanStore:
    """Return the store of finished plans; raises `StorageError` where this user has no home folder."""
    from agx.settings.paths import known_home, plans_folder  # noqa: PLC0415  few commands need them
    from agx.store.plans import PlanStore  # noqa: PLC0415  as above

    return PlanStore(plans_folder(known_home()), registry=registry)


def plan_session(buffer: str | None = None) -> PlanSession:
    """Return the plan that is being built: in the named file, AGX_PLAN_BUFFER, or this user's home folder.

    Raises `StorageError` where none is named and this user has no home folder.
    """
    from agx.app.registries import registry_of_files  # noqa: PLC0415  few commands need them
    from agx.session.building import PlanSession  # noqa: PLC0415  as above
    from agx.settings.paths import buffer_file  # noqa: PLC0415  as above
    from agx.store.buffer import PlanBuffer  # noqa: PLC0415  as above

    file = buffer_file(None if buffer is None else Path(buffer))
    return PlanSession(PlanBuffer(file), load_tools=registry_of_files)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The file of a recorded plan; None where there is none, with the problem where there was one."""

    path: Path | None = None
    problem: str = ""


def record(plan: Plan, findings: Sequence[Finding], settings: Settings) -> Recorded:
    """Store a plan where the settings want it stored; raises nothing when it cannot be."""
    if settings.text("record") == "off" or settings.home is None:
        return Recorded()
    from agx.settings.paths import plans_folder  # noqa: PLC0415  as above
    from agx.store.plans import PlanStore  # noqa: PLC0415  as above

    try:
        return Recorded(PlanStore(plans_folder(settings.home)).save(plan, findings))
    except StorageError as error:
        problem = f"the plan is not recorded: {error.message} (AGX_RECORD=off asks for none)"
        return Recorded(problem=problem)
