"""From settings to how a model is loaded and to the planner's configuration.

The settings are read before the worker starts, so nothing heavy is imported until a configuration is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agx.models.chat_templates import chat_template

if TYPE_CHECKING:
    from agx.backends.base import Parameters
    from agx.planning.planner import PlannerConfig
    from agx.settings.layers import Settings
    from agx.worker.protocol import LoadOptions


def load_options(settings: Settings) -> LoadOptions:
    """Return how the settings want a model loaded; raises `UsageError` for an unknown chat template."""
    named = settings.optional_text("chat_template")
    return {
        "device": settings.text("device"),
        "context_size": settings.optional_integer("context_size"),
        "threads": settings.optional_integer("threads"),
        "gpu_layers": settings.optional_integer("gpu_layers"),
        "flash_attn": settings.text("flash_attn"),
        "cache_type_k": settings.text("cache_type_k"),
        "cache_type_v": settings.text("cache_type_v"),
        "mlock": settings.text("mlock") == "on",
        "mmap": settings.text("mmap") == "on",
        "chat_template": None if named is None else chat_template(named),
    }


def parameters(settings: Settings) -> Parameters:
    """Return the generation parameters."""
    from agx.backends.base import Parameters  # noqa: PLC0415  heavy: the worker starts first

    return Parameters(
        temperature=settings.number("temperature"),
        top_k=settings.integer("top_k"),
        top_p=settings.number("top_p"),
        min_p=settings.number("min_p"),
        repeat_penalty=settings.number("repeat_penalty"),
        max_tokens=settings.integer("max_tokens"),
    )


def planner_config(settings: Settings) -> PlannerConfig:
    """Return the configuration of the planner that the settings ask for."""
    from agx.backends.base import BackendKind  # noqa: PLC0415  heavy: the worker starts first
    from agx.planning.planner import PlannerConfig  # noqa: PLC0415
    from agx.planning.roles import ModelRole  # noqa: PLC0415
    from agx.risk.policy import RISK_LIMITS  # noqa: PLC0415

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
        max_risk=next(limit for limit in RISK_LIMITS if limit == settings.text("risk")),
        parameters=parameters(settings),
        seed=settings.optional_integer("seed"),
        timeout_secs=settings.optional_number("timeout_secs"),
        models_dir=None if settings.home is None else settings.home / "models",
    )
