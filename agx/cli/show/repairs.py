"""Offering a mended plan in place of one that failed: Delta writes it, and it is checked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agx.app.early_start import started_worker
from agx.app.planners import planner_for, planning_context
from agx.app.repair import repairing
from agx.cli.shared_options import App, GivenSettings
from agx.cli.show.streaming import shown_generation
from agx.errors import AgxError, RunError
from agx.run.preflight import check_run

if TYPE_CHECKING:
    from agx.risk.context import GeneratedPlan
    from agx.run.job import CheckedRun
    from agx.settings.layers import Settings


def mended_run(app: App, checked: CheckedRun, error: RunError, *, model: str | None) -> CheckedRun | None:
    """Return what can run in place of a plan that failed, and tell what was changed.

    None where Delta has nothing else to offer. Nobody has approved it yet.
    """
    from agx.app.places import record  # noqa: PLC0415  most plans need no repair

    app.notes.warning(f"{error.message}; asking Delta for another plan")
    settings = (
        GivenSettings({} if model is None else {"delta_model": model}).with_role("delta").read(app.notes)
    )
    try:
        generated = _mended(app, checked, error, settings)
        again = asyncio.run(check_run(generated.plan, checked.registry, options=checked.options))
    except AgxError as problem:
        app.notes.warning(f"the plan could not be mended: {problem.message}")
        return None
    if not generated.changes:
        app.notes.warning("Delta would do the same again")
        return None
    app.notes.changes(generated.changes)
    app.notes.findings(generated.findings)
    app.notes.recorded(record(generated.plan, generated.findings, settings))
    return again


def _mended(app: App, checked: CheckedRun, error: RunError, settings: Settings) -> GeneratedPlan:
    """Return the plan that Delta writes in place of the one that failed, shown while it is written."""
    with started_worker(settings, needed=app.has_worker) as worker:
        planner = planner_for(
            settings, make_planner=app.make_planner, registry=checked.registry, worker=worker
        )
        context = planning_context(settings, checked.registry)
        pieces = repairing(planner, checked.plan, error, context=context)
        return shown_generation(planner, pieces, context=context, notes=app.notes)
