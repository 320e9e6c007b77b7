"""From an instruction to a validated plan: written once, above `ModelBackend.generate`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field

from agx.backends.base import Chunk, GenerationRequest, Message, ModelBackend, ModelFacts, Parameters, Usage
from agx.errors import BackendError, ModelMismatch, PlanTruncated, UsageError
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan import limits
from agx.plan.context import GeneratedPlan, PlanContext, task_changes
from agx.plan.forms import read_draft, refuse_errors
from agx.plan.schema import Finding, Plan, PlanMetadata
from agx.plan.tools import Registry, unix_registry
from agx.prompts.delta import delta_turns
from agx.prompts.echo import system_text


@dataclass(frozen=True, slots=True)
class Draft:
    """What Delta starts from: a plan, and what the rules found in it."""

    plan: Plan
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How to generate one plan."""

    parameters: Parameters = field(default_factory=Parameters)
    seed: int | None = None
    deadline_secs: float | None = None


def plan_request(
    instruction: str, context: PlanContext, options: PlanOptions, draft: Draft | None = None
) -> GenerationRequest:
    """Make the request for Echo, or with a draft for Delta; raises `UsageError` for no instruction."""
    if not instruction.strip():
        raise UsageError("the instruction is empty", hint='say what to plan: agx plan "count lines in a.txt"')
    turns: list[Message] = [Message("system", system_text(context)), Message("user", instruction)]
    if draft is not None:
        assistant, user = delta_turns(draft.plan.tasks, draft.findings)
        turns += [Message("assistant", assistant), Message("user", user)]
    bounds = PlanLimits(max_tasks=context.max_tasks, **asdict(context.limits))
    return GenerationRequest(
        messages=tuple(turns),
        schema=plan_schema(tuple(context.tools), bounds),
        parameters=options.parameters,
        seed=options.seed,
        deadline_secs=options.deadline_secs,
    )


async def stream_plan(
    backend: ModelBackend,
    instruction: str,
    context: PlanContext,
    *,
    options: PlanOptions | None = None,
    draft: Draft | None = None,
) -> AsyncIterator[Chunk | GeneratedPlan]:
    """Yield the chunks as they come and the validated plan last.

    Raises `ModelMismatch` before anything is generated, `PlanTruncated` when the budget ended
    first, `PlanInvalid` for a text that is no valid plan, and what the backend raises.
    """
    chosen = options or PlanOptions()
    request = plan_request(instruction, context, chosen, draft)
    started = time.perf_counter()
    facts = await backend.model_facts()
    refuse_mismatch(facts, context.tools)
    texts: list[str] = []
    last: Chunk | None = None
    async for chunk in backend.generate(request):
        texts.append(chunk.text)
        last = chunk
        yield chunk
    text = "".join(texts)
    usage = _finished(last, text, chosen.parameters)
    metadata = PlanMetadata(
        backend=backend.backend_type.value,
        model=facts.name,
        model_sha256=facts.sha256,
        role="echo" if draft is None else "delta",
        device=facts.device,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        latency_ms=round((time.perf_counter() - started) * 1000, 3),
        seed=usage.seed,
        parameters=asdict(chosen.parameters),
        build=facts.build,
        timings_ms={name: round(ms, 3) for name, ms in usage.timings_ms.items()},
    )
    plan, findings = read_draft(
        text, context.tools, instruction=instruction, metadata=metadata, max_tasks=context.max_tasks
    )
    findings = (*limits.check(plan.tasks, context.limits), *findings)
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
    return [item async for item in stream if isinstance(item, GeneratedPlan)][0]


def _finished(last: Chunk | None, text: str, parameters: Parameters) -> Usage:
    """Give the usage of a text that is whole; one that was cut off is never closed silently."""
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
