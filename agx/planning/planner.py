"""The planner: what programs use. It opens backends for the roles, and turns instructions into plans."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from agx.backends.base import Health, ModelBackend
from agx.backends.create import create_backend
from agx.backends.plan_requests import PlanOptions, check_options, names_offered
from agx.backends.plans import last_plan, prepare
from agx.backends.specs import Attachments, ModelChoice, specify
from agx.errors import AgxError, UsageError
from agx.plan.dialects import Dialect
from agx.plan.schema import Finding
from agx.plan.tools import Registry
from agx.planning.config import ModelRole, PlannerConfig, Role
from agx.planning.many import (
    NUM_WAITING,
    Instructions,
    PlanOutcome,
    check_parallel,
    plan_each,
)
from agx.planning.pipeline import DraftSource, draft_of, stream_roles
from agx.requests import Chunk, Parameters
from agx.risk import policy
from agx.risk.context import GeneratedPlan, PlanContext
from agx.unix.registry import unix_registry
from agx.util.frozen import dataclass
from agx.worker.channel import Channel


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """What would be sent to the model: the rendered prompt, its length, the schema, the parameters.

    `tools_offered` is None where all tools that are allowed are offered. `examples` are the
    instructions of the examples in the prompt, in its order. In the dialects `shell` and `native` there is a
    `grammar` in place of the schema, which is empty.
    """

    prompt: str
    prompt_tokens: int
    schema: Mapping[str, Any]
    parameters: Parameters
    tools_offered: tuple[str, ...] | None = None
    examples: tuple[str, ...] = ()
    dialect: Dialect = "json"
    grammar: str | None = None


class Planner:
    """Plans with one or two models; an async context manager.

    `registry` is the tools (default: the Unix commands) where a call's context names none. `backend`
    is used for both roles instead of what the config names, and stays the caller's to close. `worker`
    is a process started beforehand, and becomes the planner's. `on_progress`, which may be set until
    the first plan, is called with how much of a model's weights has been read, from 0 to 1.
    `on_warning` is called once a model with what a user of it should know; it is the log unless set.
    """

    def __init__(
        self,
        config: PlannerConfig | None = None,
        *,
        registry: Registry | None = None,
        backend: ModelBackend | None = None,
        worker: Channel | None = None,
    ) -> None:
        self.config = config or PlannerConfig()
        self.registry = registry or unix_registry()
        self.on_progress: Callable[[float], None] | None = None
        self.on_warning: Callable[[str], None] = logging.getLogger(__name__).warning
        self._given = backend
        self._worker = worker
        self._backends: dict[ModelChoice, ModelBackend] = {}
        self._stack = AsyncExitStack()
        self._is_closed = False

    def __repr__(self) -> str:
        names = ", ".join(choice.model for choice in self._backends)
        state = "closed" if self._is_closed else f"open, models in use: {names or 'none'}"
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

    def stream(
        self, instruction: str, context: PlanContext | None = None, *, options: PlanOptions | None = None
    ) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
        """Yield the text in chunks as it is written, and the plan last; closing it stops the generation.

        With the role `both` these are the chunks of the draft, then those of the refined plan.
        """
        return stream_roles(
            self._roles(), instruction, self._context(context), backend_of=self._backend, options=options
        )

    async def plan_many(
        self,
        instructions: Instructions,
        context: PlanContext | None = None,
        *,
        parallel: int | None = None,
        options: PlanOptions | None = None,
    ) -> AsyncGenerator[PlanOutcome, None]:
        """Plan many instructions at once, and yield what becomes of each as soon as it is ready.

        At most `parallel` are in work: unless given, as many as keep the model busy. The instructions, an
        iterable or an async one, are taken when there is room for one. An error of a plan stands in its
        outcome. One that no plan would escape is raised: no model, no backend, tools that cannot be.
        Leaving early cancels what is in work: use `contextlib.aclosing`.
        """
        if parallel is not None:
            check_parallel(parallel)
        within = self._context(context)
        for role in self._roles():
            check_options(within, options or role.options)
            facts = await self._backend(role).model_facts()
            parallel = parallel or facts.sequences + NUM_WAITING

        async def plan(instruction: str) -> GeneratedPlan:
            return await self.plan(instruction, within, options=options)

        assert parallel is not None, "there is a role at least"
        async with aclosing(plan_each(instructions, plan, parallel=parallel)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def refine(
        self,
        draft: DraftSource,
        instruction: str | None = None,
        context: PlanContext | None = None,
        *,
        options: PlanOptions | None = None,
        noticed: Sequence[Finding] = (),
    ) -> GeneratedPlan:
        """Let Delta mend a draft: a plan, or text or data in any form that AGX reads.

        `instruction` is the draft's own unless given. `noticed` is what somebody else found in the draft,
        such as how a task of it failed; the rules find the rest. What changed is in `changes`, task by task.
        """
        refined = self.stream_refined(draft, instruction, context, options=options, noticed=noticed)
        return await last_plan(refined)

    def stream_refined(
        self,
        draft: DraftSource,
        instruction: str | None = None,
        context: PlanContext | None = None,
        *,
        options: PlanOptions | None = None,
        noticed: Sequence[Finding] = (),
    ) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
        """Yield Delta's text in chunks, and the refined plan last."""
        within = self._context(context)
        read = draft_of(draft, instruction, within)
        read = replace(read, findings=(*noticed, *read.findings))
        return stream_roles(
            [self.config.delta],
            read.plan.instruction,
            within,
            backend_of=self._backend,
            options=options,
            draft=read,
        )

    async def prompt(
        self,
        instruction: str | None,
        context: PlanContext | None = None,
        *,
        draft: DraftSource | None = None,
    ) -> PromptPreview:
        """Return Echo's rendered prompt, or with a draft Delta's, and the schema; generates nothing."""
        within = self._context(context)
        read = None if draft is None else draft_of(draft, instruction, within)
        role = self.config.echo if read is None else self.config.delta
        text = (instruction or "") if read is None else read.plan.instruction
        backend = self._backend(role)
        prepared = await prepare(backend, text, within, options=role.options, draft=read)
        prompt, num_tokens = await backend.render(prepared.request)
        schema = prepared.request.schema
        assert not isinstance(schema, str), "a plan's schema is data"
        return PromptPreview(
            prompt,
            num_tokens,
            schema or {},
            prepared.request.parameters,
            names_offered(prepared.context),
            tuple(example.instruction for example in prepared.examples),
            prepared.dialect,
            prepared.request.grammar,
        )

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector a text, in order, by Echo's model; raises `Unsupported` where it makes none."""
        return await self._backend(self.config.echo).embed(texts)

    async def health_check(self) -> Health:
        """Say whether this planner can plan now; raises nothing."""
        try:
            return await self._backend(self.config.echo).health_check()
        except AgxError as error:
            return Health(ok=False, detail=error.message, facts={"hint": error.hint})

    async def aclose(self) -> None:
        """Close what this planner opened; safe to call twice."""
        self._is_closed = True
        self._backends.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
        await self._stack.aclose()

    def _roles(self) -> list[Role]:
        """Return the roles that a planning goes through; raises `UsageError` where that needs a draft."""
        if self.config.role is ModelRole.DELTA:
            raise UsageError("the role delta needs a draft", hint="call refine, or use --draft FILE")
        echo, delta = self.config.echo, self.config.delta
        return [echo, delta] if self.config.role is ModelRole.BOTH else [echo]

    def _context(self, context: PlanContext | None) -> PlanContext:
        within = (context or PlanContext()).within(tools=self.registry, max_tasks=self.config.max_tasks)
        return policy.tightened(within, forbidden=self.config.forbidden, max_risk=self.config.max_risk)

    def _backend(self, role: Role) -> ModelBackend:
        """Return the backend of a role; roles with the same model share one."""
        if self._is_closed:
            raise UsageError("this planner is closed", hint="plan inside its `async with` block")
        if self._given is not None:
            return self._given
        if role.choice not in self._backends:
            spec = specify(role.choice)
            worker, self._worker = self._worker, None
            backend = create_backend(spec, Attachments(worker, self.on_progress, self.on_warning))
            self._stack.push_async_callback(backend.aclose)
            self._backends[role.choice] = backend
        return self._backends[role.choice]
