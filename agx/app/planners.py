"""Making the planner that the settings ask for, and what a planning may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from agx.app.configure import planner_config
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.risk.context import PlanContext

if TYPE_CHECKING:
    from agx.plan.schema import Task
    from agx.plan.tools import Registry
    from agx.settings.layers import Settings
    from agx.worker.channel import Channel


class MakePlanner(Protocol):
    """Makes a planner; tests pass one that has a backend of their own."""

    def __call__(
        self, config: PlannerConfig, *, registry: Registry | None = None, worker: Channel | None = None
    ) -> Planner:
        """Return a planner that has not been entered yet."""
        ...


def planner_for(
    settings: Settings,
    *,
    make_planner: MakePlanner | None,
    registry: Registry | None = None,
    worker: Channel | None = None,
) -> Planner:
    """Return the planner that the settings ask for; `make_planner` takes the place of `Planner`."""
    make: MakePlanner = make_planner or Planner
    return make(planner_config(settings), registry=registry, worker=worker)


def planning_context(
    settings: Settings,
    registry: Registry,
    *,
    input_summary: str | None = None,
    existing_tasks: tuple[Task, ...] = (),
) -> PlanContext:
    """Return what a planning may use, by the settings."""
    return PlanContext(
        tools=registry,
        input_summary=input_summary,
        existing_tasks=existing_tasks,
        max_tasks=settings.integer("max_tasks"),
    )


async def unseen_warning(planner: Planner, context: PlanContext) -> str | None:
    """Return a warning of what Echo did not see: a model made for AGX reads the instruction alone."""
    if planner.config.role is ModelRole.DELTA or not (context.existing_tasks or context.input_summary):
        return None
    facts = (await planner.health_check()).facts
    if not facts.get("planner_tools"):
        return None
    unseen = "the tasks that are there" if context.existing_tasks else "the input"
    return (
        f"{facts['name']} reads the instruction alone and saw nothing of {unseen} "
        "(say in it what matters, or plan with a general model)"
    )
