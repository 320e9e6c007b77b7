"""A plan while it is generated: its text on the terminal, and what a person should know of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from agx.app.planners import unseen_warning
from agx.cli.show.output import Notes
from agx.cli.show.progress import Progress
from agx.planning.planner import Planner
from agx.requests import Chunk
from agx.risk.context import GeneratedPlan, PlanContext


def shown_generation(
    planner: Planner,
    pieces: AsyncGenerator[Chunk | GeneratedPlan, None],
    *,
    context: PlanContext,
    notes: Notes,
) -> GeneratedPlan:
    """Run a stream of this planner, show its text while it comes, and return the plan."""

    async def run() -> GeneratedPlan:
        async with planner:
            with Progress() as progress:
                planner.on_progress = progress.loading
                planner.on_warning = progress.before(notes.warning)
                generated = await _streamed(pieces, progress)
            unseen = await unseen_warning(planner, context)
            if unseen is not None:
                notes.warning(unseen)
            return generated

    return asyncio.run(run())


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
