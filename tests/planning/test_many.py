"""Many plans at once: bounded, as they are ready, errors in their place, and left cleanly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing

import pytest

from agx.backends.plan_requests import PlanOptions
from agx.backends.scripted import Reply, ScriptedBackend, ScriptedReply
from agx.errors import BackendUnreachable, ModelMissing, PlanInvalid, UsageError, WorkerDied
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.many import MAX_PARALLEL, MAX_TRIES, PlanOutcome
from agx.planning.planner import Planner
from agx.planning.sync import plan_many_sync
from agx.requests import GenerationRequest
from agx.risk.context import PlanContext


def cat(name: str) -> str:
    """Return the text of a plan that shows one file."""
    return json.dumps({"tasks": [{"command": "cat", "args": [name]}]})


def cat_what_is_asked(request: GenerationRequest) -> str:
    """Show the file that the last word of the instruction names."""
    return cat(request.messages[-1].content.split()[-1])


def slowly(request: GenerationRequest) -> ScriptedReply:
    """Write the same text in some milliseconds: more of them the earlier the file's number."""
    number = int(request.messages[-1].content.split()[-1])
    return ScriptedReply(cat(str(number)), chunk_delay_secs=0.001 * (8 - number % 8))


def planner_of(*replies: Reply, config: PlannerConfig | None = None) -> tuple[Planner, ScriptedBackend]:
    backend = ScriptedBackend(replies)
    return Planner(config, backend=backend), backend


def numbered(number: int) -> list[str]:
    return [f"show {index}" for index in range(number)]


def shown(outcome: PlanOutcome) -> str:
    assert outcome.generated is not None
    return str(outcome.generated.tasks[0].args[0])


async def collected(planner: Planner, instructions: list[str], parallel: int = 4) -> list[PlanOutcome]:
    return [each async for each in planner.plan_many(instructions, parallel=parallel)]


@pytest.mark.parametrize("parallel", [1, 3, 100])
async def test_every_instruction_has_its_own_outcome(parallel: int) -> None:
    planner, _ = planner_of(*[slowly] * 20)
    outcomes = await collected(planner, numbered(20), parallel)
    assert sorted(outcome.index for outcome in outcomes) == list(range(20))
    for outcome in outcomes:
        assert outcome.instruction == f"show {outcome.index}"
        assert shown(outcome) == str(outcome.index)


async def test_outcomes_come_as_they_are_ready() -> None:
    slow = ScriptedReply(cat("slow"), chunk_delay_secs=0.05)
    planner, _ = planner_of(slow, cat("fast"))
    outcomes = await collected(planner, ["show slow", "show fast"])
    assert [outcome.index for outcome in outcomes] == [1, 0]


async def test_one_at_a_time_comes_in_order() -> None:
    planner, _ = planner_of(*[slowly] * 9)
    assert [each.index for each in await collected(planner, numbered(9), 1)] == list(range(9))


async def test_an_error_of_a_plan_is_its_outcome() -> None:
    planner, _ = planner_of(cat("a"), "no plan", cat("c"))
    a, empty, b, c = sorted(await collected(planner, ["show a", " ", "b", "c"], 1), key=lambda one: one.index)
    assert isinstance(empty.error, UsageError)
    assert isinstance(b.error, PlanInvalid)
    assert b.generated is None
    assert (a.error, c.error) == (None, None)


async def test_an_error_that_no_plan_escapes_is_raised_after_what_was_ready() -> None:
    planner, _ = planner_of(cat("a"), BackendUnreachable("it is gone"), *[cat("c")] * 8)
    outcomes = planner.plan_many(numbered(10), parallel=1)
    assert shown(await anext(outcomes)) == "a"
    with pytest.raises(BackendUnreachable, match="it is gone"):
        await anext(outcomes)


async def test_a_missing_model_is_said_before_any_instruction_is_taken() -> None:
    taken = []

    def instructions() -> Iterator[str]:
        taken.append(1)
        yield "show a"

    async with Planner(PlannerConfig(echo_model="nowhere.gguf")) as planner:
        with pytest.raises(ModelMissing):
            await anext(planner.plan_many(instructions()))
    assert taken == []


@pytest.mark.parametrize(
    ("context", "options", "reason"),
    [
        pytest.param(PlanContext(forbidden=frozenset({"nonesuch"})), None, "nonesuch", id="policy"),
        pytest.param(PlanContext(max_tasks=0), None, "max_tasks", id="tasks"),
        pytest.param(None, PlanOptions(examples=-1), "examples", id="options"),
    ],
)
async def test_what_is_wrong_for_all_instructions_is_raised(
    context: PlanContext | None, options: PlanOptions | None, reason: str
) -> None:
    planner, _ = planner_of(cat("a"))
    with pytest.raises(UsageError, match=reason):
        await anext(planner.plan_many(["show a"], context, options=options))


async def test_the_role_delta_needs_drafts() -> None:
    planner, _ = planner_of(config=PlannerConfig(role=ModelRole.DELTA))
    with pytest.raises(UsageError, match="needs a draft"):
        await anext(planner.plan_many(["show a"]))


@pytest.mark.parametrize("parallel", [0, -1, MAX_PARALLEL + 1, True, 2.5])
async def test_a_number_of_plans_that_cannot_be_is_refused(parallel: int) -> None:
    planner, _ = planner_of(cat("a"))
    with pytest.raises(UsageError, match="plans at once"):
        await anext(planner.plan_many(["show a"], parallel=parallel))


async def test_no_more_instructions_are_taken_than_the_window_holds() -> None:
    """In work, and ready but not looked at: twice as many, and never the whole of the instructions."""
    num_taken = 0

    def instructions() -> Iterator[str]:
        nonlocal num_taken
        for one in numbered(100):
            num_taken += 1
            yield one

    planner, _ = planner_of(*[cat("a")] * 100)
    async with aclosing(planner.plan_many(instructions(), parallel=3)) as outcomes:
        await anext(outcomes)
        await asyncio.sleep(0.2)
    assert 4 <= num_taken <= 1 + 2 * 3


async def test_leaving_early_ends_what_is_in_work() -> None:
    slow = ScriptedReply(cat("slow"), chunk_delay_secs=3600)
    planner, backend = planner_of(cat("fast"), slow, slow)
    async with aclosing(planner.plan_many(numbered(3), parallel=3)) as outcomes:
        assert (await anext(outcomes)).index == 0
    assert backend.stopped == 2
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_who_waits_ends_what_is_in_work() -> None:
    slow = ScriptedReply(cat("slow"), chunk_delay_secs=3600)
    planner, backend = planner_of(slow, slow)
    waiting = asyncio.ensure_future(collected(planner, numbered(2)))
    while len(backend.requests) < 2:
        await asyncio.sleep(0.001)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert backend.stopped == 2


async def test_instructions_may_come_late() -> None:
    """What is ready is not held up by an instruction that is still to come."""
    goes_on = asyncio.Event()

    async def instructions() -> AsyncIterator[str]:
        yield "show a"
        await goes_on.wait()
        yield "show b"

    planner, _ = planner_of(*[cat_what_is_asked] * 2)
    names = []
    async for outcome in planner.plan_many(instructions()):
        names.append(shown(outcome))
        goes_on.set()
    assert names == ["a", "b"]


async def test_instructions_that_fail_end_everything_after_what_was_ready() -> None:
    def instructions() -> Iterator[str]:
        yield "show a"
        raise OSError("the disk is gone")

    planner, _ = planner_of(cat("a"))
    outcomes = planner.plan_many(instructions(), parallel=1)
    assert shown(await anext(outcomes)) == "a"
    with pytest.raises(OSError, match="the disk is gone"):
        await anext(outcomes)


async def test_no_instructions_have_no_outcomes() -> None:
    planner, _ = planner_of()
    assert await collected(planner, []) == []


def test_a_script_plans_many_without_an_event_loop() -> None:
    outcomes = list(plan_many_sync(["sort a.txt", "", "count lines in b.txt"], parallel=2))
    by_index = {outcome.index: outcome for outcome in outcomes}
    assert sorted(by_index) == [0, 1, 2]
    assert isinstance(by_index[1].error, UsageError)
    assert by_index[0].generated is not None
    assert by_index[0].generated.tasks[0].command == "sort"


async def test_a_notebook_plans_many_inside_its_event_loop() -> None:
    assert [outcome.index for outcome in plan_many_sync(["sort a.txt"])] == [0]


def test_a_script_may_leave_early_and_raise() -> None:
    with closing(plan_many_sync(numbered(1000), parallel=2)) as outcomes:
        next(outcomes)
    with pytest.raises(UsageError, match="plans at once"):
        next(plan_many_sync(["sort a.txt"], parallel=0))


async def test_what_was_lost_with_a_worker_is_tried_again() -> None:
    """Another instruction in the same worker may have been why it died."""
    died = WorkerDied("the worker process was killed")
    planner, backend = planner_of(died, died, cat("a"))
    (outcome,) = await collected(planner, ["show a"])
    assert shown(outcome) == "a"
    assert len(backend.requests) == MAX_TRIES


@pytest.mark.parametrize(("is_retryable", "num_tries"), [(True, MAX_TRIES), (False, 1)])
async def test_an_instruction_that_ends_every_worker_is_an_error(is_retryable: bool, num_tries: int) -> None:
    died = WorkerDied("the worker process was killed")
    died.retryable = is_retryable
    planner, backend = planner_of(*[died] * 9)
    (outcome,) = await collected(planner, ["show a"])
    assert outcome.error is died
    assert len(backend.requests) == num_tries
