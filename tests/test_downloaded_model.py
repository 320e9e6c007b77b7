"""What a downloaded general model has to do; run with AGX_TEST_MODEL=FILE.gguf pytest -m model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agx.plan.forms import read_plan
from agx.plan.tools import Registry, ToolInfo
from agx.planner import Planner, PlannerConfig
from agx.roles import ModelRole

MODEL = os.environ.get("AGX_TEST_MODEL", "")
DEVICE = os.environ.get("AGX_DEVICE", "auto")
WEATHER = ToolInfo(
    name="get_weather",
    description="Give the weather of a city",
    schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not Path(MODEL).is_file(), reason="set AGX_TEST_MODEL to a GGUF file"),
]


@pytest.mark.parametrize("role", [ModelRole.ECHO, ModelRole.BOTH])
async def test_it_plans_with_unix_commands(role: ModelRole) -> None:
    config = PlannerConfig(role=role, echo_model=MODEL, delta_model=MODEL, device=DEVICE, seed=1)
    async with Planner(config) as planner:
        generated = await planner.plan("list all rust files and count lines")
    again, _ = read_plan(generated.plan.to_dict(), planner.registry)
    assert again.tasks == generated.tasks
    assert generated.tasks[0].command in {"find", "ls", "wc", "cat", "grep", "tokei", "cloc"}
    assert (generated.changes is not None) == (role is ModelRole.BOTH)


async def test_it_plans_with_functions() -> None:
    config = PlannerConfig(echo_model=MODEL, device=DEVICE, seed=1)
    async with Planner(config, registry=Registry.of([WEATHER])) as planner:
        generated = await planner.plan("what is the weather in Paris?")
    assert generated.tasks[0].command == "get_weather"
    assert "Paris" in str(generated.tasks[0].arguments)


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE in {"auto", "cpu"}, reason="set AGX_DEVICE to cuda or metal")
async def test_it_runs_on_the_device_that_was_asked_for() -> None:
    async with Planner(PlannerConfig(echo_model=MODEL, device=DEVICE)) as planner:
        generated = await planner.plan("list files")
    assert generated.metadata.device == DEVICE
