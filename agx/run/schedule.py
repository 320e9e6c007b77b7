"""Which tasks run together, and in which order: a plan as a list of chains. Pure.

A chain is a pipeline: tasks that run at the same time, each reading the one before through a pipe.
Where an output is used in another way (more than once, as an argument, across other work), its task
ends first and the output is kept. Chains run one after the other, in the order of their last tasks, so
that everything happens in the order of the plan; only what feeds an argument of a pipeline's later
task runs before that pipeline, as it does where a shell meets `find . | grep "$(date +%F)"`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from agx.plan.references import sources
from agx.plan.schema import Plan, Task


@dataclass(frozen=True, slots=True)
class Schedule:
    """Chains of task numbers in the order they run, and the tasks whose output is kept for later ones."""

    chains: tuple[tuple[int, ...], ...]
    kept: frozenset[int]


def schedule(plan: Plan) -> Schedule:
    """Return the chains of a plan whose references all point backwards."""
    uses = Counter(number for task in plan.tasks for number in sources(task))
    users = {number: task.task_number for task in plan.tasks for number in sources(task) if uses[number] == 1}
    chains: list[list[int]] = []
    chain_of: dict[int, list[int]] = {}
    piped: set[int] = set()
    for task in plan.tasks:
        source = task.input_from_task
        if source is not None and _is_pipe(source, task, plan=plan, users=users):
            chain = chain_of[source]
            piped.add(source)
        else:
            chain = []
            chains.append(chain)
        chain.append(task.task_number)
        chain_of[task.task_number] = chain
    return Schedule(
        chains=tuple(tuple(chain) for chain in sorted(chains, key=lambda chain: chain[-1])),
        kept=frozenset(uses) - piped,
    )


def _is_pipe(source: int, reader: Task, *, plan: Plan, users: dict[int, int]) -> bool:
    """Return whether a pipe can connect two tasks: no other reader, and no unrelated task between them."""
    if users.get(source) != reader.task_number:
        return False
    if any(task.arguments is not None for task in (plan.tasks[source - 1], reader)):
        return False
    return all(
        users.get(number, reader.task_number + 1) <= reader.task_number
        for number in range(source + 1, reader.task_number)
    )
