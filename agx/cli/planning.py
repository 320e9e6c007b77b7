"""Carrying out `agx plan`. Imported while the worker loads: what is heavy is imported here."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from agx.backends.base import Chunk
from agx.cli.changes import change_sentence
from agx.cli.configure import planner_config
from agx.cli.dry_run import preview_json, preview_text
from agx.cli.files import read_text
from agx.cli.output import is_terminal, save, write_result
from agx.cli.piped import Piped
from agx.cli.progress import Progress
from agx.cli.summary import summarise
from agx.cli.text import visible_json
from agx.plan.context import GeneratedPlan, PlanContext
from agx.plan.render import plan_json, plan_shell
from agx.plan.tools import Registry, unix_registry
from agx.planner import Planner, PlannerConfig, PromptPreview

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agx.cli.options import App
    from agx.cli.piped import PipedReader
    from agx.cli.plan import Format, Job
    from agx.settings.layers import Settings
    from agx.worker.process import WorkerProcess


class MakePlanner(Protocol):
    """Makes the planner; tests give one with a backend of their own."""

    def __call__(
        self, config: PlannerConfig, *, registry: Registry | None = None, worker: WorkerProcess | None = None
    ) -> Planner:
        """Give a planner that has not been entered yet."""
        ...


def carry_out(
    job: Job,
    settings: Settings,
    *,
    app: App,
    reader: PipedReader | Piped | None,
    worker: WorkerProcess | None,
) -> int:
    """Plan, or show what would be asked, and print it; gives the exit code."""
    registry = _registry(job)
    make_planner: MakePlanner = app.make_planner or Planner
    planner = make_planner(planner_config(settings), registry=registry, worker=worker)
    context = PlanContext(
        tools=registry,
        input_summary=_input_summary(job, reader, app=app),
        max_tasks=settings.integer("max_tasks"),
    )
    if job.is_dry_run:
        return _show_preview(job, settings, planner=planner, context=context)
    generated = asyncio.run(_generate(job, planner, context=context))
    _print(job, generated, app=app)
    return 0


def _registry(job: Job) -> Registry:
    if job.tools is None:
        return unix_registry()
    from agx.plan.registry_file import load_registry  # noqa: PLC0415  few have such a file

    return load_registry(job.tools)


def _input_summary(job: Job, reader: PipedReader | Piped | None, *, app: App) -> str | None:
    if reader is None:
        return None
    piped = reader if isinstance(reader, Piped) else reader.collect(job.input_wait_secs)
    if piped is not None:
        return summarise(piped)
    if not isinstance(reader, Piped) and not reader.has_ended:
        app.notes.warning(
            f"standard input is a pipe in which nothing came for {job.input_wait_secs:g} s; planning "
            "without it (--input-wait SECS waits longer, </dev/null gives none)"
        )
    return None


async def _generate(job: Job, planner: Planner, *, context: PlanContext) -> GeneratedPlan:
    async with planner:
        with Progress() as progress:
            draft = _draft(job)
            if draft is not None:
                pieces = planner.stream_refined(draft, job.instruction, context)
            else:
                assert job.instruction is not None, "without a draft there is an instruction"
                pieces = planner.stream(job.instruction, context)
            return await _streamed(pieces, progress)


def _draft(job: Job) -> str | None:
    return None if job.draft is None else read_text(job.draft, what="draft")


async def _streamed(pieces: AsyncGenerator[Chunk | GeneratedPlan, None], progress: Progress) -> GeneratedPlan:
    generated: GeneratedPlan | None = None
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, GeneratedPlan):
                generated = piece
            else:
                progress.add(piece.text)
                if piece.finish_reason is not None:
                    progress.clear()  # with two roles a second text follows
    assert generated is not None, "a stream ends with its plan, or raises"
    return generated


def _show_preview(job: Job, settings: Settings, *, planner: Planner, context: PlanContext) -> int:
    async def preview() -> PromptPreview:
        async with planner:
            return await planner.prompt(job.instruction, context, draft=_draft(job))

    shown = asyncio.run(preview())
    as_text = job.format == "table" or (job.format is None and _is_for_people(job))
    _deliver(job, preview_text(shown, settings) if as_text else preview_json(shown, settings))
    return 0


def _print(job: Job, generated: GeneratedPlan, *, app: App) -> None:
    form: Format = job.format or ("table" if _is_for_people(job) else "json")
    if form == "shell":
        text = plan_shell(generated.plan)
    elif form == "json":
        text = visible_json(plan_json(generated.plan))
    else:
        from agx.cli.table import plan_table  # noqa: PLC0415  rich is imported for tables only

        text = plan_table(generated.plan)
    _deliver(job, text)
    for change in generated.changes or ():
        app.notes.change(change_sentence(change), change.as_dict())
    for finding in generated.findings:
        app.notes.finding(finding.model_dump(exclude_none=True))


def _deliver(job: Job, text: str) -> None:
    if job.output is None:
        write_result(text)
    else:
        save(text, job.output)


def _is_for_people(job: Job) -> bool:
    return job.output is None and is_terminal(sys.stdout)
