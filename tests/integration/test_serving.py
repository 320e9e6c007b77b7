"""What a planner promises while it serves: streams, cancels, survives, repeats itself, takes many at once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from agx.backends.create import create_backend
from agx.backends.plan_requests import PlanOptions
from agx.backends.specs import ModelChoice, specify
from agx.errors import WorkerDied
from agx.gguf.card import read_card
from agx.planning.config import ModelRole
from agx.planning.planner import Planner
from agx.requests import Chunk, LoadRequest, Parameters
from agx.risk.context import GeneratedPlan
from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame
from tests.integration.cases import CITIES, ONE_CALL, Case, check_plan, opened_health
from tests.worker.helpers import collect, generate, reach

FREED_SECS = 1.0
PARIS = "what is the weather in Paris?"
OSLO = "what is the weather in Oslo?"
GREEDY = PlanOptions(Parameters(max_tokens=256), seed=1)


async def text_of(planner: Planner, instruction: str = PARIS, options: PlanOptions = GREEDY) -> str:
    """Return what the model writes for a plan of one call."""
    return (await planner.plan(instruction, ONE_CALL, options=options)).text


async def test_chunks_come_first_and_add_up_to_the_plan(case: Case) -> None:
    async with case.planner(ModelRole.ECHO) as planner:
        *chunks, plan = [item async for item in planner.stream(PARIS, ONE_CALL, options=GREEDY)]
    assert isinstance(plan, GeneratedPlan)
    check_plan(plan, ONE_CALL.registry, role=ModelRole.ECHO)
    assert all(isinstance(chunk, Chunk) for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, Chunk)) == plan.text


async def test_a_greedy_plan_is_the_same_in_a_fresh_worker(case: Case) -> None:
    texts = []
    for _ in range(2):
        async with case.planner(ModelRole.ECHO) as planner:
            texts.append(await text_of(planner))
    assert texts[0] == texts[1]


async def test_a_seeded_plan_is_the_same_whatever_came_before(case: Case) -> None:
    seeded = replace(GREEDY, parameters=Parameters(temperature=1.5, max_tokens=256), seed=11)
    async with case.planner(ModelRole.ECHO) as planner:
        first = await text_of(planner, options=seeded)
        await text_of(planner, OSLO, replace(seeded, seed=12))
        again = await planner.plan(PARIS, ONE_CALL, options=seeded)
    assert again.text == first
    assert again.metadata.seed == 11


async def test_what_an_earlier_prompt_began_with_is_not_read_again_and_changes_no_text(case: Case) -> None:
    """A recurrent state and a sliding window cannot go back to where two prompts part."""
    card = read_card(case.echo)
    journey = "I am on a long journey by train and want to know what to wear. " * 8
    async with case.planner(ModelRole.ECHO) as planner:
        await text_of(planner, journey + PARIS)
        text, num_cached = await text_and_cached_tokens(planner, journey + OSLO)
    async with case.planner(ModelRole.ECHO) as planner:
        assert await text_and_cached_tokens(planner, journey + OSLO) == (text, 0)
    assert (num_cached > 0) == (not card.is_recurrent and not card.sliding_window)


async def text_and_cached_tokens(planner: Planner, instruction: str) -> tuple[str, int]:
    """Return what the model writes, and how many tokens of the prompt it had read before."""
    async with aclosing(planner.stream(instruction, ONE_CALL, options=GREEDY)) as items:
        chunks = [item async for item in items if isinstance(item, Chunk)]
    usage = chunks[-1].usage
    assert usage is not None
    return "".join(chunk.text for chunk in chunks), usage.cached_tokens


async def test_eight_plans_at_once_are_those_made_one_after_the_other(case: Case) -> None:
    """The eight are asked for before the model is loaded."""
    instructions = [f"what is the weather in {city}?" for city in CITIES]
    async with case.planner(ModelRole.ECHO) as planner:
        one_by_one = [await text_of(planner, instruction) for instruction in instructions]
    async with case.planner(ModelRole.ECHO) as planner:
        at_once = await asyncio.gather(*(text_of(planner, instruction) for instruction in instructions))
    assert at_once == one_by_one


async def test_a_seeded_plan_is_the_same_among_eight_others_and_with_their_prompt_in_memory(
    case: Case,
) -> None:
    seeded = replace(GREEDY, parameters=Parameters(temperature=1.5, max_tokens=256), seed=11)
    others = replace(seeded, seed=None)
    async with case.planner(ModelRole.ECHO) as planner:
        alone = await text_of(planner, options=seeded)
    async with case.planner(ModelRole.ECHO) as planner:
        for _ in range(2):  # the second time, the prompts of the first are cached
            plans = [text_of(planner, f"what is the weather in {city}?", others) for city in CITIES]
            among = text_of(planner, options=seeded)
            outcomes = await asyncio.gather(*plans[:4], among, *plans[4:], return_exceptions=True)
            assert outcomes[4] == alone


async def test_one_of_eight_is_cancelled_and_the_others_are_written_on(case: Case) -> None:
    instructions = [f"what is the weather in {city}?" for city in CITIES]
    async with case.planner(ModelRole.ECHO) as planner:
        first = await text_of(planner, instructions[0])
        tasks = [
            asyncio.create_task(text_of(planner, instruction, replace(GREEDY, seed=1 if at == 0 else None)))
            for at, instruction in enumerate(instructions)
        ]
        await asyncio.sleep(0.1)
        tasks[3].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes.pop(3), asyncio.CancelledError | str)
    assert outcomes[0] == first
    assert all(isinstance(outcome, str) for outcome in outcomes), outcomes


async def test_many_plans_in_one_worker_survive_its_death(case: Case) -> None:
    """Without a seed they are decoded together, and what dies with the worker is tried again."""
    instructions = [f"what is the weather in {city}?" for city in CITIES]
    outcomes = []
    async with case.planner(ModelRole.ECHO) as planner:
        pid = (await opened_health(planner)).facts["pid"]
        together = planner.plan_many(
            instructions, ONE_CALL, parallel=len(CITIES), options=replace(GREEDY, seed=None)
        )
        async with aclosing(together):
            async for outcome in together:
                outcomes.append(outcome)
                if len(outcomes) == 1:
                    os.kill(pid, signal.SIGKILL)
    assert sorted(outcome.index for outcome in outcomes) == list(range(len(CITIES)))
    for outcome in outcomes:
        assert outcome.generated is not None, outcome.error
        assert outcome.generated.plan.instruction == instructions[outcome.index]
        check_plan(outcome.generated, ONE_CALL.registry, role=ModelRole.ECHO)


async def test_texts_that_say_the_same_have_embeddings_near_each_other(case: Case) -> None:
    """A random model knows nothing of it: of that one the same text is only the same."""
    backend = create_backend(specify(ModelChoice(str(case.echo), load=case.load)))
    async with aclosing(backend):
        cat, kitten, revenue, again = await backend.embed(
            ["a cat sat on the mat", "a kitten is on the rug", "revenue grew by 5 %", "a cat sat on the mat"]
        )
    assert _cosine(cat, again) > 0.999
    if case.is_real:
        assert _cosine(cat, kitten) > _cosine(cat, revenue)


def _cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.skipif(os.name != "posix", reason="signals")
async def test_a_plan_after_the_death_of_the_worker(case: Case) -> None:
    async with case.planner(ModelRole.ECHO) as planner:
        pid = (await opened_health(planner)).facts["pid"]
        text = await text_of(planner)
        os.kill(pid, signal.SIGKILL)
        assert await text_of(planner) == text
        assert (await opened_health(planner)).facts["pid"] != pid


@pytest.mark.model
@pytest.mark.skipif(os.name != "posix", reason="signals")
async def test_a_worker_that_dies_while_it_writes_is_an_error_and_the_next_plan_works(
    downloaded: Case,
) -> None:
    async with downloaded.planner(ModelRole.ECHO) as planner:
        pid = (await opened_health(planner)).facts["pid"]
        async with aclosing(planner.stream(PARIS, ONE_CALL, options=GREEDY)) as items:
            assert isinstance(await anext(items), Chunk)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(WorkerDied) as caught:
                async for _ in items:
                    pass
        assert caught.value.signal == "SIGKILL"
        assert await text_of(planner)


@pytest.mark.model
@pytest.mark.parametrize(
    ("stage", "request_"),
    [("prefill", generate("word " * 1500)), ("generating", generate("go on", max_tokens=1500))],
    ids=["while it reads", "while it writes"],
)
async def test_a_cancelled_request_frees_the_model(downloaded: Case, stage: str, request_: Frame) -> None:
    """Either would go on for seconds."""
    client = WorkerClient(LoadRequest(str(downloaded.echo), downloaded.load))
    async with aclosing(client):
        await client.loaded()
        running = asyncio.create_task(collect(client, request_))
        await reach(client, stage)
        running.cancel()
        started = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await running
        await reach(client, "idle")
        assert time.monotonic() - started < FREED_SECS
