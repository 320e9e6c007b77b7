"""A plan that failed when it ran goes back to Delta once, with what its task said."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import TYPE_CHECKING

from agx.backends.plan_requests import PlanOptions
from agx.plan.schema import Finding
from agx.requests import Chunk, Parameters

if TYPE_CHECKING:
    from agx.errors import RunError
    from agx.plan.schema import Plan
    from agx.planning.planner import Planner
    from agx.risk.context import GeneratedPlan, PlanContext

# The phase of error recovery: freer than planning, since the likeliest plan has just failed.
REPAIR = Parameters(temperature=0.5, max_tokens=1500)
_MAX_SAID_CHARS = 400


def failure_finding(error: RunError) -> Finding:
    """Return what a failed run says of its plan: which task failed, how, and its last lines of error."""
    lines, task = error.details.get("errors"), error.details.get("task")
    said = " / ".join(map(str, lines))[:_MAX_SAID_CHARS] if isinstance(lines, list) else ""
    return Finding(
        severity="error",
        task=task if isinstance(task, int) else None,
        message=f"{error.message}: {said}" if said else error.message,
        rule="failed-task",
    )


def repairing(
    planner: Planner, plan: Plan, error: RunError, *, context: PlanContext
) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
    """Yield the text of a plan in place of one that failed, and that plan last.

    Delta may depart from the failed plan as soon as it is surer of something else.
    """
    own = planner.config.delta.options
    options = PlanOptions(
        parameters=replace(REPAIR, max_tokens=max(REPAIR.max_tokens, own.parameters.max_tokens)),
        seed=own.seed,
        deadline_secs=own.deadline_secs,
        reasoning_tokens=own.reasoning_tokens,
        draft_margin=0.0,
    )
    return planner.stream_refined(plan, None, context, options=options, noticed=[failure_finding(error)])
