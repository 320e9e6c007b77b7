"""The models that the integration tests run with, and what the README promises of them.

The same tests run with two pairs of models. The random pair has small random weights, which plan any
nonsense that is valid: it is always there. The downloaded pair is whatever AGX_ECHO_MODEL and
AGX_DELTA_MODEL name; only there speed and sense are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agx.backends.plan_requests import PlanOptions
from agx.errors import AgxError, PlanInvalid, PlanTruncated
from agx.models.resolve import resolve_model
from agx.plan.limits import TaskLimits
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from agx.planning.roles import ModelRole
from agx.requests import LoadOptions, Parameters
from agx.risk.context import GeneratedPlan, PlanContext
from agx.worker.survey import survey
from tests.tiny_gguf import TinyModel, write_tiny_gguf

ECHO_MODEL, DELTA_MODEL = "qwen2.5-1.5b-instruct", "mistral-nemo-instruct-2407"  # of the catalogue
HOW = (
    f"needs models: run `agx models pull {ECHO_MODEL} {DELTA_MODEL}`, then set AGX_ECHO_MODEL and "
    "AGX_DELTA_MODEL to the paths that it prints"
)
MANY_SEEDS = range(40)


@dataclass(frozen=True)
class Target:
    """What one plan may cost: seconds, tokens a second (None: any), bytes of the device's memory."""

    latency_secs: float
    tokens_per_sec: float | None
    memory_bytes: float


TARGETS = {
    (ModelRole.ECHO, True): Target(2, 50, 2e9),
    (ModelRole.ECHO, False): Target(60, None, 4e9),
    (ModelRole.DELTA, True): Target(10, 30, 8e9),
    (ModelRole.DELTA, False): Target(120, None, 16e9),
}


@dataclass(frozen=True)
class Case:
    """Two models and how to plan with them. A real one answers with its first seed, a random one may not."""

    echo: Path
    delta: Path
    is_real: bool
    seeds: range
    context: PlanContext = field(default_factory=PlanContext)
    parameters: Parameters = field(default_factory=Parameters)
    load: LoadOptions = field(default_factory=LoadOptions)

    def planner(self, role: ModelRole, **more: Any) -> Planner:
        """Return a planner with the models of this case."""
        config = PlannerConfig(
            role=role, echo_model=str(self.echo), delta_model=str(self.delta), load=self.load
        )
        return Planner(config, **more)

    async def plan(
        self, planner: Planner, instruction: str, *, context: PlanContext | None = None
    ) -> GeneratedPlan:
        """Plan with the first seed that gives one."""
        return await self._first(
            lambda options: planner.plan(instruction, context or self.context, options=options)
        )

    async def refine(self, planner: Planner, draft: str, instruction: str) -> GeneratedPlan:
        """Refine a draft with the first seed that gives a plan."""
        return await self._first(
            lambda options: planner.refine(draft, instruction, self.context, options=options)
        )

    async def _first(self, call: Callable[[PlanOptions], Awaitable[GeneratedPlan]]) -> GeneratedPlan:
        for seed in self.seeds[:-1]:
            with suppress(PlanTruncated, PlanInvalid):
                return await call(PlanOptions(self.parameters, seed=seed))
        return await call(PlanOptions(self.parameters, seed=self.seeds[-1]))


def random_case(folder: Path) -> Case:
    """Return two small models with random weights, and limits within which most of their plans end."""
    echo, delta = (
        write_tiny_gguf(
            folder / f"{name}.gguf",
            TinyModel(seed=seed, planner_tools=None, context_length=16_384),
        )
        for seed, name in enumerate(("echo", "delta"))
    )
    limits = TaskLimits(max_args=2, max_arg_chars=6, max_path_chars=6, max_text_parts=2)
    return Case(
        echo,
        delta,
        is_real=False,
        seeds=MANY_SEEDS,
        context=PlanContext(max_tasks=3, limits=limits),
        parameters=Parameters(temperature=2.0, max_tokens=320),
        load=LoadOptions("cpu", threads=1),
    )


def downloaded_case() -> Case | None:
    """Return the models that the environment names, on the device that it names; None without them."""
    names = [os.environ.get(f"AGX_{role}_MODEL", "") for role in ("ECHO", "DELTA")]
    try:
        paths = [resolve_model(name) for name in names if name]
    except AgxError:
        return None
    if len(paths) < 2 or not all(path.is_file() for path in paths):
        return None
    echo, delta = paths
    # A prompt with the Unix tools takes about 1,200 tokens and a plan at most 512. By the estimate of
    # `agx models fit`, Mistral-Nemo keeps within Delta's 8 GB of a GPU with this room, not with more.
    load = LoadOptions(os.environ.get("AGX_DEVICE", "auto"), context_size=2048)
    return Case(echo, delta, is_real=True, seeds=range(1, 2), load=load)


def peak_memory_bytes(pid: int) -> int | None:
    """Return the most memory that a process had at any time; None where the system does not say."""
    try:
        rows = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
    except OSError:
        return None
    return int(rows["VmHWM"].split()[0]) * 1024


def free_gpu_bytes() -> int:
    """Return the memory that is free on all GPUs."""
    gpus = [device for device in survey()["devices"] if device["type"] in {"gpu", "igpu"}]
    return sum(int(device["free_bytes"]) for device in gpus)
