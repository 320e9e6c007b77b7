"""The one check of a plan: rules, arguments and risk; and reading with it.

Whoever reads, makes or runs a plan asks here, so that all of them see the same findings.
"""

from __future__ import annotations

from collections.abc import Sequence

from agx.errors import PlanInvalid
from agx.plan.dialects import Dialect
from agx.plan.reading import PlanRead, Source, as_text, parsed_plan, with_notes
from agx.plan.schema import MAX_TASKS, Finding, Plan, PlanMetadata, Task
from agx.plan.tools import Registry
from agx.risk.assess import with_risk
from agx.rules import arguments, findings, named
from agx.rules.home_folder import with_home
from agx.rules.normalise import normalised


def check_tasks(
    tasks: Sequence[Task], registry: Registry, *, max_tasks: int = MAX_TASKS
) -> tuple[Finding, ...]:
    """Return what there is to say about tasks: by the rules, and of their arguments by their tools.

    Raises `RegistryInvalid` for a tool whose schema is invalid, or points outside itself.
    """
    return (
        *findings.check(tasks, registry, max_tasks=max_tasks),
        *arguments.check(tasks, registry),
    )


def read_plan(
    source: Source,
    registry: Registry,
    *,
    instruction: str = "",
    metadata: PlanMetadata | None = None,
    max_tasks: int = MAX_TASKS,
) -> tuple[Plan, tuple[Finding, ...]]:
    """Read a plan in any accepted form and check it against the registry.

    Returns the plan, with risks computed, and the findings. Raises `PlanInvalid` with findings and
    text where the source holds no plan, or where a finding is an error.
    """
    plan, findings = read_draft(
        source, registry, instruction=instruction, metadata=metadata, max_tasks=max_tasks, normalise=True
    )
    refuse_errors(findings, as_text(source))
    return plan, findings


def read_draft(  # noqa: PLR0913  each says another thing about the reading
    source: Source,
    registry: Registry,
    *,
    instruction: str = "",
    metadata: PlanMetadata | None = None,
    max_tasks: int = MAX_TASKS,
    normalise: bool = False,
    dialect: Dialect = "json",
    is_asked: bool = False,
) -> tuple[Plan, tuple[Finding, ...]]:
    """Read as `read_plan` does, but leave errors among the findings: what Delta is to mend.

    What the instruction names counts where a model wrote the plan, which has `metadata` then, or where it
    `is_asked` by a person: that of an imported plan is shell text. Unless `normalise` is set the tasks stay
    those of the source, whatever their right form is. In the dialect `shell` the source is a pipeline; calls
    of the dialect `native` are a plan's data already.
    """
    if dialect == "shell":
        read = _read_pipeline(as_text(source), instruction=instruction, metadata=metadata)
    else:
        read = parsed_plan(source, instruction=instruction, metadata=metadata)
    plan, notes = read.plan, read.notes
    if metadata is not None:  # a model wrote it, and models write `~/` as for a shell
        tasks, more = with_home(plan.tasks, registry, instruction=plan.instruction)
        tasks, names = named.with_literal_names(plan.instruction, tasks)
        plan, notes = plan.model_copy(update={"tasks": tasks}), (*notes, *more, *names)
    if normalise:
        plan, more = normalised(plan, registry, max_tasks=max_tasks)
        notes = (*notes, *more)
    plan, is_written = with_risk(with_notes(plan, notes), registry), metadata is not None
    found = (
        *check_tasks(plan.tasks, registry, max_tasks=max_tasks),
        *(named.check(plan.instruction, plan.tasks, is_strict=is_written) if is_written or is_asked else ()),
        *read.findings,
        *notes,
    )
    return plan, found


def _read_pipeline(text: str, *, instruction: str, metadata: PlanMetadata | None) -> PlanRead:
    from agx.shell.parse import read_shell  # noqa: PLC0415  the embedded planner writes JSON

    plan, findings = read_shell(text, instruction=instruction)
    return PlanRead(plan.model_copy(update={"metadata": metadata}), findings, notes=())


def refuse_errors(findings: Sequence[Finding], text: str) -> None:
    """Raise `PlanInvalid` where a finding is an error: such a plan is never given to anyone."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        where = f"task {errors[0].task}: " if errors[0].task else ""
        raise PlanInvalid(
            f"the plan cannot be run: {where}{errors[0].message}",
            hint=errors[0].hint,
            text=text,
            findings=[finding.model_dump() for finding in findings],
        )
