"""Risk of a task, from its tool and its arguments; never taken from a model or a file.

A tool has a lowest class in the registry, and arguments only raise it: `find -delete`, `sed -i`, a
command run by `xargs`, `sudo` or `sh -c`, an output that is saved. An unknown tool is judged
`runs_code`, so that the unknown is never taken for harmless.

A task is a call (`agx.unix.calls`). What a call does is a list of effects (`effects`, by the table of
`agx.unix.command_specs`); what it runs are calls again (`agx.unix.runs`), followed to a bound (`judge`). What
several tasks do together, such as `curl … | sh`, is seen over the whole list (`flow`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agx.plan.schema import RISKS, Plan, Risk, Task
from agx.plan.tools import Registry
from agx.risk.judge import Judge
from agx.unix.calls import Call, calls_of
from agx.unix.registry import unix_registry


def with_risk(plan: Plan, registry: Registry) -> Plan:
    """Return the plan with the risk of every task computed anew."""
    risks = assess_all(plan.tasks, registry)
    tasks = (task.model_copy(update={"risk": risk}) for task, risk in zip(plan.tasks, risks, strict=True))
    return plan.model_copy(update={"tasks": tuple(tasks)})


def assess_all(tasks: Sequence[Task], registry: Registry) -> list[tuple[Risk, ...]]:
    """Return the risk set of every task of one list, with what they do together."""
    assessments = Judge(registry).of_tasks(calls_of(tasks))
    return [tuple(risk for risk in RISKS if risk in assessment.marks) for assessment in assessments]


def assess(task: Task, registry: Registry) -> tuple[Risk, ...]:
    """Return the risk set of one task on its own, in the fixed order of `RISKS`."""
    assessment = Judge(registry).of_call(Call.of(task))
    return tuple(risk for risk in RISKS if risk in assessment.marks)


def inner_commands(task: Task) -> Iterator[str]:
    """Yield the names of all commands that a task runs, at any depth, its own first, each once.

    Of shell text that is not a pipeline, every word that may be a command is one. `*` stands for one that is
    known only when the plan runs, or that lies too deep to be read.
    """
    judge = Judge(unix_registry())
    judge.of_call(Call.of(task))
    yield from dict.fromkeys(judge.names)
