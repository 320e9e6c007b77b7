"""Keeping finished plans: on record where there is a place for it, and never in the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agx.errors import StorageError
from agx.settings.paths import plans_folder
from agx.store.plans import PlanStore

if TYPE_CHECKING:
    from agx.cli.output import Notes
    from agx.plan.schema import Finding, Plan
    from agx.settings.layers import Settings


def record(plan: Plan, findings: Sequence[Finding], settings: Settings, *, notes: Notes) -> Path | None:
    """Store a plan where the settings want that; gives its file. Where it cannot be, a note says so."""
    if settings.text("record") == "off" or settings.home is None:
        return None
    try:
        return PlanStore(plans_folder(settings.home)).save(plan, findings)
    except StorageError as error:
        notes.warning(f"the plan is not recorded: {error.message} (AGX_RECORD=off asks for none)")
        return None
