"""Plans whose arguments do not fit: what the model is shown when it is asked once more.

The constraint does not hold every keyword of a tool's schema, nor the names of an instruction. What it lets
through, and the check refuses, the model may mend: it gets its own plan back as a draft, with the findings.
"""

from __future__ import annotations

from agx.backends.plan_requests import Draft
from agx.errors import PlanInvalid
from agx.plan.dialects import Dialect
from agx.plan.reading import Source
from agx.plan.schema import Finding
from agx.risk.context import PlanContext
from agx.rules.check import read_draft
from agx.rules.named import MISSING_NAME

MAX_ATTEMPTS = 2
_MENDABLE = frozenset({"arguments", "repeated-key", MISSING_NAME})


def is_misfit(error: PlanInvalid) -> bool:
    """Return whether a plan was read, and nothing is wrong with it but its arguments."""
    findings = error.details.get("findings")
    found = [Finding.model_validate(finding) for finding in findings] if isinstance(findings, list) else []
    errors = [finding for finding in found if finding.severity == "error"]
    return bool(errors) and all(finding.rule in _MENDABLE for finding in errors)


def misfit_draft(source: Source, instruction: str, context: PlanContext, *, dialect: Dialect) -> Draft | None:
    """Return a plan that was read before, with what its tools' schemas and the instruction say of it.

    None where something else does not fit: only a function has a schema.
    """
    plan, findings = read_draft(
        source,
        context.registry,
        instruction=instruction,
        max_tasks=context.task_limit,
        dialect=dialect,
        is_asked=True,
    )
    errors = tuple(each for each in findings if each.severity == "error" or each.rule == MISSING_NAME)
    tools = [context.registry.get(plan.tasks[finding.task - 1].command) for finding in errors if finding.task]
    if any(tool is None or tool.schema is None for tool in tools):
        return None
    return Draft(plan, errors)


def correction(error: PlanInvalid) -> str:
    """Return what a model is told that was not held to the schema and wrote no plan."""
    return (
        f"That is not a valid plan: {error.message}. Answer with the corrected plan as one JSON object of the"
        " form that was asked for, and with nothing else."
    )
