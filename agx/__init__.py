"""AGX turns an instruction in plain language and a registry of tools into a validated plan.

The public names are imported when they are first used, so that `import agx` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agx.app.registries import load_registry, registry_of, registry_of_functions, tool_from_function
    from agx.backends.base import BackendKind, Chunk, Health, ModelBackend, Parameters
    from agx.errors import (
        AgxError,
        BackendError,
        BackendUnreachable,
        CallerError,
        ConfigError,
        ConstraintFailed,
        DeadlineExceeded,
        DeviceUnavailable,
        GgufInvalid,
        MachineError,
        ModelBroken,
        ModelError,
        ModelMismatch,
        ModelMissing,
        ModelTooLarge,
        ModelUnloadable,
        NotApproved,
        OutOfMemory,
        PlanInvalid,
        PlanTruncated,
        PromptTooLong,
        RegistryInvalid,
        RunError,
        StorageError,
        TaskFailed,
        TaskTimedOut,
        TemplateError,
        Unsupported,
        UsageError,
        WorkerDied,
    )
    from agx.plan.changes import TaskChange
    from agx.plan.limits import TaskLimits
    from agx.plan.schema import Finding, Plan, PlanMetadata, Task
    from agx.plan.tools import Registry, ToolInfo
    from agx.planning.planner import Planner, PlannerConfig, plan_sync
    from agx.planning.roles import ModelRole
    from agx.risk.context import GeneratedPlan, PlanContext
    from agx.run.job import RunOptions
    from agx.run.record import RunResult, TaskRecord
    from agx.run.runner import run_plan
    from agx.util.version import __version__

# Written out, because type checkers read it.
__all__ = [
    "AgxError",
    "BackendError",
    "BackendKind",
    "BackendUnreachable",
    "CallerError",
    "Chunk",
    "ConfigError",
    "ConstraintFailed",
    "DeadlineExceeded",
    "DeviceUnavailable",
    "Finding",
    "GeneratedPlan",
    "GgufInvalid",
    "Health",
    "MachineError",
    "ModelBackend",
    "ModelBroken",
    "ModelError",
    "ModelMismatch",
    "ModelMissing",
    "ModelRole",
    "ModelTooLarge",
    "ModelUnloadable",
    "NotApproved",
    "OutOfMemory",
    "Parameters",
    "Plan",
    "PlanContext",
    "PlanInvalid",
    "PlanMetadata",
    "PlanTruncated",
    "Planner",
    "PlannerConfig",
    "PromptTooLong",
    "Registry",
    "RegistryInvalid",
    "RunError",
    "RunOptions",
    "RunResult",
    "StorageError",
    "Task",
    "TaskChange",
    "TaskFailed",
    "TaskLimits",
    "TaskRecord",
    "TaskTimedOut",
    "TemplateError",
    "ToolInfo",
    "Unsupported",
    "UsageError",
    "WorkerDied",
    "__version__",
    "load_registry",
    "plan_sync",
    "registry_of",
    "registry_of_functions",
    "run_plan",
    "tool_from_function",
]

_HOMES = {
    "agx.util.version": ("__version__",),
    "agx.backends.base": ("BackendKind", "Chunk", "Health", "ModelBackend", "Parameters"),
    "agx.plan.changes": ("TaskChange",),
    "agx.risk.context": ("GeneratedPlan", "PlanContext"),
    "agx.plan.limits": ("TaskLimits",),
    "agx.plan.schema": ("Finding", "Plan", "PlanMetadata", "Task"),
    "agx.plan.tools": ("Registry", "ToolInfo"),
    "agx.planning.planner": ("Planner", "PlannerConfig", "plan_sync"),
    "agx.app.registries": ("load_registry", "registry_of", "registry_of_functions", "tool_from_function"),
    "agx.planning.roles": ("ModelRole",),
    "agx.run.record": ("RunResult", "TaskRecord"),
    "agx.run.job": ("RunOptions",),
    "agx.run.runner": ("run_plan",),
}
# What is not listed there is an error.
_HOME_OF = dict.fromkeys(__all__, "agx.errors") | {
    name: home for home, names in _HOMES.items() for name in names
}


if not TYPE_CHECKING:  # a checker would take any name for one that is here

    def __getattr__(name: str) -> object:
        if name not in _HOME_OF:
            message = f"module 'agx' has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
