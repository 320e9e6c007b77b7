"""Many plans at once: a window of instructions is in work, and results come as they are ready.

Instructions are taken one by one, when there is room for one, so that a file of a million lines can
stream through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable

from agx.errors import (
    AgxError,
    BackendUnreachable,
    ConfigError,
    DeviceUnavailable,
    ModelMismatch,
    ModelMissing,
    ModelUnloadable,
    RegistryInvalid,
    Unsupported,
    UsageError,
    WorkerDied,
)
from agx.risk.context import GeneratedPlan
from agx.util.frozen import dataclass

MAX_PARALLEL = 256
# How many more are in work than a model decodes together, so that a place that gets free is taken at once.
NUM_WAITING = 2
# How often an instruction is tried whose worker died: another one in the same worker may be why.
MAX_TRIES = 3

# An error that would fail every instruction alike is about the set-up, not about a plan.
SET_UP_ERRORS = (
    BackendUnreachable,
    ConfigError,
    DeviceUnavailable,
    ModelMismatch,
    ModelMissing,
    ModelUnloadable,
    RegistryInvalid,
    Unsupported,
)

Instructions = Iterable[str] | AsyncIterable[str]


@dataclass(frozen=True, slots=True)
class PlanOutcome:
    """What became of one of many instructions: a plan, or the error in its place.

    `index` is the instruction's place among those that were given, from 0.
    """

    index: int
    instruction: str
    generated: GeneratedPlan | None = None
    error: AgxError | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """A lane has no more to plan: the instructions have ended, or `error` ends everything."""

    error: Exception | None = None


def check_parallel(parallel: int) -> None:
    """Raise `UsageError` where so many plans cannot be in work at once."""
    if type(parallel) is not int or not 1 <= parallel <= MAX_PARALLEL:
        raise UsageError(f"{parallel!r} plans at once cannot be", hint=f"use 1 to {MAX_PARALLEL}")


async def plan_each(
    instructions: Instructions, plan: Callable[[str], Awaitable[GeneratedPlan]], *, parallel: int
) -> AsyncGenerator[PlanOutcome, None]:
    """Yield the outcome of every instruction as soon as it is ready.

    At most `parallel` are in work, and as many outcomes wait to be taken. An error of a plan is its
    outcome; what was lost with a worker that died is tried again before. An error of the set-up, which no
    plan escapes, is raised, and so is what the instructions themselves raise. Leaving early cancels what
    is in work.
    """
    numbered = _numbered(instructions)
    turn = asyncio.Lock()
    ready: asyncio.Queue[PlanOutcome | _End] = asyncio.Queue(maxsize=parallel)
    lanes = [asyncio.create_task(_lane(numbered, turn, plan, ready)) for _ in range(parallel)]
    try:
        num_open = len(lanes)
        while num_open:
            item = await ready.get()
            if isinstance(item, PlanOutcome):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                num_open -= 1
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        await numbered.aclose()


async def _lane(
    numbered: AsyncGenerator[tuple[int, str], None],
    turn: asyncio.Lock,
    plan: Callable[[str], Awaitable[GeneratedPlan]],
    ready: asyncio.Queue[PlanOutcome | _End],
) -> None:
    """Plan one instruction after another, taken in turn with the other lanes."""
    try:
        while True:
            async with turn:
                index, instruction = await anext(numbered)
            await ready.put(await _outcome(index, instruction, plan))
    except StopAsyncIteration:
        await ready.put(_End())
    except Exception as error:  # noqa: BLE001  it is raised where the outcomes are taken
        await ready.put(_End(error))


async def _outcome(
    index: int, instruction: str, plan: Callable[[str], Awaitable[GeneratedPlan]]
) -> PlanOutcome:
    try:
        return PlanOutcome(index, instruction, await _planned(instruction, plan))
    except SET_UP_ERRORS:
        raise
    except AgxError as error:
        return PlanOutcome(index, instruction, error=error)


async def _planned(instruction: str, plan: Callable[[str], Awaitable[GeneratedPlan]]) -> GeneratedPlan:
    for _ in range(MAX_TRIES - 1):
        try:
            return await plan(instruction)
        except WorkerDied as error:
            if not error.retryable:
                raise
    return await plan(instruction)


async def _numbered(instructions: Instructions) -> AsyncGenerator[tuple[int, str], None]:
    index = 0
    if isinstance(instructions, AsyncIterable):
        async for instruction in instructions:
            yield index, instruction
            index += 1
    else:
        for index, instruction in enumerate(instructions):
            yield index, instruction
