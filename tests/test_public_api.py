"""The public names: there, cheap to import, and typed."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import agx
from agx.errors import AgxError

ROOT = Path(__file__).parents[1]
# The whole list. Programs rely on it: a name may be added, and none may go or change its meaning.
PUBLIC = {
    "plans": """
        Env Finding Glob OpenPlan Plan PlanMetadata Task TaskChange TaskLimits TaskOutput Text
        change_summary insert_tasks move_task parse_shell plan_dot plan_json plan_mermaid plan_shell
        read_plan read_shell remove_task replace_task ShellReading task_changes with_risk
    """,
    "planning": """
        GeneratedPlan ModelRole PlanContext PlanOptions PlanOutcome Planner PlannerConfig PromptPreview
        plan_many_sync plan_sync
    """,
    "registries": """
        Registry ToolInfo ToolOptions load_registry merge_registries registry_json registry_of
        registry_of_functions registry_toml tool_from_function tools_on_path unix_registry
    """,
    "models and backends": """
        Attachments BackendKind ChatAnswer Chunk Endpoint FallbackBackend FallbackSpec
        GeneratesPlans GenerationRequest Health LlamaCppSpec LoadOptions Message ModelBackend
        ModelCard ModelChoice ModelFacts ModelManager OllamaSpec OpenAISpec Parameters RetryPolicy
        RetryingBackend ScriptedBackend ScriptedReply ServerChoice SyncModelManager TokenLogprob
        ToolCall TransformersSpec Usage XMLToolParser create_backend embedded_model plan_request
        read_card resolve_model specify whole_answer
    """,
    "running, keeping and measuring": """
        Audience Case Outcome PlanBuffer PlanStore Report RunOptions RunResult StoredPlan TaskRecord
        evaluate_planner load_cases make_case run_plan
    """,
    "errors": """
        AgxError BackendError BackendUnreachable CallerError ConfigError ConstraintFailed
        DeadlineExceeded DeviceUnavailable GgufInvalid MachineError ModelBroken ModelError ModelMismatch
        ModelMissing ModelTooLarge ModelUnloadable NotAPlan NotApproved OutOfMemory PlanInvalid
        PlanTruncated PromptTooLong RegistryInvalid RunError StorageError TaskFailed TaskTimedOut
        TemplateError Unsupported UsageError WorkerDied
    """,
}
NAMES = [name for names in PUBLIC.values() for name in names.split()]
HEAVY = {
    "pydantic",
    "numpy",
    "llama_cpp",
    "llguidance",
    "jinja2",
    "gguf",
    "click",
    "rich",
    "asyncio",
    "jsonschema",
}


def _all_errors(root: type[AgxError]) -> set[str]:
    return {root.__name__}.union(*(_all_errors(child) for child in root.__subclasses__()))


def modules_after(statement: str) -> set[str]:
    """Return the top-level packages that a fresh process holds after a statement."""
    program = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_the_list_of_public_names_is_this_one() -> None:
    assert sorted(agx.__all__) == sorted([*NAMES, "__version__"])


def test_no_public_name_is_that_of_a_folder_or_module() -> None:
    """`from agx import name` would be the module as soon as anything had imported that."""
    modules = {path.stem for path in (ROOT / "agx").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert modules & set(agx.__all__) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_comes_from_the_package(name: str) -> None:
    assert name in agx.__all__
    assert getattr(agx, name).__name__ == name


def test_every_error_is_public() -> None:
    assert {name for name in _all_errors(AgxError) if name in vars(import_module("agx.errors"))} <= set(
        agx.__all__
    )


def test_all_is_what_there_is() -> None:
    assert len(set(agx.__all__)) == len(agx.__all__)
    assert dir(agx) == sorted(agx.__all__)
    for name in agx.__all__:
        assert getattr(agx, name) is not None
    namespace: dict[str, object] = {}
    exec("from agx import *", namespace)
    assert set(agx.__all__) <= set(namespace)


def test_an_unknown_name_is_an_attribute_error() -> None:
    unknown = "Plonner"
    with pytest.raises(AttributeError, match="'agx' has no attribute 'Plonner'"):
        getattr(agx, unknown)
    with pytest.raises(ImportError):
        exec("from agx import Plonner")


def test_importing_the_package_costs_nothing() -> None:
    assert modules_after("import agx") & HEAVY == set()


def test_importing_the_planner_leaves_the_engine_alone() -> None:
    native = {"llama_cpp", "llguidance", "numpy", "jinja2", "gguf", "click", "rich"}
    assert modules_after("from agx import Planner, plan_sync") & native == set()


def test_public_things_say_what_they_are() -> None:
    for name in agx.__all__:
        thing = getattr(agx, name)
        if name != "__version__":
            assert thing.__doc__, name
