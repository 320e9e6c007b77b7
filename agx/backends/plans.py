"""One plan, above `ModelBackend.generate`: written once, and every backend has it.

Prepare (is there a request to make of it? load the model, choose its tools), generate, then turn the
text into a plan that is checked. How several roles share the work is left to `agx.planning`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace

from agx.backends.base import ModelBackend, ModelFacts
from agx.backends.chats import Chats
from agx.backends.dialect_choice import chosen_dialect
from agx.backends.masking import Mask, Unmasking, mask_of
from agx.backends.misfits import MAX_ATTEMPTS, correction, is_misfit, misfit_draft
from agx.backends.plan_requests import (
    Draft,
    PlanOptions,
    check_request,
    has_too_many_tools,
    names_offered,
    plan_request,
    refuse_mismatch,
    with_best_tools,
)
from agx.backends.truncation import truncated
from agx.errors import BackendError, DeadlineExceeded, PlanInvalid
from agx.plan import limits
from agx.plan.changes import task_changes
from agx.plan.dialects import Dialect
from agx.plan.reading import Source, with_notes
from agx.plan.schema import PlanMetadata
from agx.prompts.chosen_examples import NO_EXAMPLES, ShownExamples, chosen_examples
from agx.requests import Chunk, GenerationRequest, Message, Usage
from agx.risk import policy
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules import language
from agx.rules.check import read_draft, refuse_errors
from agx.util.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that a backend can generate, with the context whose tools it offers.

    `facts` are those of the model, which is loaded; `examples` are in the request's messages. `attempt` is 2
    where the model is asked once more.
    """

    instruction: str
    request: GenerationRequest
    context: PlanContext
    facts: ModelFacts
    draft: Draft | None = None
    examples: ShownExamples = NO_EXAMPLES
    dialect: Dialect = "json"
    attempt: int = 1
    mask: Mask | None = None


async def prepare(
    backend: ModelBackend,
    instruction: str,
    context: PlanContext,
    *,
    options: PlanOptions | None = None,
    draft: Draft | None = None,
) -> Prepared:
    """Load the model, and make the request; the time for it is taken from the options' limit.

    Raises what `check_request` raises before anything is loaded, `ModelMismatch` for a model that was
    trained for other tools, what `chosen_dialect` raises, and what loading raises.
    """
    options = options or PlanOptions()
    check_request(instruction, context, options)
    request: GenerationRequest | None = None
    mask = mask_of(instruction)
    examples = NO_EXAMPLES
    if options.dialect in ("auto", "json") and not has_too_many_tools(context, options):
        # In JSON, as the embedded planner writes it. It goes on while the model loads.
        request = plan_request(instruction, context, options, draft)
    facts, left_secs = await _loaded(backend, options.deadline_secs)
    # A model that was trained for its tools handles them all, and needs no examples.
    if facts.is_general:
        context = with_best_tools(context, instruction, options, draft)
    tools = policy.offered(context)
    refuse_mismatch(facts, tools)
    dialect = chosen_dialect(options.dialect, tools, facts, draft=() if draft is None else draft.plan.tasks)
    if dialect == "native":
        examples = _made_examples(context, at_most=options.examples)
    elif facts.is_general:
        examples = chosen_examples(
            instruction,
            context,
            at_most=options.examples,
            context_length=facts.context_length,
            dialect=dialect,
        )
    if request is None or facts.is_general:
        chosen = replace(options, dialect=dialect)
        request = plan_request(instruction, context, chosen, draft, examples=examples, facts=facts)
    if not facts.is_general:
        request = mask.request(request)
    request = replace(request, deadline_secs=left_secs)
    return Prepared(
        instruction,
        request,
        context,
        facts,
        draft,
        examples,
        dialect,
        mask=None if facts.is_general else mask,
    )


async def stream_plan(
    backend: ModelBackend,
    instruction: str,
    context: PlanContext,
    *,
    options: PlanOptions | None = None,
    draft: Draft | None = None,
) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
    """Yield the chunks as they come and the validated plan last.

    A plan whose arguments do not fit their tools is asked for once more, with what the check found: its
    chunks follow those of the first. Raises what `prepare` raises before anything is generated,
    `PlanTruncated` when the budget ended first, `PlanInvalid` for a text that is no valid plan, and what
    the backend raises.
    """
    started = time.perf_counter()
    prepared = await prepare(backend, instruction, context, options=options, draft=draft)
    used = backend.backend_type, backend.model_name
    usages: list[Usage] = []
    while True:
        texts: list[str] = []
        last: Chunk | None = None
        unmasking = Unmasking(() if prepared.mask is None else prepared.mask.names)
        async with aclosing(backend.generate(prepared.request)) as chunks:
            async for chunk in chunks:
                last = unmasking.chunk(chunk)
                if not last.is_reasoning:
                    texts.append(last.text)
                yield last
        if used != (backend.backend_type, backend.model_name):  # another one took its place on the way
            prepared = replace(prepared, facts=await backend.model_facts())
        text = "".join(texts)
        usages.append(_usage_of_whole(last, text, prepared))
        metadata = _metadata(backend, prepared, usage=_total(usages), started=started)
        try:
            plan = _generated(prepared, text, metadata)
        except PlanInvalid as error:
            again = await _prepared_again(backend, prepared, error, options=options, started=started)
            if again is None:
                raise
            prepared = replace(again, draft=draft)
        else:
            yield plan
            return


async def _prepared_again(
    backend: ModelBackend,
    prepared: Prepared,
    error: PlanInvalid,
    *,
    options: PlanOptions | None,
    started: float,
) -> Prepared | None:
    """Return the request for another attempt; None where there is none, or no time for it."""
    options = options or PlanOptions()
    if options.deadline_secs is not None:
        left_secs = options.deadline_secs - (time.perf_counter() - started)
        options = replace(options, deadline_secs=max(0.0, left_secs))
    if prepared.attempt == MAX_ATTEMPTS or options.deadline_secs == 0:
        return None
    if not is_misfit(error):
        return _asked_again(prepared, error, options) if prepared.facts.may_ignore_schema else None
    source = as_source(error.text, prepared.dialect)
    own = misfit_draft(source, prepared.instruction, prepared.context, dialect=prepared.dialect)
    if own is None:
        return None
    again = await prepare(backend, prepared.instruction, prepared.context, options=options, draft=own)
    # The draft is wrong: nothing is to hold the model to it.
    return replace(again, request=replace(again.request, draft_margin=0.0), attempt=prepared.attempt + 1)


def _asked_again(prepared: Prepared, error: PlanInvalid, options: PlanOptions) -> Prepared:
    """Return the request with the text that was no plan, for a server that may have ignored the schema."""
    said = (Message("assistant", error.text), Message("user", correction(error)))
    request = replace(
        prepared.request,
        messages=(*prepared.request.messages, *said),
        deadline_secs=options.deadline_secs,
    )
    return replace(prepared, request=request, attempt=prepared.attempt + 1)


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
    """Run a stream to its end and return its plan, the last one where there are two."""
    async with aclosing(stream) as items:
        plans = [item async for item in items if isinstance(item, GeneratedPlan)]
    return plans[-1]


class GeneratesPlans(Chats):
    """Adds `generate_plan` and `chat` to a backend, above its primitive."""

    async def generate_plan(
        self: ModelBackend, instruction: str, context: PlanContext | None = None
    ) -> GeneratedPlan:
        """Generate one validated plan; see `stream_plan` for what it raises."""
        return await generate_plan(self, instruction, context)


async def _loaded(backend: ModelBackend, deadline_secs: float | None) -> tuple[ModelFacts, float | None]:
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


def _usage_of_whole(last: Chunk | None, text: str, prepared: Prepared) -> Usage:
    """Return the usage of a text that is whole; one that was cut off is never closed silently."""
    if last is None or last.finish_reason is None or last.finish_reason == "cancelled":
        raise BackendError("the generation ended before its text did", hint="try again", text=text)
    usage = last.usage or Usage()
    if last.finish_reason == "length":
        max_tokens = prepared.request.parameters.max_tokens
        raise truncated(text, usage, max_tokens=max_tokens, context_length=prepared.facts.context_length)
    return usage


def _total(usages: Sequence[Usage]) -> Usage:
    """Return what all attempts cost together; the seed and the timings are those of the last one."""
    counts = {
        name: sum(getattr(usage, name) for usage in usages)
        for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens", "forced_tokens")
    }
    return replace(usages[-1], **counts)


def _generated(prepared: Prepared, text: str, metadata: PlanMetadata) -> GeneratedPlan:
    """Read the text as a plan and check it by everything there is; raises `PlanInvalid`.

    The error's details name the dialect of the text, where that is not JSON.
    """
    try:
        return _checked(prepared, text, metadata)
    except PlanInvalid as error:
        error.text = text  # not what was made of it to be read
        error.details |= _other_dialect(prepared) | {"text": text}
        raise


def _checked(prepared: Prepared, text: str, metadata: PlanMetadata) -> GeneratedPlan:
    context, draft = prepared.context, prepared.draft
    plan, findings = read_draft(
        as_source(text, prepared.dialect),
        context.registry,
        instruction=prepared.instruction,
        metadata=metadata,
        max_tasks=context.task_limit,
        normalise="sort" in policy.offered(context),  # what normalising puts in has to be on offer, too
        dialect=prepared.dialect,
    )
    findings = (
        *limits.check(plan.tasks, context.limits),
        *policy.check(plan.tasks, context),
        *findings,
    )
    if prepared.mask is not None:
        notes = prepared.mask.notes
        plan = with_notes(plan, notes)
        findings = (*language.check(prepared.instruction, plan.tasks), *findings, *notes)
    refuse_errors(findings, text)
    changes = None if draft is None else task_changes(draft.plan.tasks, plan.tasks)
    return GeneratedPlan(plan=plan, findings=findings, changes=changes, text=text)


def _made_examples(context: PlanContext, *, at_most: int) -> ShownExamples:
    from agx.prompts.made_examples import made_examples  # noqa: PLC0415  the embedded planner writes JSON

    return ShownExamples(core=made_examples(context, at_most=at_most))


def as_source(text: Source, dialect: Dialect) -> Source:
    """Return a model's text in a form that `read_draft` reads; raises `PlanInvalid` for what are no calls."""
    if dialect != "native" or not isinstance(text, str):
        return text
    from agx.toolcalls.reading import plan_of_calls  # noqa: PLC0415  the embedded planner writes JSON

    return plan_of_calls(text)


def _metadata(backend: ModelBackend, prepared: Prepared, *, usage: Usage, started: float) -> PlanMetadata:
    facts, request, context = prepared.facts, prepared.request, prepared.context
    return PlanMetadata(
        backend=backend.backend_type.value,
        model=facts.name,
        model_sha256=facts.sha256,
        role="echo" if prepared.draft is None else "delta",
        device=facts.device,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        latency_ms=round((time.perf_counter() - started) * 1000, 3),
        seed=usage.seed,
        parameters=asdict(request.parameters) | _other_parameters(prepared) | policy.as_parameters(context),
        build=facts.build,
        fell_back_from=facts.fell_back_from,
        timings_ms={name: round(ms, 3) for name, ms in usage.timings_ms.items()},
        tools_offered=names_offered(context),
    )


def _other_parameters(prepared: Prepared) -> dict[str, int | str]:
    """Return what else was asked for and has an influence on the text."""
    asked = {
        "think": prepared.request.reasoning_tokens,
        "chat_template_sha256": prepared.facts.chat_template_sha256,
        "examples": len(prepared.examples.nearest) or None,
        "attempts": None if prepared.attempt == 1 else prepared.attempt,
    }
    return {name: value for name, value in asked.items() if value is not None} | _other_dialect(prepared)


def _other_dialect(prepared: Prepared) -> dict[str, str]:
    """Return the dialect as it stands among parameters and details; nothing where it is JSON."""
    return {} if prepared.dialect == "json" else {"dialect": prepared.dialect}
