"""Measuring a model on this machine: how long plans take with it, and how much memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from agx.errors import PlanInvalid, PlanTruncated
from agx.gguf.card import read_card
from agx.models.measured import Measurement
from agx.requests import Usage
from agx.risk.context import GeneratedPlan
from agx.util.machine import processor, resident_bytes, usable_cpus

if TYPE_CHECKING:
    from agx.planning.planner import Planner

# The first reads the whole prompt. The others differ in what a plan needs: one command, a pipeline, names.
INSTRUCTIONS = (
    "list all rust files and count lines",
    "show the ten largest files in /var/log",
    "find all python files modified in the last 7 days",
    "count the unique words of notes.txt",
    "compress the folder photos into photos.tar.gz",
)


@dataclass(frozen=True, slots=True)
class _Timed:
    """One plan: seconds of the whole call, and what it cost."""

    secs: float
    usage: Usage
    dialect: str

    @property
    def num_read(self) -> int:
        """The tokens of the prompt that were computed."""
        return self.usage.prompt_tokens - self.usage.cached_tokens


async def measure(
    planner: Planner, path: Path, *, progress: Callable[[int, int], None] | None = None
) -> Measurement:
    """Plan a few instructions with a planner's Echo, whose model is the file `path`, and return the figures.

    `progress` is called after each plan with how many are done, and of how many. A plan that is not valid
    or not finished counts like any other: what it cost is known. Raises why the model cannot be loaded, or
    does not plan.
    """
    started = time.perf_counter()
    health = await planner.health_check()
    if not health.ok:
        await planner.prompt(INSTRUCTIONS[0])  # raises why
    load_secs = time.perf_counter() - started
    timed = []
    for number, instruction in enumerate(INSTRUCTIONS, 1):
        timed.append(await _timed(planner, instruction))
        if progress is not None:
            progress(number, len(INSTRUCTIONS))
    return _measurement(path, health.facts, timed, load_secs=load_secs)


async def _timed(planner: Planner, instruction: str) -> _Timed:
    usage, dialect = Usage(), ""
    started = time.perf_counter()
    try:
        async with aclosing(planner.stream(instruction)) as pieces:
            async for piece in pieces:
                if isinstance(piece, GeneratedPlan):
                    dialect = str(piece.metadata.parameters.get("dialect", ""))
                elif piece.usage is not None:
                    usage = piece.usage
    except (PlanInvalid, PlanTruncated):
        pass
    return _Timed(time.perf_counter() - started, usage, dialect)


def _measurement(
    path: Path, facts: Mapping[str, Any], timed: list[_Timed], *, load_secs: float
) -> Measurement:
    card = read_card(path)
    prefill_ms = sum(each.usage.timings_ms.get("prefill", 0.0) for each in timed)
    decode_ms = sum(each.usage.timings_ms.get("decode", 0.0) for each in timed)
    num_written = sum(each.usage.completion_tokens for each in timed)
    return Measurement(
        name=str(facts["name"]),
        sha256=str(facts["sha256"]),
        size_bytes=card.size_bytes,
        parameters=card.num_parameters,
        is_dense=card.num_experts == 0,
        device=str(facts["device"]),
        build=str(facts["build"]),
        dialect=next((each.dialect for each in timed if each.dialect), ""),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        load_secs=round(load_secs, 4),
        first_plan_secs=round(timed[0].secs, 4),
        plan_secs=round(median(each.secs for each in timed[1:]), 4),
        prompt_token_secs=prefill_ms / 1000 / max(1, sum(each.num_read for each in timed)),
        answer_token_secs=decode_ms / 1000 / max(1, num_written),
        prompt_tokens=round(median(each.usage.prompt_tokens for each in timed)),
        answer_tokens=round(median(each.usage.completion_tokens for each in timed)),
        memory_bytes=resident_bytes(int(facts["pid"])) if "pid" in facts else None,
        processor=processor(),
        cores=usable_cpus(),
    )
