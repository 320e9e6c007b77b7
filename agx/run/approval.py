"""Who has to say yes: nothing above `reads` runs without it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from agx.errors import NotApproved
from agx.plan.schema import RISKS, Plan, Risk

Approve = Callable[[Plan], bool | Awaitable[bool]]


def risks_to_approve(plan: Plan) -> tuple[Risk, ...]:
    """Return what the plan may do beyond reading, by the risk that its tasks have now."""
    found = {risk for task in plan.tasks for risk in task.risk} - {"reads"}
    return tuple(risk for risk in RISKS if risk in found)


async def require_approval(plan: Plan, approve: bool | Approve) -> None:  # noqa: FBT001  its only meaning
    """Return where the plan only reads or was approved; raises `NotApproved`.

    A function is asked with the very plan that will run.
    """
    if not risks_to_approve(plan):
        return
    answer = approve(plan) if callable(approve) else approve
    if inspect.isawaitable(answer):
        answer = await answer
    if answer is not True:
        raise not_approved(plan)


def not_approved(plan: Plan) -> NotApproved:
    """Return the error that says which tasks need a yes."""
    risky = [task for task in plan.tasks if set(task.risk) - {"reads"}]
    what = "; ".join(f"task {task.task_number} ({task.command}): {', '.join(task.risk)}" for task in risky)
    return NotApproved(
        f"the plan does more than read, and was not approved; nothing was run ({what})",
        hint="look at it with --dry-run; --approve runs it",
        tasks=[task.task_number for task in risky],
    )
