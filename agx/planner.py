"""The planner: what programs use. It opens backends for the roles, and turns instructions to plans."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agx.backends.base import BackendKind, Chunk, Health, ModelBackend, Parameters
from agx.backends.create import create_backend
from agx.backends.planning import Draft, PlanOptions, last_plan, plan_request, stream_plan
from agx.errors import AgxError, PlanInvalid, UsageError
from agx.models import EMBEDDED, resolve_model
from agx.plan.context import DEFAULT_MAX_TASKS, GeneratedPlan, PlanContext
from agx.plan.forms import read_draft
from agx.plan.schema import Plan
from agx.plan.tools import Registry, unix_registry
from agx.roles import ModelRole, Role
from agx.worker.process import WorkerProcess


@dataclass(frozen=True, slots=True)
class PlannerConfig:
    """Everything a planner can be told. `seed` None draws a fresh one for every plan.

    `echo_model` and `delta_model` are a path, a name in `models_dir`, or `agx-nano`. `context_size`
    is in tokens, `gpu_layers` in layers of the model; None leaves each to the machine.
    """

    backend: BackendKind = BackendKind.AUTO
    role: ModelRole = ModelRole.ECHO
    echo_model: str = EMBEDDED
    delta_model: str = EMBEDDED
    models_dir: Path | None = None
    device: str = "auto"
    context_size: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    max_tasks: int = DEFAULT_MAX_TASKS
    parameters: Parameters = field(default_factory=Parameters)
    seed: int | None = None
    timeout_secs: float | None = None


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """What would be sent to the model: the rendered prompt, its length, the schema, the parameters."""

    prompt: str
    prompt_tokens: int
    schema: Mapping[str, Any]
    parameters: Parameters


class Planner:
    """Plans with one or two models; an async context manager.

    `registry` is the tools (default: the Unix commands) where a call's context names none. `backend`
    is used for both roles instead of what the config names, and stays the caller's to close. `worker`
    is a process started beforehand, and becomes the planner's.
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
                        draft = Draft(item.plan, item.findings)
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
        """Give Echo's rendered prompt, or with a draft Delta's, and the schema; generates nothing."""
        chosen = self._context(context)
        kept = None if draft is None else _read_draft(draft, instruction, chosen)
        backend = self._backend(ModelRole.ECHO if kept is None else ModelRole.DELTA)
        text = kept.plan.instruction if kept is not None else instruction or ""
        request = plan_request(text, chosen, self._options(), kept)
        prompt, num_tokens = await backend.render(request.messages)
        return PromptPreview(prompt, num_tokens, request.schema or {}, request.parameters)

    async def health_check(self) -> Health:
        """Say whether this planner can plan now; raises nothing."""
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
        chosen = context or PlanContext()
        return chosen.within(tools=self.registry, max_tasks=self.config.max_tasks)

    def _options(self) -> PlanOptions:
        config = self.config
        return PlanOptions(config.parameters, seed=config.seed, deadline_secs=config.timeout_secs)

    def _role(self, name: ModelRole) -> Role:
        model = self.config.delta_model if name is ModelRole.DELTA else self.config.echo_model
        return Role(name, model, self.config.parameters)

    def _stream(
        self,
        name: ModelRole,
        instruction: str,
        context: PlanContext | None,
        draft: Draft | None = None,
        *,
        options: PlanOptions | None = None,
    ) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
        chosen = options or replace(self._options(), parameters=self._role(name).parameters)
        return stream_plan(
            self._backend(name), instruction, self._context(context), options=chosen, draft=draft
        )

    def _backend(self, name: ModelRole) -> ModelBackend:
        """Give the backend of a role; roles with the same model share one."""
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
                device=config.device,
                context_size=config.context_size,
                threads=config.threads,
                gpu_layers=config.gpu_layers,
                worker=worker,
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
