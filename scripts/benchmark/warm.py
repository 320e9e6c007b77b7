"""One warm plan through the API: beside llama-cpp-python, by phase, and on a busy machine."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from agx import AgxError, GeneratedPlan, Planner
from scripts.benchmark.machine import every_core_busy
from scripts.benchmark.reference import Completion, Reference
from scripts.benchmark.report import Figure, Section, middle, ratio

_PHASES = ("template", "tokenise", "constraint", "prefill", "decode", "sample")


@dataclass(frozen=True, slots=True)
class TimedPlan:
    """A plan and the time of the whole call."""

    generated: GeneratedPlan
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _Round:
    """One instruction, planned in three ways."""

    ours: TimedPlan
    grammar: Completion
    plain: Completion


async def timed_plan(planner: Planner, instruction: str) -> TimedPlan | None:
    """Return a plan and its time; None where planning failed, which the caller counts."""
    started = time.perf_counter()
    try:
        generated = await planner.plan(instruction)
    except AgxError:
        return None
    return TimedPlan(generated, (time.perf_counter() - started) * 1000)


async def compare(planner: Planner, instructions: Sequence[str], *, model: Path, threads: int) -> Section:
    """Plan each instruction in three ways, one after the other, and compare the medians."""
    preview = await planner.prompt(instructions[0])
    health = await planner.health_check()
    assert health.ok, health.detail
    length = health.facts["context_length"]
    reference = Reference(model, context_length=length, num_threads=threads, schema=preview.schema)
    await _three_ways(planner, reference, instructions[0])  # warms up
    rounds = [await _three_ways(planner, reference, each) for each in instructions]
    reference.close()
    return _compared([each for each in rounds if each is not None], num_asked=len(instructions))


async def _three_ways(planner: Planner, reference: Reference, instruction: str) -> _Round | None:
    """Plan once in each way; return None where AGX has no plan."""
    ours = await timed_plan(planner, instruction)
    prompt = (await planner.prompt(instruction)).prompt
    max_tokens = planner.config.parameters.max_tokens
    grammar = reference.complete(prompt, max_tokens=max_tokens, is_constrained=True)
    plain = reference.complete(prompt, max_tokens=max_tokens, is_constrained=False)
    return None if ours is None else _Round(ours, grammar, plain)


def _compared(rounds: Sequence[_Round], *, num_asked: int) -> Section:
    ours = [each.ours.milliseconds for each in rounds]
    grammar = [each.grammar.milliseconds for each in rounds]
    plain = [each.plain.milliseconds for each in rounds]
    same_with = sum(each.grammar.text.strip() == each.ours.generated.text for each in rounds)
    same_without = sum(each.plain.text.strip() == each.ours.generated.text for each in rounds)
    return Section(
        "One warm plan through the API, against llama-cpp-python's create_completion, interleaved",
        (
            middle("AGX, median", ours),
            middle("with LlamaGrammar, median", grammar),
            middle("without a grammar, median", plain),
            ratio("AGX / with LlamaGrammar", ours, grammar, aim=0.5),
            ratio("AGX / without a grammar", ours, plain, aim=0.8),
        ),
        notes=(
            f"{len(rounds)} of {num_asked} instructions gave a plan",
            f"the same text as AGX: with LlamaGrammar {same_with}, without a grammar {same_without}",
            "what the grammar had to leave out of the plan schema: scripts/benchmark/reference.py",
        ),
        samples={"agx": ours, "grammar": grammar, "plain": plain},
    )


async def by_phase(planner: Planner, instructions: Sequence[str]) -> Section:
    """Return where the time of a warm plan goes; the share inside llama_decode is that of the whole call."""
    plans = [plan for each in instructions if (plan := await timed_plan(planner, each)) is not None]
    phases: dict[str, list[float]] = defaultdict(list)
    whole, engine = [], []
    for plan in plans:
        timings = plan.generated.metadata.timings_ms
        inside = timings["prefill"] + timings["decode"]
        whole.append(inside / plan.milliseconds)
        engine.append(inside / timings["total"])
        for phase in _PHASES:
            phases[phase].append(timings[phase])
        phases["rest of the worker's loop"].append(timings["total"] - sum(timings[name] for name in _PHASES))
        phases["pipe, request, validation"].append(plan.milliseconds - timings["total"])
    return Section(
        "Where a warm plan's time goes",
        (
            Figure("inside llama_decode, share of the call", median(whole), aim=0.85, more_is_better=True),
            Figure("inside llama_decode, share of the worker", median(engine)),
            *(middle(phase, times) for phase, times in phases.items()),
        ),
        notes=("llama_decode is prefill and decode; medians of each phase by itself",),
        samples={"call": [plan.milliseconds for plan in plans], **phases},
    )


async def busy(planner: Planner, instructions: Sequence[str]) -> Section:
    """Plan again while another process keeps every core busy."""
    idle = [plan.milliseconds for each in instructions if (plan := await timed_plan(planner, each))]
    with every_core_busy():
        await asyncio.sleep(0.5)  # they have to get going
        crowded = [plan.milliseconds for each in instructions if (plan := await timed_plan(planner, each))]
    return Section(
        "The same warm plans while another process keeps every core busy",
        (
            middle("idle, median", idle),
            middle("busy, median", crowded),
            ratio("busy / idle", crowded, idle, aim=3.0),
        ),
        samples={"idle": idle, "busy": crowded},
    )
