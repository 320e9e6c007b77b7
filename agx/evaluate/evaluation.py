"""Running an evaluation: every case is planned, one after another, and scored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from agx.backends.plan_requests import PlanOptions
from agx.errors import AgxError, PlanInvalid, UsageError
from agx.evaluate.cases import Case, PlanSource
from agx.evaluate.metrics import PLAN_METRICS, Part, Tasks, comparable, is_exact, nlc2cmd, score, share
from agx.evaluate.report import Outcome, Report, make_report
from agx.plan.tools import Registry
from agx.planning.config import ModelRole
from agx.planning.many import SET_UP_ERRORS
from agx.planning.planner import Planner
from agx.risk.context import GeneratedPlan
from agx.rules.check import read_draft

DELTA_METRICS = ("valid", "repaired", "kept", "broken")
MAX_CANDIDATES = 5
MAX_TRIES = 12
SAMPLING_TEMPERATURE = 1.0

Progress = Callable[[int, int], None]


async def evaluate_planner(
    planner: Planner, cases: Sequence[Case], *, candidates: int = 1, progress: Progress | None = None
) -> Report:
    """Plan every case and score the plans; cases with drafts are refined, see `evaluate_delta`.

    With `candidates` above 1, up to that many distinct plans a case are drawn for NLC2CMD@N: the
    planner's own, then sampled ones. `progress` is called with the numbers of cases done and in all. An
    error in a case is counted under its code. An error of the set-up (no model, no backend) is raised, as
    is `UsageError`.
    """
    if not 1 <= candidates <= MAX_CANDIDATES:
        raise UsageError(f"{candidates} candidates were asked for", hint=f"ask for 1 to {MAX_CANDIDATES}")
    if any(case.draft is not None for case in cases):
        if candidates > 1:
            raise UsageError("cases with drafts have one plan each", hint="leave the candidates out")
        return await evaluate_delta(planner, cases, progress=progress)
    if planner.config.role is ModelRole.DELTA:
        raise UsageError("these cases have no drafts to refine", hint="use the role echo or both")
    names = PLAN_METRICS if candidates == 1 else (*PLAN_METRICS, f"nlc2cmd_at_{candidates}")
    outcomes = []
    for number, case in enumerate(cases, start=1):
        outcomes.append(await _planned(planner, case, candidates=candidates))
        if progress is not None:
            progress(number, len(cases))
    return make_report(outcomes, names)


async def evaluate_delta(
    planner: Planner, cases: Sequence[Case], *, progress: Progress | None = None
) -> Report:
    """Let Delta refine every draft, and report how many were repaired, kept and broken.

    `repaired` is the share of the wrong drafts (those that equal no reference) whose refined plan
    equals one. `kept` is the share of the right drafts that are right afterwards, and `broken` the
    rest of them: changed into something else, or lost to an error.
    """
    outcomes = []
    for number, case in enumerate(cases, start=1):
        if case.draft is None:
            raise UsageError("this case has no draft", hint="give cases with drafts, or none with one")
        outcomes.append(await _refined(planner, case, case.draft))
        if progress is not None:
            progress(number, len(cases))
    return make_report(outcomes, DELTA_METRICS)


async def _planned(planner: Planner, case: Case, *, candidates: int) -> Outcome:
    generated, error = await _attempt(planner.plan(case.instruction))
    plan = None if generated is None else generated.tasks
    parts = score(plan, case.references)
    if candidates > 1 and case.references:
        plans = await _distinct_plans(planner, case.instruction, first=plan, wanted=candidates)
        best = max(nlc2cmd(tasks, case.references) for tasks in plans or [()])
        parts[f"nlc2cmd_at_{candidates}"] = (best, 1.0)
    return _outcome(case, parts, generated, error)


async def _refined(planner: Planner, case: Case, draft: PlanSource) -> Outcome:
    generated, error = await _attempt(planner.refine(draft, case.instruction))
    parts: dict[str, Part] = {"valid": share(generated is not None)}
    if case.references:
        is_right = generated is not None and is_exact(generated.tasks, case.references)
        if is_exact(_drafted(case, draft, planner.registry), case.references):
            parts |= {"kept": share(is_right), "broken": share(not is_right)}
        else:
            parts["repaired"] = share(is_right)
    return _outcome(case, parts, generated, error)


def _drafted(case: Case, draft: PlanSource, registry: Registry) -> Tasks | None:
    """Return the draft's tasks, or None for a draft that is not a plan, and so is wrong."""
    try:
        return read_draft(draft, registry, instruction=case.instruction, normalise=True)[0].tasks
    except PlanInvalid:
        return None


def _outcome(
    case: Case, parts: dict[str, Part], generated: GeneratedPlan | None, error: AgxError | None
) -> Outcome:
    plan = None if generated is None else generated.tasks
    return Outcome(
        case,
        parts,
        is_right=is_exact(plan, case.references),
        plan=plan,
        error=error,
        metadata=None if generated is None else generated.metadata,
    )


async def _attempt(planning: Awaitable[GeneratedPlan]) -> tuple[GeneratedPlan | None, AgxError | None]:
    """Return the plan, or the error of this case; errors of the set-up are raised."""
    try:
        return await planning, None
    except SET_UP_ERRORS:
        raise
    except AgxError as error:
        return None, error


async def _distinct_plans(
    planner: Planner, instruction: str, *, first: Tasks | None, wanted: int
) -> list[Tasks]:
    """Return up to `wanted` distinct plans within `MAX_TRIES`: the first, then sampled ones, seed by seed."""
    plans = [] if first is None else [first]
    config = planner.config
    parameters = replace(config.parameters, temperature=SAMPLING_TEMPERATURE)
    for seed in range(1, MAX_TRIES):
        if len(plans) == wanted:
            break
        options = PlanOptions(parameters, seed=seed, deadline_secs=config.timeout_secs)
        # A sampled text that is not a plan is skipped: only the planner's own answer counts as failed.
        generated, _ = await _attempt(planner.plan(instruction, options=options))
        known = [comparable(tasks) for tasks in plans]
        if generated is not None and comparable(generated.tasks) not in known:
            plans.append(generated.tasks)
    return plans
