"""Carrying out `agx plan`. Imported while the worker loads: what is heavy is imported here."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from agx.app.configure import planner_config
from agx.backends.base import Chunk
from agx.cli.changes import tell_changes
from agx.cli.dry_run import preview_json, preview_text
from agx.cli.files import read_text
from agx.cli.piped import Piped
from agx.cli.progress import Progress
from agx.cli.recording import record
from agx.cli.registries import chosen_registry
from agx.cli.showing import deliver, format_for, plan_text
from agx.cli.summary import summarise
from agx.plan.tools import Registry
from agx.planning.planner import Planner, PlannerConfig, PromptPreview
from agx.planning.roles import ModelRole
from agx.risk.context import GeneratedPlan, PlanContext

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agx.cli.options import App
    from agx.cli.output import Notes
    from agx.cli.piped import PipedReader
    from agx.cli.plan import Job
    from agx.plan.schema import Task
    from agx.settings.layers import Settings
    from agx.worker.process import WorkerProcess


class MakePlanner(Protocol):
    """Makes the planner; tests give one with a backend of their own."""

    def __call__(
        self, config: PlannerConfig, *, registry: Registry | None = None, worker: WorkerProcess | None = None
    ) -> Planner:
        """Return a planner that has not been entered yet."""
        ...


def carry_out(
    job: Job,
    settings: Settings,
    *,
    app: App,
    reader: PipedReader | Piped | None,
    worker: WorkerProcess | None,
) -> int:
    """Plan, or show what would be asked, and print it; returns the exit code."""
    registry = chosen_registry(job.tools, notes=app.notes)
    planner = planner_for(settings, registry, app=app, worker=worker)
    context = planning_context(
        settings, registry, input_summary=described_input(reader, job.input_wait_secs, app=app)
    )
    if job.is_dry_run:
        return _show_preview(job, settings, planner=planner, context=context)
    generated = generate(planner, _pieces(job, planner, context), context=context, app=app)
    _print(job, generated, registry, app=app)
    record(generated.plan, generated.findings, settings, notes=app.notes)
    return 0


def planner_for(settings: Settings, registry: Registry, *, app: App, worker: WorkerProcess | None) -> Planner:
    """Make the planner that the settings ask for."""
    make_planner: MakePlanner = app.make_planner or Planner
    planner = make_planner(planner_config(settings), registry=registry, worker=worker)
    planner.on_warning = app.notes.warning
    return planner


def planning_context(
    settings: Settings,
    registry: Registry,
    *,
    input_summary: str | None = None,
    existing_tasks: tuple[Task, ...] = (),
) -> PlanContext:
    """Return what a planning may use, by the settings."""
    return PlanContext(
        tools=registry,
        input_summary=input_summary,
        existing_tasks=existing_tasks,
        max_tasks=settings.integer("max_tasks"),
    )


def described_input(reader: PipedReader | Piped | None, wait_secs: float, *, app: App) -> str | None:
    """Describe what is piped in; None where nothing is, or where it does not come in time."""
    if reader is None:
        return None
    piped = reader if isinstance(reader, Piped) else reader.collect(wait_secs)
    if piped is not None:
        return summarise(piped)
    if not isinstance(reader, Piped) and not reader.has_ended:
        app.notes.warning(
            f"standard input is a pipe in which nothing came for {wait_secs:g} s; planning "
            "without it (--input-wait SECS waits longer, </dev/null gives none)"
        )
    return None


def generate(
    planner: Planner, pieces: AsyncGenerator[Chunk | GeneratedPlan, None], *, context: PlanContext, app: App
) -> GeneratedPlan:
    """Run a stream of this planner, show its text while it comes, and give the plan."""

    async def run() -> GeneratedPlan:
        async with planner:
            with Progress() as progress:
                planner.on_progress = progress.loading
                planner.on_warning = progress.before(planner.on_warning)
                generated = await _streamed(pieces, progress)
            await _tell_unseen(planner, context, notes=app.notes)
            return generated

    return asyncio.run(run())


def _pieces(job: Job, planner: Planner, context: PlanContext) -> AsyncGenerator[Chunk | GeneratedPlan, None]:
    draft = _draft(job)
    if draft is not None:
        return planner.stream_refined(draft, job.instruction, context)
    assert job.instruction is not None, "without a draft there is an instruction"
    return planner.stream(job.instruction, context)


def _draft(job: Job) -> str | None:
    return None if job.draft is None else read_text(job.draft, what="draft")


async def _streamed(pieces: AsyncGenerator[Chunk | GeneratedPlan, None], progress: Progress) -> GeneratedPlan:
    generated: GeneratedPlan | None = None
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, GeneratedPlan):
                generated = piece
            else:
                progress.add(piece.text, is_dim=piece.is_reasoning)
                if piece.finish_reason is not None:
                    progress.clear()  # with two roles a second text follows
    assert generated is not None, "a stream ends with its plan, or raises"
    return generated


async def _tell_unseen(planner: Planner, context: PlanContext, *, notes: Notes) -> None:
    """Warn of what Echo did not see: a model made for AGX reads the instruction alone."""
    if planner.config.role is ModelRole.DELTA or not (context.existing_tasks or context.input_summary):
        return
    facts = (await planner.health_check()).facts
    if facts.get("planner_tools"):
        unseen = "the tasks that are there" if context.existing_tasks else "the input"
        notes.warning(
            f"{facts['name']} reads the instruction alone and saw nothing of {unseen} "
            "(say in it what matters, or plan with a general model)"
        )


def _show_preview(job: Job, settings: Settings, *, planner: Planner, context: PlanContext) -> int:
    async def preview() -> PromptPreview:
        async with planner:
            return await planner.prompt(job.instruction, context, draft=_draft(job))

    shown = asyncio.run(preview())
    as_text = format_for(job.format) == "table"
    deliver(preview_text(shown, settings) if as_text else preview_json(shown, settings), job.output)
    return 0


def _print(job: Job, generated: GeneratedPlan, registry: Registry, *, app: App) -> None:
    text = plan_text(generated.plan, format_for(job.format), job.output, registry=registry)
    deliver(text, job.output)
    if generated.changes is not None:
        tell_changes(generated.changes, app.notes)
    for finding in generated.findings:
        app.notes.finding(finding.model_dump(exclude_none=True))
