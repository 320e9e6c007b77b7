"""What a plan may use: no forbidden tool, nothing above a limit of risk, only what was offered.

It holds twice. Before anything is written the registry is narrowed, by the lowest risk that each
tool can have, so that what is not allowed cannot be written at all. Afterwards the tasks are judged
by what hides in their arguments: `xargs rm`, `find -exec rm`, `sh -c`, an output that is saved, a
script that one task writes and another one runs (`echo 'rm a' | sh`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from agx.errors import UsageError
from agx.plan.references import sources
from agx.plan.schema import RISKS, Argument, Finding, Glob, Risk, Task, Text
from agx.plan.tools import Registry
from agx.risk.assess import assess_all, inner_commands
from agx.risk.context import MaxRisk, PlanContext
from agx.risk.judge import ANY_COMMAND, Judge
from agx.unix.calls import calls_of
from agx.unix.registry import unix_registry
from agx.util.texts import nearest

RISK_LIMITS: tuple[MaxRisk, ...] = ("read", "write", "any")
_WITHIN: dict[MaxRisk, frozenset[Risk]] = {
    "read": frozenset({"reads"}),
    "write": frozenset({"reads", "writes"}),
    "any": frozenset(RISKS),
}
_IN_WORDS: dict[Risk, str] = {
    "reads": "reads",
    "writes": "writes",
    "destructive": "may destroy something",
    "network": "uses the network",
    "privilege": "needs privilege",
    "runs_code": "may run any code",
}


def tightened(context: PlanContext, *, forbidden: Collection[str], max_risk: MaxRisk) -> PlanContext:
    """Return the context with another policy added to its own: what either forbids, and the lower limit."""
    lower = min(context.max_risk, max_risk, key=_rank)
    return replace(context, forbidden=context.forbidden | frozenset(forbidden), max_risk=lower)


def offered(context: PlanContext) -> Registry:
    """Return the tools that the model is offered: the registry itself where nothing is held back.

    Raises `UsageError` for a name that no tool has, and where no tool is left.
    """
    tools = allowed(context.registry, context.forbidden, context.max_risk)
    if context.offered is None:
        return tools
    _refuse_unknown(context.offered, context.registry.tools, "offered")
    return _only(tools, frozenset(context.offered))


def allowed(registry: Registry, forbidden: Collection[str], max_risk: MaxRisk) -> Registry:
    """Return the registry without the forbidden tools and those whose lowest risk is above the limit.

    The same one comes back for the same policy, so that what is made of it can be kept. A Unix
    command that is not in the registry may be forbidden as well: another one could run it. Raises
    `UsageError` for a name that no tool has, for an unknown limit, and where no tool is left.
    """
    if not forbidden and max_risk == "any":
        return registry
    within = _WITHIN[RISK_LIMITS[_rank(max_risk)]]
    _refuse_unknown(forbidden, {**registry.tools, **unix_registry().tools} if forbidden else (), "forbidden")
    names = (tool.name for tool in registry if tool.name not in forbidden and within.issuperset(tool.risk))
    return _only(registry, frozenset(names))


def as_parameters(context: PlanContext) -> dict[str, Any]:
    """Return the policy as it stands among the parameters of a plan; nothing where it allows everything."""
    forbidden: dict[str, Any] = {"forbid": sorted(context.forbidden)} if context.forbidden else {}
    return forbidden | ({} if context.max_risk == "any" else {"risk": context.max_risk})


def check(tasks: Sequence[Task], context: PlanContext) -> tuple[Finding, ...]:
    """Return an error for everything in the tasks that the policy does not allow."""
    tools = offered(context)
    # Judging tasks takes longer than everything else here, and every example of a prompt is checked.
    is_limited = context.forbidden or context.max_risk != "any"
    risks = assess_all(tasks, context.registry) if is_limited else [()] * len(tasks)
    programs = _programs(tasks, risks, context.registry) if context.forbidden else [""] * len(tasks)
    return tuple(
        finding
        for task, risk, program in zip(tasks, risks, programs, strict=True)
        for finding in _of_task(task, context, tools, risk=risk, program=program)
    )


def _rank(max_risk: MaxRisk) -> int:
    if max_risk not in RISK_LIMITS:
        hint = f"it is one of {', '.join(RISK_LIMITS)}"
        raise UsageError(f"the limit of risk cannot be {max_risk!r}", hint=hint)
    return RISK_LIMITS.index(max_risk)


def _refuse_unknown(names: Iterable[str], known: Collection[str], what: str) -> None:
    for name in sorted(names):
        if name not in known:
            raise UsageError(
                f"there is no tool {name!r:.80} that could be {what}{nearest(name, known)}",
                hint="name tools of the registry; `agx tools list` shows them",
            )


@lru_cache(maxsize=32)
def _only(registry: Registry, names: frozenset[str]) -> Registry:
    """Return the registry with these tools only, in its order and of its kind."""
    kept = [tool for tool in registry if tool.name in names]
    if not kept:
        raise UsageError("no tool is left to plan with", hint="forbid fewer tools, or allow a higher risk")
    return registry if len(kept) == len(registry) else Registry.of(kept, kind=registry.kind)


def _programs(tasks: Sequence[Task], risks: Sequence[Sequence[Risk]], registry: Registry) -> list[str]:
    """Return what is known of the code that each task runs: "" where it runs none.

    It stands in the task's arguments, and where it comes from a pipe or out of a file, in those of the
    tasks that wrote it.
    """
    assessments = Judge(registry).of_tasks(calls_of(tasks))
    texts = ["\n".join(map(_literal, task.args)) for task in tasks]
    programs = []
    for place, (task, assessment) in enumerate(zip(tasks, assessments, strict=True)):
        writers = {at for at in range(place) if not assessment.run_files.isdisjoint(assessments[at].written)}
        if "runs_input" in assessment.marks and task.input_from_task is not None:
            writers.add(task.input_from_task - 1)
        for at in reversed(range(place)):
            if at in writers:
                writers |= {number - 1 for number in sources(tasks[at])}
        parts = [texts[at] for at in range(place + 1) if at == place or at in writers]
        programs.append("\n".join(parts) if "runs_code" in risks[place] else "")
    return programs


def _of_task(
    task: Task, context: PlanContext, tools: Registry, *, risk: Sequence[Risk], program: str
) -> Iterator[Finding]:
    if task.command in context.forbidden:
        yield _forbidden(task, f"{task.command} is forbidden")
    if task.command not in context.registry:
        return  # which is an error of its own
    yield from _hidden(task, context.forbidden - {task.command}, program=program)
    above = [one for one in risk if one not in _WITHIN[context.max_risk]]
    if above:
        yield _too_risky(task, above, context.max_risk)
    elif task.command not in tools and task.command not in context.forbidden:
        yield Finding(
            severity="error",
            task=task.task_number,
            rule="not-offered",
            message=f"{task.command} is not among the tools that were offered",
            hint="offer more of them with --tools-limit",
        )


def _hidden(task: Task, forbidden: frozenset[str], *, program: str) -> Iterator[Finding]:
    """Yield an error for each forbidden command that the arguments run, or that the program names."""
    commands = frozenset(inner_commands(task)) if forbidden else frozenset[str]()
    if ANY_COMMAND in commands:
        yield _forbidden(
            task, f"it runs a command that is known only then, and {min(forbidden)} is forbidden"
        )
    run = forbidden & commands
    for name in sorted(run):
        yield _forbidden(task, f"it runs {name}, which is forbidden")
    for name in sorted(_named(program, forbidden - run)):
        yield _forbidden(task, f"it may run {name}, which is forbidden")


def _named(program: str, forbidden: Iterable[str]) -> set[str]:
    """Return the forbidden commands whose names stand in a program."""
    return {name for name in forbidden if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", program)}


def _literal(item: Argument) -> str:
    """Return what stands in an argument; what only a run can tell is nothing here."""
    if isinstance(item, str):
        return item
    if isinstance(item, Glob):
        return item.glob
    return "".join(_literal(part) for part in item.text) if isinstance(item, Text) else ""


def _forbidden(task: Task, message: str) -> Finding:
    return Finding(
        severity="error",
        task=task.task_number,
        rule="forbidden-tool",
        message=message,
        hint="ask for something that needs no such tool, or allow it",
    )


def _too_risky(task: Task, above: Sequence[Risk], max_risk: MaxRisk) -> Finding:
    what = " and ".join(_IN_WORDS[risk] for risk in above)
    needed = "write" if _WITHIN["write"].issuperset(above) else "any"
    only = "only reading is" if max_risk == "read" else "only reading and writing are"
    return Finding(
        severity="error",
        task=task.task_number,
        rule="above-risk",
        message=f"it {what}; {only} allowed",
        hint=f"ask for less, or allow it with --risk {needed}",
    )
