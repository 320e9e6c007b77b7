"""AGX turns an instruction in plain language and a registry of tools into a validated plan.

Every public name stands here, and stays here wherever its module moves: import from `agx`, not from a
module below it. A name is imported when it is first used, so that `import agx` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agx.app.manager import ModelManager, SyncModelManager
    from agx.app.registries import load_registry, registry_of, registry_of_functions, tool_from_function
    from agx.backends.base import BackendKind, Health, ModelBackend, ModelFacts
    from agx.backends.chats import ChatAnswer, whole_answer
    from agx.backends.create import create_backend
    from agx.backends.fallback import FallbackBackend
    from agx.backends.ollama.spec import OllamaSpec
    from agx.backends.openai.spec import Endpoint, OpenAISpec
    from agx.backends.plan_requests import PlanOptions, plan_request
    from agx.backends.plans import GeneratesPlans
    from agx.backends.retry import RetryingBackend, RetryPolicy
    from agx.backends.scripted import ScriptedBackend, ScriptedReply
    from agx.backends.specs import (
        Attachments,
        FallbackSpec,
        LlamaCppSpec,
        ModelChoice,
        ServerChoice,
        specify,
    )
    from agx.backends.transformers.spec import TransformersSpec
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
    from agx.evaluate.cases import Case, load_cases, make_case
    from agx.evaluate.evaluation import evaluate_planner
    from agx.evaluate.report import Outcome, Report
    from agx.gguf.card import ModelCard, read_card
    from agx.models.resolve import embedded_model, resolve_model
    from agx.plan.changes import TaskChange, change_summary, task_changes
    from agx.plan.editing import insert_tasks, move_task, remove_task, replace_task
    from agx.plan.limits import TaskLimits
    from agx.plan.open_plan import OpenPlan
    from agx.plan.schema import Env, Finding, Glob, Plan, PlanMetadata, Task, TaskOutput, Text
    from agx.plan.tools import Registry, ToolInfo, ToolOptions
    from agx.planning.config import ModelRole, PlannerConfig
    from agx.planning.many import PlanOutcome
    from agx.planning.planner import Planner, PromptPreview
    from agx.planning.sync import plan_many_sync, plan_sync
    from agx.requests import (
        Chunk,
        GenerationRequest,
        LoadOptions,
        Message,
        Parameters,
        TokenLogprob,
        ToolCall,
        Usage,
    )
    from agx.risk.assess import with_risk
    from agx.risk.context import GeneratedPlan, PlanContext
    from agx.rules.check import read_plan
    from agx.run.job import Audience, RunOptions
    from agx.run.record import RunResult, TaskRecord
    from agx.run.runner import run_plan
    from agx.shell.graph import plan_dot, plan_mermaid
    from agx.shell.parse import ShellReading, parse_shell, read_shell
    from agx.shell.refusals import NotAPlan
    from agx.shell.render import plan_json, plan_shell
    from agx.store.buffer import PlanBuffer
    from agx.store.plans import PlanStore, StoredPlan
    from agx.toolcalls.xml_parser import XMLToolParser
    from agx.tools.registry_files import registry_json, registry_toml
    from agx.tools.selection import merge_registries, tools_on_path
    from agx.unix.registry import unix_registry
    from agx.util.version import __version__

# Written out, because type checkers read it.
__all__ = [
    "AgxError",
    "Attachments",
    "Audience",
    "BackendError",
    "BackendKind",
    "BackendUnreachable",
    "CallerError",
    "Case",
    "ChatAnswer",
    "Chunk",
    "ConfigError",
    "ConstraintFailed",
    "DeadlineExceeded",
    "DeviceUnavailable",
    "Endpoint",
    "Env",
    "FallbackBackend",
    "FallbackSpec",
    "Finding",
    "GeneratedPlan",
    "GeneratesPlans",
    "GenerationRequest",
    "GgufInvalid",
    "Glob",
    "Health",
    "LlamaCppSpec",
    "LoadOptions",
    "MachineError",
    "Message",
    "ModelBackend",
    "ModelBroken",
    "ModelCard",
    "ModelChoice",
    "ModelError",
    "ModelFacts",
    "ModelManager",
    "ModelMismatch",
    "ModelMissing",
    "ModelRole",
    "ModelTooLarge",
    "ModelUnloadable",
    "NotAPlan",
    "NotApproved",
    "OllamaSpec",
    "OpenAISpec",
    "OpenPlan",
    "OutOfMemory",
    "Outcome",
    "Parameters",
    "Plan",
    "PlanBuffer",
    "PlanContext",
    "PlanInvalid",
    "PlanMetadata",
    "PlanOptions",
    "PlanOutcome",
    "PlanStore",
    "PlanTruncated",
    "Planner",
    "PlannerConfig",
    "PromptPreview",
    "PromptTooLong",
    "Registry",
    "RegistryInvalid",
    "Report",
    "RetryPolicy",
    "RetryingBackend",
    "RunError",
    "RunOptions",
    "RunResult",
    "ScriptedBackend",
    "ScriptedReply",
    "ServerChoice",
    "ShellReading",
    "StorageError",
    "StoredPlan",
    "SyncModelManager",
    "Task",
    "TaskChange",
    "TaskFailed",
    "TaskLimits",
    "TaskOutput",
    "TaskRecord",
    "TaskTimedOut",
    "TemplateError",
    "Text",
    "TokenLogprob",
    "ToolCall",
    "ToolInfo",
    "ToolOptions",
    "TransformersSpec",
    "Unsupported",
    "Usage",
    "UsageError",
    "WorkerDied",
    "XMLToolParser",
    "__version__",
    "change_summary",
    "create_backend",
    "embedded_model",
    "evaluate_planner",
    "insert_tasks",
    "load_cases",
    "load_registry",
    "make_case",
    "merge_registries",
    "move_task",
    "parse_shell",
    "plan_dot",
    "plan_json",
    "plan_many_sync",
    "plan_mermaid",
    "plan_request",
    "plan_shell",
    "plan_sync",
    "read_card",
    "read_plan",
    "read_shell",
    "registry_json",
    "registry_of",
    "registry_of_functions",
    "registry_toml",
    "remove_task",
    "replace_task",
    "resolve_model",
    "run_plan",
    "specify",
    "task_changes",
    "tool_from_function",
    "tools_on_path",
    "unix_registry",
    "whole_answer",
    "with_risk",
]

# Where each name is kept; a name that is missing here is an error.
_HOMES = {
    "agx.util.version": ("__version__",),
    "agx.plan.tools": ("Registry", "ToolInfo", "ToolOptions"),
    "agx.plan.schema": ("Env", "Finding", "Glob", "Plan", "PlanMetadata", "Task", "TaskOutput", "Text"),
    "agx.plan.limits": ("TaskLimits",),
    "agx.plan.changes": ("TaskChange", "change_summary", "task_changes"),
    "agx.plan.editing": ("insert_tasks", "move_task", "remove_task", "replace_task"),
    "agx.plan.open_plan": ("OpenPlan",),
    "agx.unix.registry": ("unix_registry",),
    "agx.shell.graph": ("plan_dot", "plan_mermaid"),
    "agx.shell.parse": ("ShellReading", "parse_shell", "read_shell"),
    "agx.shell.refusals": ("NotAPlan",),
    "agx.shell.render": ("plan_json", "plan_shell"),
    "agx.risk.assess": ("with_risk",),
    "agx.risk.context": ("GeneratedPlan", "PlanContext"),
    "agx.rules.check": ("read_plan",),
    "agx.gguf.card": ("ModelCard", "read_card"),
    "agx.toolcalls.xml_parser": ("XMLToolParser",),
    "agx.tools.selection": ("merge_registries", "tools_on_path"),
    "agx.tools.registry_files": ("registry_json", "registry_toml"),
    "agx.models.resolve": ("embedded_model", "resolve_model"),
    "agx.requests": (
        "Chunk",
        "GenerationRequest",
        "LoadOptions",
        "Message",
        "Parameters",
        "TokenLogprob",
        "ToolCall",
        "Usage",
    ),
    "agx.backends.base": ("BackendKind", "Health", "ModelBackend", "ModelFacts"),
    "agx.backends.chats": ("ChatAnswer", "whole_answer"),
    "agx.backends.create": ("create_backend",),
    "agx.backends.fallback": ("FallbackBackend",),
    "agx.backends.ollama.spec": ("OllamaSpec",),
    "agx.backends.openai.spec": ("Endpoint", "OpenAISpec"),
    "agx.backends.plan_requests": ("PlanOptions", "plan_request"),
    "agx.backends.plans": ("GeneratesPlans",),
    "agx.backends.retry": ("RetryPolicy", "RetryingBackend"),
    "agx.backends.specs": (
        "Attachments",
        "FallbackSpec",
        "LlamaCppSpec",
        "ModelChoice",
        "ServerChoice",
        "specify",
    ),
    "agx.backends.transformers.spec": ("TransformersSpec",),
    "agx.backends.scripted": ("ScriptedBackend", "ScriptedReply"),
    "agx.planning.config": ("ModelRole", "PlannerConfig"),
    "agx.planning.many": ("PlanOutcome",),
    "agx.planning.planner": ("Planner", "PromptPreview"),
    "agx.planning.sync": ("plan_many_sync", "plan_sync"),
    "agx.store.buffer": ("PlanBuffer",),
    "agx.store.plans": ("PlanStore", "StoredPlan"),
    "agx.run.job": ("Audience", "RunOptions"),
    "agx.run.record": ("RunResult", "TaskRecord"),
    "agx.run.runner": ("run_plan",),
    "agx.evaluate.cases": ("Case", "load_cases", "make_case"),
    "agx.evaluate.report": ("Outcome", "Report"),
    "agx.evaluate.evaluation": ("evaluate_planner",),
    "agx.app.manager": ("ModelManager", "SyncModelManager"),
    "agx.app.registries": ("load_registry", "registry_of", "registry_of_functions", "tool_from_function"),
}
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
