"""Carrying out `agx plan`. Imported while the worker loads: what is heavy is imported here."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from agx.app.input_summary import summarise
from agx.app.piped_input import Piped
from agx.app.planners import planner_for, planning_context, unseen_warning
from agx.app.recording import record
from agx.cli.changes import tell_changes
from agx.cli.dry_run import preview_json, preview_text
from agx.cli.files import read_text
from agx.cli.progress import Progress
from agx.cli.registries import chosen_registry
from agx.cli.showing import deliver, format_for, plan_text
from agx.plan.tools import Registry
from agx.planning.planner import Planner, PromptPreview
from agx.requests import Chunk
from agx.risk.context import GeneratedPlan, PlanContext

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agx.app.piped_input import PipedReader
    from agx.cli.options import App
    from agx.cli.plan import Job
    from agx.settings.layers import Settings
    from agx.worker.process import WorkerProcess


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
    planner = planner_for(settings, make_planner=app.make_planner, registry=registry, worker=worker)
    context = planning_context(
        settings, registry, input_summary=described_input(reader, job.input_wait_secs, app=app)
    )
    if job.is_dry_run:
        return _show_preview(job, settings, planner=planner, context=context, app=app)
    generated = generate(planner, _pieces(job, planner, context), context=context, app=app)
    _print(job, generated, registry, app=app)
    app.notes.recorded(record(generated.plan, generated.findings, settings))
    return 0


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
    planner.on_warning = app.notes.warning

    async def run() -> GeneratedPlan:
        async with planner:
            with Progress() as progress:
                planner.on_progress = progress.loading
                planner.on_warning = progress.before(planner.on_warning)
                generated = await _streamed(pieces, progress)
            unseen = await unseen_warning(planner, context)
            if unseen is not None:
                app.notes.warning(unseen)
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


def _show_preview(job: Job, settings: Settings, *, planner: Planner, context: PlanContext, app: App) -> int:
    planner.on_warning = app.notes.warning

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
