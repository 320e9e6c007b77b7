"""Which tasks run together, in which order, and whose output is kept: pure data."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agx.plan.references import sources
from agx.plan.schema import Plan
from agx.run.schedule import schedule
from tests.plan.helpers import plan_of


def tasks(*rows: tuple[int | None, list[int]] | None) -> Plan:
    """Make a plan of (input_from_task, tasks whose output is an argument); None reads nothing."""
    written: list[dict[str, Any]] = []
    for row in rows:
        piped, arguments = row or (None, [])
        written.append({"command": "cat", "args": [{"task": n} for n in arguments], "input_from_task": piped})
    return plan_of(*written)


@pytest.mark.parametrize(
    ("plan", "chains", "kept"),
    [
        (tasks(None), [[1]], []),
        (tasks(None, (1, []), (2, [])), [[1, 2, 3]], []),
        (tasks(None, None), [[1], [2]], []),
        (tasks(None, (1, []), (1, [])), [[1], [2], [3]], [1]),
        (tasks(None, (None, [1])), [[1], [2]], [1]),
        (tasks(None, (1, [1])), [[1], [2]], [1]),
        # find . | grep "$(date)": what the argument needs runs first, the pipeline is one all the same
        (tasks(None, None, (1, [2])), [[2], [1, 3]], [2]),
        (tasks(None, None, (2, []), (1, [3])), [[2, 3], [1, 4]], [3]),
        # something unrelated stands between: it happens after the first and before the last
        (tasks(None, None, (1, [])), [[1], [2], [3]], [1]),
        # the one between is used again later
        (tasks(None, None, (1, [2]), (None, [2])), [[1], [2], [3], [4]], [1, 2]),
    ],
)
def test_chains(plan: Plan, chains: list[list[int]], kept: list[int]) -> None:
    order = schedule(plan)
    assert [list(chain) for chain in order.chains] == chains
    assert sorted(order.kept) == kept


def test_a_function_is_never_piped() -> None:
    plan = plan_of(
        {"command": "f", "arguments": {}},
        {"command": "cat", "input_from_task": 1},
        {"command": "f", "arguments": {"text": {"task": 2}}},
    )
    order = schedule(plan)
    assert order.chains == ((1,), (2,), (3,))
    assert order.kept == {1, 2}


@pytest.mark.parametrize("seed", range(200))
def test_whatever_a_task_needs_is_there_when_it_starts(seed: int) -> None:
    rng = random.Random(seed)
    rows: list[tuple[int | None, list[int]] | None] = [None]
    for number in range(2, rng.randrange(3, 12)):
        earlier = range(1, number)
        rows.append(
            (rng.choice([None, number - 1, *earlier]), rng.choices(earlier, k=rng.choice((0, 0, 1, 2))))
        )
    plan = tasks(*rows)
    order = schedule(plan)
    assert sorted(number for chain in order.chains for number in chain) == list(range(1, len(rows) + 1))
    finished: set[int] = set()
    for chain in order.chains:
        for before, number in zip((None, *chain), chain, strict=False):
            task = plan.tasks[number - 1]
            for source in sources(task):
                piped = source == before and source not in order.kept and task.input_from_task == source
                assert piped or (source in finished and source in order.kept)
            if before is not None:
                assert task.input_from_task == before
        finished.update(chain)
