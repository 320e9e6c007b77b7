"""From settings to how a model is loaded and to the planner's configuration.

The settings are read before the worker starts, so nothing heavy is imported until a configuration is made.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agx.models.chat_templates import chat_template
from agx.plan.dialects import DIALECT_CHOICES
from agx.requests import LoadOptions, Parameters

if TYPE_CHECKING:
    from agx.backends.specs import ServerChoice
    from agx.planning.config import PlannerConfig
    from agx.settings.layers import Settings


def load_options(settings: Settings) -> LoadOptions:
    """Return how the settings want a model loaded; raises `UsageError` for an unknown chat template."""
    values = {each.name: settings.value(each.name) for each in fields(LoadOptions)}
    switches = {name: values[name] == "on" for name in _switches()}
    named = settings.optional_text("chat_template")
    template = None if named is None else chat_template(named)
    return LoadOptions(**values | switches | {"chat_template": template})  # type: ignore[arg-type]  # the table's rows are made from the fields


def parameters(settings: Settings) -> Parameters:
    """Return the generation parameters."""
    values = {each.name: settings.value(each.name) for each in fields(Parameters)}
    return Parameters(**values)  # type: ignore[arg-type]  # as above


def models_folder(settings: Settings) -> Path | None:
    """Return the folder that models are named in; None without a home folder."""
    return None if settings.home is None else settings.home / "models"


def warm_folder(settings: Settings) -> Path | None:
    """Return the folder of the workers that `agx up` keeps; None where they are not used."""
    is_used = settings.home is not None and settings.text("warm") == "on"
    return settings.home / "warm" if is_used and settings.home is not None else None


def cache_folder(settings: Settings) -> Path | None:
    """Return the folder of what is computed and may be lost; None without a home folder."""
    return None if settings.home is None else settings.home / "cache"


def server_choice(settings: Settings) -> ServerChoice:
    """Return what the settings say of servers that generate text."""
    from agx.backends.specs import ServerChoice  # noqa: PLC0415  heavy: the worker starts first

    quantization, cache_dir = settings.text("quantization"), settings.optional_text("cache_dir")
    choice = ServerChoice(
        ollama_model=settings.optional_text("ollama_model"),
        ollama_keep_alive=settings.optional_text("ollama_keep_alive"),
        quantization=None if quantization == "none" else quantization,
        hub_cache_dir=None if cache_dir is None else Path(cache_dir).expanduser(),
        plugin=settings.plugin_name,
    )
    if "openai" not in settings.text("backend"):
        return choice
    from agx.app.endpoints import endpoint_of  # noqa: PLC0415  most plans need no server

    return replace(choice, endpoint=endpoint_of(settings))


def planner_config(settings: Settings) -> PlannerConfig:
    """Return the configuration of the planner that the settings ask for."""
    from agx.backends.base import backend_order  # noqa: PLC0415  heavy: the worker starts first
    from agx.planning.config import ModelRole, PlannerConfig  # noqa: PLC0415  as above
    from agx.risk.policy import RISK_LIMITS  # noqa: PLC0415  as above

    return PlannerConfig(
        backend=backend_order(settings.text("backend")),
        servers=server_choice(settings),
        role=ModelRole(settings.text("model_role")),
        echo_model=settings.text("echo_model"),
        delta_model=settings.text("delta_model"),
        models_dir=models_folder(settings),
        warm_dir=warm_folder(settings),
        cache_dir=cache_folder(settings),
        load=load_options(settings),
        parameters=parameters(settings),
        think=settings.optional_integer("think"),
        dialect=next(each for each in DIALECT_CHOICES if each == settings.text("dialect")),
        max_tasks=settings.integer("max_tasks"),
        tools_limit=settings.optional_integer("tools_limit"),
        delta_tools_limit=settings.optional_integer("delta_tools_limit"),
        examples=settings.integer("examples"),
        forbidden=frozenset(settings.names("forbid")),
        max_risk=next(limit for limit in RISK_LIMITS if limit == settings.text("risk")),
        seed=settings.optional_integer("seed"),
        timeout_secs=settings.optional_number("timeout_secs"),
    )


def _switches() -> list[str]:
    """Return the load options that are on or off."""
    return [each.name for each in fields(LoadOptions) if isinstance(each.default, bool)]
