"""What went in and came out: contexts and generated plans."""

from __future__ import annotations

from agx.plan.schema import PlanMetadata
from agx.risk.context import DEFAULT_MAX_TASKS, GeneratedPlan, PlanContext
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of


def test_a_context_has_the_unix_tools_unless_told_otherwise() -> None:
    context = PlanContext()
    assert context.registry is unix_registry()
    assert context.task_limit == DEFAULT_MAX_TASKS
    assert context.existing_tasks == ()


def test_a_generated_plan_gives_its_tasks_and_metadata() -> None:
    metadata = PlanMetadata(backend="scripted", model="none")
    plan = plan_of({"command": "ls"}).model_copy(update={"metadata": metadata})
    generated = GeneratedPlan(plan=plan)
    assert generated.tasks == plan.tasks
    assert generated.metadata is metadata
    assert generated.changes is None
