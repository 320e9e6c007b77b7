"""The planner: what programs use. It opens backends for the roles, and turns instructions to plans."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agx.backends.base import BackendKind, Chunk, Health, ModelBackend, Parameters
from agx.backends.create import create_backend
from agx.backends.plans import (
    Draft,
    PlanOptions,
    check_request,
    last_plan,
    loaded,
    names_offered,
    plan_request,
    stream_plan,
)
from agx.errors import AgxError, PlanInvalid, UsageError
from agx.models.hashes import HASHES_NAME
from agx.models.resolve import EMBEDDED, name_of, resolve_model
from agx.plan.schema import Plan
from agx.plan.tools import Registry
from agx.planning.roles import ModelRole, Role
from agx.risk import policy
from agx.risk.context import DEFAULT_MAX_TASKS, GeneratedPlan, MaxRisk, PlanContext
from agx.rules.check import read_draft
from agx.tools.offering import num_offered, offering
from agx.unix.registry import unix_registry
from agx.worker.process import WorkerProcess
from agx.worker.protocol import LoadOptions


@dataclass(frozen=True, slots=True)
class PlannerConfig:
    """Everything a planner can be told. `seed` None draws a fresh one for every plan.

    `echo_model` and `delta_model` are a path, a name in `models_dir`, `ollama:name:tag` or `agx-nano`.
    `context_size` is in tokens, `gpu_layers` in layers of the model; None leaves each to the machine.
    `flash_attn` is auto, on or off, the types of the key-value cache are ggml's names; `mlock` keeps the
    weights in memory, and without `mmap` they are read into it instead of mapped. `chat_template` is
    the text of a template in place of the models' own. `think` is how many tokens a model may think
    before it plans: 0 is none; None is none where its template can turn thinking off, and a few
    hundred else.

    `tools_limit` is the most tools that a model is offered, the best for the instruction: 0 is all of
    them, None what suits model and tools. `delta_tools_limit` is the same for Delta's model, None as
    the other. No plan uses a tool of `forbidden` or goes above `max_risk`; a context can only add.
    """

    backend: BackendKind = BackendKind.AUTO
    role: ModelRole = ModelRole.ECHO
    echo_model: str | Path = EMBEDDED
    delta_model: str | Path = EMBEDDED
    models_dir: Path | None = None
    device: str = "auto"
    context_size: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    flash_attn: str = "auto"
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    mlock: bool = False
    mmap: bool = True
    chat_template: str | None = None
    think: int | None = None
    max_tasks: int = DEFAULT_MAX_TASKS
    tools_limit: int | None = None
    delta_tools_limit: int | None = None
    forbidden: frozenset[str] = frozenset()
    max_risk: MaxRisk = "any"
    parameters: Parameters = field(default_factory=Parameters)
    seed: int | None = None
    timeout_secs: float | None = None

    def load_options(self) -> LoadOptions:
        """Return what is said of loading a model."""
        return LoadOptions(
            device=self.device,
            context_size=self.context_size,
            threads=self.threads,
            gpu_layers=self.gpu_layers,
            flash_attn=self.flash_attn,
            cache_type_k=self.cache_type_k,
            cache_type_v=self.cache_type_v,
            mlock=self.mlock,
            mmap=self.mmap,
            chat_template=self.chat_template,
        )


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """What would be sent to the model: the rendered prompt, its length, the schema, the parameters.

    `tools_offered` is None where all tools that are allowed are offered.
    """

    prompt: str
    prompt_tokens: int
    schema: Mapping[str, Any]
    parameters: Parameters
    tools_offered: tuple[str, ...] | None = None


class Planner:
    """Plans with one or two models; an async context manager.

    `registry` is the tools (default: the Unix commands) where a call's context names none. `backend`
    is used for both roles instead of what the config names, and stays the caller's to close. `worker`
    is a process started beforehand, and becomes the planner's. `on_progress`, which may be set until
    the first plan, is told how much of a model's weights has been read, from 0 to 1. `on_warning`
    is told, once a model, what a user of it should know; it is the log where nothing else was set.
    """

    def __init__(
        self,
        config: PlannerConfig | None = None,
        *,
        registry: Registry | None = None,
        backend: ModelBackend | None = None,
        worker: WorkerProcess | None = None,
    ) -> None:
        self.config = config or PlannerConfig()
        self.registry = registry or unix_registry()
        self.on_progress: Callable[[float], None] | None = None
        self.on_warning: Callable[[str], None] = logging.getLogger(__name__).warning
        self._given = backend
        self._worker = worker
        self._backends: dict[str, ModelBackend] = {}
        self._stack = AsyncExitStack()
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"open, models in use: {', '.join(self._backends) or 'none'}"
        return f"<Planner of the role {self.config.role.value}, {state}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def plan(
        self, instruction: str, context: PlanContext | None = None, *, options: PlanOptions | None = None
    ) -> GeneratedPlan:
        """Plan an instruction; with the role `both` Delta refines what Echo drafted.

        `options` takes the place of the config's parameters, seed and time limit for this plan.
        Raises the errors of `agx.errors`: a plan that comes back is valid.
        """
        return await last_plan(self.stream(instruction, context, options=options))

    async def stream(
        self, instruction: str, context: PlanContext | None = None, *, options: PlanOptions | None = None
    ) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
        """Yield the text in chunks as it is written, and the plan last; closing it stops the generation.

        With the role `both` these are the chunks of the draft, then those of the refined plan.
        """
        if self.config.role is ModelRole.DELTA:
            raise UsageError("the role delta needs a draft", hint="call refine, or use --draft FILE")
        is_refined = self.config.role is ModelRole.BOTH
        draft: Draft | None = None
        try:
            async with aclosing(self._stream(ModelRole.ECHO, instruction, context, options=options)) as items:
                async for item in items:
                    if is_refined and isinstance(item, GeneratedPlan):
                        draft = _read_draft(item.text, instruction, self._context(context))
                    else:
                        yield item
        except PlanInvalid as error:
            if not is_refined:
                raise
            # What the rules find in a draft is for Delta to mend; a text that is no plan raises again.
            draft = _read_draft(error.text, instruction, self._context(context))
        if draft is not None:
            stream = self._stream(ModelRole.DELTA, instruction, context, draft, options=options)
            async with aclosing(stream) as items:
                async for item in items:
                    yield item

    async def refine(
        self,
        draft: Plan | str | Mapping[str, Any] | Sequence[Any],
        instruction: str | None = None,
        context: PlanContext | None = None,
        *,
        options: PlanOptions | None = None,
    ) -> GeneratedPlan:
        """Let Delta mend a draft: a plan, or text or data in any form that AGX reads.

        `instruction` is the draft's own unless given. What changed is in `changes`, task by task.
        """
        return await last_plan(self.stream_refined(draft, instruction, context, options=options))

    async def stream_refined(
        self,
        draft: Plan | str | Mapping[str, Any] | Sequence[Any],
        instruction: str | None = None,
        context: PlanContext | None = None,
        *,
        options: PlanOptions | None = None,
    ) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
        """Yield Delta's text in chunks, and the refined plan last."""
        chosen = self._context(context)
        kept = _read_draft(draft, instruction, chosen)
        stream = self._stream(ModelRole.DELTA, kept.plan.instruction, chosen, kept, options=options)
        async with aclosing(stream) as items:
            async for item in items:
                yield item

    async def prompt(
        self,
        instruction: str | None,
        context: PlanContext | None = None,
        *,
        draft: Plan | str | Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> PromptPreview:
        """Return Echo's rendered prompt, or with a draft Delta's, and the schema; generates nothing."""
        chosen = self._context(context)
        kept = None if draft is None else _read_draft(draft, instruction, chosen)
        name = ModelRole.ECHO if kept is None else ModelRole.DELTA
        text = kept.plan.instruction if kept is not None else instruction or ""
        chosen, options = await self._prepared(name, text, chosen, self._options(), draft=kept)
        request = plan_request(text, chosen, options, kept)
        prompt, num_tokens = await self._backend(name).render(request)
        shown = names_offered(chosen)
        return PromptPreview(prompt, num_tokens, request.schema or {}, request.parameters, shown)

    async def health_check(self) -> Health:
        """Return whether this planner can plan now; raises nothing."""
        try:
            return await self._backend(ModelRole.ECHO).health_check()
        except AgxError as error:
            return Health(ok=False, detail=error.message, facts={"hint": error.hint})

    async def aclose(self) -> None:
        """Close what this planner opened; safe to call twice."""
        self._closed = True
        self._backends.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
        await self._stack.aclose()

    def _context(self, context: PlanContext | None) -> PlanContext:
        chosen = (context or PlanContext()).within(tools=self.registry, max_tasks=self.config.max_tasks)
        return policy.tightened(chosen, forbidden=self.config.forbidden, max_risk=self.config.max_risk)

    def _options(self) -> PlanOptions:
        config = self.config
        return PlanOptions(
            config.parameters,
            seed=config.seed,
            deadline_secs=config.timeout_secs,
            reasoning_tokens=config.think,
        )

    def _role(self, name: ModelRole) -> Role:
        config = self.config
        if name is not ModelRole.DELTA:
            return Role(name, str(config.echo_model), config.parameters, config.tools_limit)
        limit = config.tools_limit if config.delta_tools_limit is None else config.delta_tools_limit
        return Role(name, str(config.delta_model), config.parameters, limit)

    async def _stream(
        self,
        name: ModelRole,
        instruction: str,
        context: PlanContext | None,
        draft: Draft | None = None,
        *,
        options: PlanOptions | None = None,
    ) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
        chosen = options or replace(self._options(), parameters=self._role(name).parameters)
        within, chosen = await self._prepared(name, instruction, self._context(context), chosen, draft=draft)
        stream = stream_plan(self._backend(name), instruction, within, options=chosen, draft=draft)
        async with aclosing(stream) as items:
            async for item in items:
                yield item

    async def _prepared(
        self,
        name: ModelRole,
        instruction: str,
        context: PlanContext,
        options: PlanOptions,
        *,
        draft: Draft | None,
    ) -> tuple[PlanContext, PlanOptions]:
        """Choose the tools that are offered, where there are more than the role's model handles well.

        A model that was trained for its tools handles them all, which it says once it is loaded: the
        time for that is taken from the options' limit.
        """
        num_tools = num_offered(context, self._role(name).tools_limit)
        if num_tools is None:
            return context, options
        check_request(instruction, context, options)
        facts, left_secs = await loaded(self._backend(name), options.deadline_secs)
        if facts.planner_tools is None:
            tasks = (*context.existing_tasks, *(draft.plan.tasks if draft is not None else ()))
            kept = [task.command for task in tasks]
            context = offering(context, instruction, num_tools=num_tools, kept=kept)
        return context, replace(options, deadline_secs=left_secs)

    def _backend(self, name: ModelRole) -> ModelBackend:
        """Return the backend of a role; roles with the same model share one."""
        if self._closed:
            raise UsageError("this planner is closed", hint="plan inside its `async with` block")
        if self._given is not None:
            return self._given
        model = self._role(name).model
        if model not in self._backends:
            config = self.config
            worker, self._worker = self._worker, None
            backend = create_backend(
                config.backend,
                model=resolve_model(model, models_dir=config.models_dir),
                name=name_of(model),
                worker=worker,
                hashes_path=None if config.models_dir is None else config.models_dir / HASHES_NAME,
                on_progress=self.on_progress,
                on_warning=self.on_warning,
                **config.load_options(),
            )
            self._stack.push_async_callback(backend.aclose)
            self._backends[model] = backend
        return self._backends[model]


def _read_draft(
    draft: Plan | str | Mapping[str, Any] | Sequence[Any], instruction: str | None, context: PlanContext
) -> Draft:
    source = draft.to_dict() if isinstance(draft, Plan) else draft
    plan, findings = read_draft(
        source, context.registry, instruction=instruction or "", max_tasks=context.task_limit
    )
    findings = (*policy.check(plan.tasks, context), *findings)
    if not plan.instruction.strip():
        raise UsageError("the draft does not say what it is for", hint="give the instruction as well")
    return Draft(plan, findings)


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
    outcome: list[GeneratedPlan | BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(once()))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            outcome.append(error)

    thread = threading.Thread(target=run, name="agx-plan-sync")
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
