"""Planning from a script, in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agx.plan.tools import Registry
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from agx.risk.context import GeneratedPlan, PlanContext


def plan_sync(
    instruction: str,
    *,
    config: PlannerConfig | None = None,
    registry: Registry | None = None,
    context: PlanContext | None = None,
) -> GeneratedPlan:
    """Plan one instruction from a script: opens a planner, plans, closes it.

    Works inside a running event loop as well (in a notebook), in a thread of its own.
    """

    async def once() -> GeneratedPlan:
        async with Planner(config, registry=registry) as planner:
            return await planner.plan(instruction, context)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(once())
    return _in_a_thread(once)


def _in_a_thread(once: Callable[[], Coroutine[Any, Any, GeneratedPlan]]) -> GeneratedPlan:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="agx-plan-sync") as threads:
        return threads.submit(lambda: asyncio.run(once())).result()
