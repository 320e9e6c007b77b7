"""From settings to the planner's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agx.backends.base import BackendKind, Parameters
from agx.cli.worker import load_options
from agx.planning.planner import PlannerConfig
from agx.planning.roles import ModelRole
from agx.risk.policy import RISK_LIMITS

if TYPE_CHECKING:
    from agx.risk.context import MaxRisk
    from agx.settings.layers import Settings


def planner_config(settings: Settings) -> PlannerConfig:
    """Return the configuration of the planner that these settings ask for."""
    return PlannerConfig(
        backend=BackendKind(settings.text("backend")),
        role=ModelRole(settings.text("model_role")),
        echo_model=settings.text("echo_model"),
        delta_model=settings.text("delta_model"),
        **load_options(settings),
        think=settings.optional_integer("think"),
        max_tasks=settings.integer("max_tasks"),
        tools_limit=settings.optional_integer("tools_limit"),
        delta_tools_limit=settings.optional_integer("delta_tools_limit"),
        forbidden=frozenset(settings.names("forbid")),
        max_risk=_max_risk(settings),
        parameters=parameters(settings),
        seed=settings.optional_integer("seed"),
        timeout_secs=settings.optional_number("timeout_secs"),
        models_dir=None if settings.home is None else settings.home / "models",
    )


def _max_risk(settings: Settings) -> MaxRisk:
    named = settings.text("risk")
    return next(limit for limit in RISK_LIMITS if limit == named)


def parameters(settings: Settings) -> Parameters:
    """Return the generation parameters."""
    return Parameters(
        temperature=settings.number("temperature"),
        top_k=settings.integer("top_k"),
        top_p=settings.number("top_p"),
        min_p=settings.number("min_p"),
        repeat_penalty=settings.number("repeat_penalty"),
        max_tokens=settings.integer("max_tokens"),
    )
