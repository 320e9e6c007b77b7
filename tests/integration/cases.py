"""The models that the integration tests run with, and how to plan with them.

The same tests run with two pairs of models. The random pair has small random weights and plans any
nonsense that is valid; it is always there. The downloaded pair is whatever AGX_ECHO_MODEL and
AGX_DELTA_MODEL name, of any size: what a model has to be large for is in `test_targets.py`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agx.backends.base import Health
from agx.backends.plan_requests import PlanOptions
from agx.errors import AgxError, PlanInvalid, PlanTruncated
from agx.models.resolve import resolve_model
from agx.plan.limits import TaskLimits
from agx.plan.schema import MAX_TASKS
from agx.plan.tools import Registry, ToolInfo
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.requests import LoadOptions, Parameters
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import read_plan
from agx.unix.registry import unix_registry
from tests.tiny_gguf import TinyModel, write_tiny_gguf

HOW = (
    "needs a real model: run scripts/test-models, which fetches a small one, or set AGX_ECHO_MODEL and "
    "AGX_DELTA_MODEL to GGUF files"
)
MANY_SEEDS = range(40)
# A prompt with these takes about 400 tokens, a second or two of a small model's time.
FEW_TOOLS = Registry.of(
    (
        tool
        for tool in unix_registry()
        if tool.name
        in set("cat cut df du find grep head ls mkdir ps sed sort tail tar tr uniq wc xargs".split())
    ),
    kind="unix",
)
WEATHER = ToolInfo(
    name="get_weather",
    description="Give the weather of a city",
    schema={
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
CITIES = ("Paris", "Berlin", "Oslo", "Madrid", "Rome", "Vienna", "Lisbon", "Athens")
# Whatever a model writes, a plan of one call ends after a dozen characters of a city.
ONE_CALL = PlanContext(tools=Registry.of([WEATHER]), max_tasks=1)


@dataclass(frozen=True)
class Case:
    """Two models and how to plan with them.

    A real model plans greedily, so one attempt is enough; `seeds` are those of the attempts.
    """

    echo: Path
    delta: Path
    is_real: bool
    registry: Registry
    context: PlanContext
    parameters: Parameters
    seeds: range = range(1)
    load: LoadOptions = field(default_factory=LoadOptions)

    def planner(self, role: ModelRole, **more: Any) -> Planner:
        """Return a planner with the models of this case."""
        config = PlannerConfig(
            role=role, echo_model=str(self.echo), delta_model=str(self.delta), load=self.load
        )
        return Planner(config, **{"registry": self.registry} | more)

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
        registry=unix_registry(),
        context=PlanContext(max_tasks=3, limits=limits),
        parameters=Parameters(temperature=2.0, max_tokens=320),
        seeds=MANY_SEEDS,
        load=LoadOptions("cpu", threads=1),
    )


def downloaded_case() -> Case | None:
    """Return the models that the environment names, on the device that it names; None without them.

    The smallest models repeat themselves, so the limits are narrow enough for their plans to end.
    """
    names = [os.environ.get(f"AGX_{role}_MODEL", "") for role in ("ECHO", "DELTA")]
    try:
        paths = [resolve_model(name) for name in names if name]
    except AgxError:
        return None
    if len(paths) < 2 or not all(path.is_file() for path in paths):
        return None
    echo, delta = paths
    limits = TaskLimits(max_args=4, max_arg_chars=24, max_path_chars=24, max_text_parts=2)
    # A prompt with all Unix tools takes about 1,200 tokens and a plan at most 512. By the estimate of
    # `agx models fit`, Mistral-Nemo keeps within Delta's 8 GB of a GPU with this room, not with more.
    return Case(
        echo,
        delta,
        is_real=True,
        registry=FEW_TOOLS,
        context=PlanContext(max_tasks=3, limits=limits),
        parameters=Parameters(max_tokens=192),
        load=LoadOptions(os.environ.get("AGX_DEVICE", "auto"), context_size=2048),
    )


async def opened_health(planner: Planner) -> Health:
    """Load the model, so that no plan waits for it."""
    health = await planner.health_check()
    assert health.ok, health.detail
    return health


def check_plan(
    generated: GeneratedPlan, registry: Registry, *, role: ModelRole, max_tasks: int = MAX_TASKS
) -> None:
    """Check what holds of every plan: it can be read again, and says what it was made with.

    With the limit it was made with, that is: normalising puts in no task above it.
    """
    again, _ = read_plan(generated.plan.to_dict(), registry, max_tasks=max_tasks)
    assert again.tasks == generated.tasks
    assert generated.tasks
    metadata = generated.metadata
    assert (metadata.backend, metadata.role) == ("llamacpp", role.value)
    assert min(metadata.prompt_tokens, metadata.completion_tokens, metadata.latency_ms) > 0
    assert all(finding.severity != "error" for finding in generated.findings)


def peak_memory_bytes(pid: int) -> int | None:
    """Return the most memory that a process had at any time; None where the system does not say."""
    try:
        rows = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
    except OSError:
        return None
    return int(rows["VmHWM"].split()[0]) * 1024
