"""Keeping finished plans: on record where there is a place for it, and never in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agx.errors import StorageError
from agx.settings.paths import plans_folder
from agx.store.plans import PlanStore

if TYPE_CHECKING:
    from agx.plan.schema import Finding, Plan
    from agx.settings.layers import Settings


@dataclass(frozen=True, slots=True)
class Recorded:
    """The file of a recorded plan; None where there is none, with the problem where there was one."""

    path: Path | None = None
    problem: str = ""


def record(plan: Plan, findings: Sequence[Finding], settings: Settings) -> Recorded:
    """Store a plan where the settings want it stored; raises nothing when it cannot be."""
    if settings.text("record") == "off" or settings.home is None:
        return Recorded()
    try:
        return Recorded(PlanStore(plans_folder(settings.home)).save(plan, findings))
    except StorageError as error:
        problem = f"the plan is not recorded: {error.message} (AGX_RECORD=off asks for none)"
        return Recorded(problem=problem)
