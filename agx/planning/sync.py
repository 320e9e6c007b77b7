"""Planning from a script: one plan, or many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agx.plan.tools import Registry
from agx.planning.config import PlannerConfig
from agx.planning.many import PlanOutcome
from agx.planning.planner import Planner
from agx.risk.context import GeneratedPlan, PlanContext
from agx.util.loop_thread import LoopThread


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


def plan_many_sync(
    instructions: Iterable[str],
    *,
    config: PlannerConfig | None = None,
    registry: Registry | None = None,
    context: PlanContext | None = None,
    parallel: int | None = None,
) -> Generator[PlanOutcome, None, None]:
    """Yield what becomes of each instruction as soon as it is ready; see `Planner.plan_many`.

    The planning goes on in a thread while the caller looks at an outcome, and the instructions are taken
    in it. Leaving the loop early ends everything at once where the iterator is closed: by
    `contextlib.closing`, or by Python when nothing refers to it.
    """
    with LoopThread("agx-plan-many") as thread:
        planner = Planner(config, registry=registry)
        outcomes = planner.plan_many(instructions, context, parallel=parallel)

        async def following() -> PlanOutcome | None:
            return await anext(outcomes, None)

        async def close() -> None:
            async with planner:
                await outcomes.aclose()

        try:
            while (outcome := thread.run(following())) is not None:
                yield outcome
        finally:
            thread.run(close())


def _in_a_thread(once: Callable[[], Coroutine[Any, Any, GeneratedPlan]]) -> GeneratedPlan:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="agx-plan-sync") as threads:
        return threads.submit(lambda: asyncio.run(once())).result()
