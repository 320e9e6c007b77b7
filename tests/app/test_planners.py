"""Planners and contexts by the settings."""

from __future__ import annotations

import pytest

from agx.app.planners import planner_for, planning_context, unseen_warning
from agx.backends.base import Health
from agx.backends.scripted import ScriptedBackend
from agx.plan.tools import Registry
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from agx.risk.context import PlanContext
from agx.settings.layers import read_settings
from agx.unix.registry import unix_registry
from agx.worker.channel import Channel
from tests.plan.helpers import task


def test_settings_become_planner_and_context() -> None:
    settings = read_settings({"max_tasks": "3", "temperature": "0.5", "device": "cpu"}, environ={})
    planner = planner_for(settings, make_planner=None, registry=unix_registry())
    assert (planner.config.max_tasks, planner.config.parameters.temperature) == (3, 0.5)
    context = planning_context(settings, unix_registry(), input_summary="text", existing_tasks=(task("ls"),))
    assert (context.max_tasks, context.input_summary, len(context.existing_tasks)) == (3, "text", 1)


def test_a_planner_can_be_made_otherwise() -> None:
    """Tests and servers bring a backend of their own; it gets the same configuration."""
    configs: list[PlannerConfig] = []

    def make(
        config: PlannerConfig, *, registry: Registry | None = None, worker: Channel | None = None
    ) -> Planner:
        configs.append(config)
        return Planner(config, registry=registry, worker=worker, backend=ScriptedBackend(()))

    planner = planner_for(read_settings({"seed": "7"}, environ={}), make_planner=make)
    assert (configs, planner.config.seed) == ([planner.config], 7)


class PlannerBackend(ScriptedBackend):
    """A script that says of its model what llama.cpp says of a file."""

    def __init__(self, planner_tools: str | None) -> None:
        super().__init__(())
        self._facts = {"name": "model", "planner_tools": planner_tools}

    async def health_check(self) -> Health:
        return Health(ok=True, detail="", facts=self._facts)


@pytest.mark.parametrize(
    ("planner_tools", "context", "unseen"),
    [
        ("unix", PlanContext(existing_tasks=(task("ls"),)), "the tasks that are there"),
        ("unix", PlanContext(input_summary="text"), "the input"),
        ("unix", PlanContext(), None),
        (None, PlanContext(input_summary="text"), None),
    ],
    ids=["tasks", "input", "nothing to see", "a general model"],
)
async def test_a_model_that_reads_the_instruction_alone_is_named(
    planner_tools: str | None, context: PlanContext, unseen: str | None
) -> None:
    planner = Planner(backend=PlannerBackend(planner_tools))
    warning = await unseen_warning(planner, context)
    assert (warning is None) == (unseen is None)
    assert unseen is None or f"saw nothing of {unseen} " in str(warning)
