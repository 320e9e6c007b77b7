"""From an instruction to a validated plan: written once, above `ModelBackend.generate`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from math import inf

from agx.backends.base import Chunk, GenerationRequest, Message, ModelBackend, ModelFacts, Parameters, Usage
from agx.errors import BackendError, DeadlineExceeded, ModelMismatch, PlanTruncated, UsageError
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.grammar.tool_schema import Schema
from agx.plan import limits
from agx.plan.changes import task_changes
from agx.plan.schema import MAX_TASKS, Finding, Plan, PlanMetadata
from agx.plan.tools import Registry
from agx.prompts.delta import delta_turns
from agx.prompts.echo import system_text
from agx.prompts.tools import template_tools
from agx.risk import policy
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import read_draft, refuse_errors
from agx.unix.registry import unix_registry

# Delta changes a draft only where it is this much surer, in nats: a right draft is to stay as it is.
DRAFT_MARGIN = 5.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What Delta starts from: a plan, and what the rules found in it."""

    plan: Plan
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How to generate one plan. `reasoning_tokens` None lets the model think as far as it has to."""

    parameters: Parameters = field(default_factory=Parameters)
    seed: int | None = None
    deadline_secs: float | None = None
    reasoning_tokens: int | None = None


def check_request(instruction: str, context: PlanContext, options: PlanOptions) -> None:
    """Raise `UsageError` for what `plan_request` cannot make a request of."""
    _check_instruction(instruction)
    if not 1 <= context.task_limit <= MAX_TASKS:
        raise UsageError(f"max_tasks cannot be {context.task_limit}", hint=f"use 1 to {MAX_TASKS}")
    if options.deadline_secs is not None and not 0 <= options.deadline_secs < inf:
        raise UsageError(f"the time limit cannot be {options.deadline_secs} s", hint="give none for no limit")


def plan_request(
    instruction: str, context: PlanContext, options: PlanOptions, draft: Draft | None = None
) -> GenerationRequest:
    """Make the request for Echo, or with a draft for Delta.

    Raises `UsageError` for an instruction that is no text or says nothing, for `max_tasks` or a time
    limit that cannot be, and for a policy that names no tool or leaves none.
    """
    check_request(instruction, context, options)
    turns: list[Message] = [Message("system", system_text(context)), Message("user", instruction)]
    if draft is not None:
        assistant, user = delta_turns(draft.plan.tasks, draft.findings)
        turns += [Message("assistant", assistant), Message("user", user)]
    bounds = PlanLimits(max_tasks=context.task_limit, **asdict(context.limits))
    offered = policy.offered(context)
    functions, listing = template_tools(offered)
    return GenerationRequest(
        messages=tuple(turns),
        schema=_schema(offered, bounds),
        parameters=options.parameters,
        seed=options.seed,
        deadline_secs=options.deadline_secs,
        reasoning_tokens=options.reasoning_tokens,
        draft=None if draft is None else turns[-2].content,
        draft_margin=DRAFT_MARGIN,
        tools=functions,
        tools_text=listing + "\n\n" if functions else "",
    )


@lru_cache(maxsize=8)
def _schema(registry: Registry, bounds: PlanLimits) -> Schema:
    """Return the schema of the plans: the same one for the same registry, so that it is made once."""
    return plan_schema(tuple(registry), bounds)


async def stream_plan(
    backend: ModelBackend,
    instruction: str,
    context: PlanContext,
    *,
    options: PlanOptions | None = None,
    draft: Draft | None = None,
) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
    """Yield the chunks as they come and the validated plan last.

    Raises `ModelMismatch` before anything is generated, `PlanTruncated` when the budget ended
    first, `PlanInvalid` for a text that is no valid plan, and what the backend raises.
    """
    chosen = options or PlanOptions()
    request = plan_request(instruction, context, chosen, draft)
    started = time.perf_counter()
    facts, left_secs = await loaded(backend, request.deadline_secs)
    request = replace(request, deadline_secs=left_secs)
    tools = policy.offered(context)
    refuse_mismatch(facts, tools)
    texts: list[str] = []
    last: Chunk | None = None
    async with aclosing(backend.generate(request)) as chunks:
        async for chunk in chunks:
            if not chunk.is_reasoning:
                texts.append(chunk.text)
            last = chunk
            yield chunk
    text = "".join(texts)
    usage = _finished(last, text, chosen.parameters)
    made_by = _metadata(backend, facts, usage=usage, request=request)
    metadata = made_by.model_copy(
        update={
            "role": "echo" if draft is None else "delta",
            "latency_ms": _milliseconds_since(started),
            "parameters": made_by.parameters | policy.as_parameters(context),
            "tools_offered": names_offered(context),
        }
    )
    plan, findings = read_draft(
        text,
        context.registry,
        instruction=instruction,
        metadata=metadata,
        max_tasks=context.task_limit,
        normalise="sort" in tools,  # what normalising puts in is one of the tools offered, too
    )
    findings = (
        *limits.check(plan.tasks, context.limits),
        *policy.check(plan.tasks, context),
        *findings,
    )
    refuse_errors(findings, text)
    changes = None if draft is None else task_changes(draft.plan.tasks, plan.tasks)
    yield GeneratedPlan(plan=plan, findings=findings, changes=changes, text=text)


async def generate_plan(
    backend: ModelBackend,
    instruction: str,
    context: PlanContext | None = None,
    *,
    options: PlanOptions | None = None,
    draft: Draft | None = None,
) -> GeneratedPlan:
    """Generate one validated plan; see `stream_plan` for what it raises."""
    stream = stream_plan(backend, instruction, context or PlanContext(), options=options, draft=draft)
    return await last_plan(stream)


async def last_plan(stream: AsyncGenerator[Chunk | GeneratedPlan, None]) -> GeneratedPlan:
    """Run a stream to its end and give its plan, the last one where there are two."""
    async with aclosing(stream) as items:
        plans = [item async for item in items if isinstance(item, GeneratedPlan)]
    return plans[-1]


def _metadata(
    backend: ModelBackend, facts: ModelFacts, *, usage: Usage, request: GenerationRequest
) -> PlanMetadata:
    return PlanMetadata(
        backend=backend.backend_type.value,
        model=facts.name,
        model_sha256=facts.sha256,
        device=facts.device,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        seed=usage.seed,
        parameters=asdict(request.parameters) | _told_beside(facts, request),
        build=facts.build,
        timings_ms={name: round(ms, 3) for name, ms in usage.timings_ms.items()},
    )


def _told_beside(facts: ModelFacts, request: GenerationRequest) -> dict[str, int | str]:
    """Return what else was asked for and has an influence on the text."""
    told = {"think": request.reasoning_tokens, "chat_template_sha256": facts.chat_template_sha256}
    return {name: value for name, value in told.items() if value is not None}


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def names_offered(context: PlanContext) -> tuple[str, ...] | None:
    """Return the names of the tools that were chosen to be offered, or None where all allowed ones are."""
    allowed = replace(context, offered=None)
    tools = policy.offered(context)
    return None if tools is policy.offered(allowed) else tuple(tool.name for tool in tools)


def _check_instruction(instruction: str) -> None:
    hint = 'say what to plan: agx plan "count lines in a.txt"'
    if not isinstance(instruction, str):
        raise UsageError(f"the instruction is no text but {type(instruction).__name__}", hint=hint)
    if not instruction.strip():
        raise UsageError("the instruction is empty", hint=hint)
    if any("\ud800" <= char <= "\udfff" for char in instruction):
        raise UsageError(
            "the instruction is not valid Unicode: it has half a character", hint="use UTF-8 text"
        )


async def loaded(backend: ModelBackend, deadline_secs: float | None) -> tuple[ModelFacts, float | None]:
    """Return the model's facts, and of the time limit what is left when they are known."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout(deadline_secs):
            facts = await backend.model_facts()
    except TimeoutError:
        raise DeadlineExceeded(
            f"the time limit of {deadline_secs:g} s ran out while the model was loaded",
            hint="allow more time, or use a smaller model",
        ) from None
    if deadline_secs is None:
        return facts, None
    return facts, max(0.0, deadline_secs - (loop.time() - started))


def _finished(last: Chunk | None, text: str, parameters: Parameters) -> Usage:
    """Return the usage of a text that is whole; one that was cut off is never closed silently."""
    if last is None or last.finish_reason is None or last.finish_reason == "cancelled":
        raise BackendError("the generation ended before its text did", hint="try again", text=text)
    if last.finish_reason == "length":
        raise PlanTruncated(
            f"the plan was not finished within {parameters.max_tokens} tokens",
            hint="allow more with --max-tokens, or ask for less at once",
            text=text,
        )
    return last.usage or Usage()


def refuse_mismatch(facts: ModelFacts, registry: Registry) -> None:
    """Raise `ModelMismatch` where a model made for Unix tools is asked to plan with others."""
    if facts.planner_tools != "unix" or registry.kind == "unix":
        return
    unix = unix_registry()
    foreign = [tool.name for tool in registry if tool.schema is not None or tool.name not in unix]
    if foreign:
        raise ModelMismatch(
            f"{facts.name} plans with Unix commands only; this registry has {foreign[0]!r}",
            hint="use a general instruction model: --model FILE.gguf",
            tools=foreign[:10],
        )


class GeneratesPlans:
    """Gives a backend `generate_plan`, above its primitive."""

    async def generate_plan(
        self: ModelBackend, instruction: str, context: PlanContext | None = None
    ) -> GeneratedPlan:
        """Generate one validated plan; see `stream_plan` for what it raises."""
        return await generate_plan(self, instruction, context)
