"""Editing lists of tasks: whatever is done, a reference keeps naming the task that it named."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agx.errors import UsageError
from agx.plan.editing import Tasks, insert_tasks, move_task, remove_task, replace_task
from agx.plan.references import renumbered, sources
from agx.plan.schema import MAX_TASKS, Plan, Task
from tests.plan.helpers import task

CAT, SORT, UNIQ = (
    task("cat", "a"),
    task("sort", number=2, input_from_task=1),
    task("uniq", number=3, input_from_task=2),
)
PIPELINE = (CAT, SORT, UNIQ)


def random_tasks(rng: random.Random, length: int) -> Tasks:
    """Return tasks that read earlier ones in every way there is; the command names the task."""
    made = []
    for number in range(1, length + 1):
        earlier = rng.choices(range(1, number), k=rng.randint(0, 3)) if number > 1 else []
        fields: dict[str, Any] = (
            {"input_from_task": rng.choice(earlier)} if earlier and rng.random() < 0.6 else {}
        )
        if rng.random() < 0.3:
            fields["arguments"] = {"task": 7, "deep": [{"a": {"task": one}} for one in earlier]}
            made.append(task(f"t{number}", number=number, **fields))
        else:
            args = [
                {"task": one, "split": True} if rng.random() < 0.5 else {"task": one} for one in earlier[:2]
            ]
            texts = [{"text": ["x", {"task": one}]} for one in earlier[2:]]
            made.append(task(f"t{number}", "1", *args, *texts, number=number, **fields))
    return tuple(made)


def reading(tasks: Sequence[Task]) -> dict[str, list[str]]:
    """Return, for each task by name, the names of the tasks that it reads, in order."""
    assert [one.task_number for one in tasks] == list(range(1, len(tasks) + 1))
    for one in tasks:
        assert all(1 <= source < one.task_number for source in sources(one)), "references point backwards"
    return {one.command: [tasks[source - 1].command for source in sources(one)] for one in tasks}


def is_plan(tasks: Sequence[Task]) -> None:
    """Assert that strict validation takes the tasks."""
    if tasks:
        Plan.model_validate(
            {"plan_id": "plan_1", "instruction": "x", "tasks": [one.to_dict() for one in tasks]}
        )


@pytest.mark.parametrize("seed", range(40))
def test_references_keep_naming_their_tasks(seed: int) -> None:
    """A few hundred random edits of random lists: what every task reads is what it read."""
    rng = random.Random(seed)
    tasks = random_tasks(rng, rng.randint(1, 9))
    for step in range(12):
        before = reading(tasks)
        edit = rng.choice([_insert, _move, _cascade])
        after = edit(rng, tasks, step)
        found = reading(after)
        is_plan(after)
        for name in before.keys() & found.keys():
            assert found[name] == before[name]
        tasks = after


def _insert(rng: random.Random, tasks: Tasks, step: int) -> Tasks:
    new = [
        one.model_copy(update={"command": f"new{step}.{one.task_number}"})
        for one in random_tasks(rng, rng.randint(1, 3))
    ]
    place = rng.randint(1, len(tasks) + 1)
    after = insert_tasks(tasks, new, at=place)
    among = reading(new)
    assert {name: read for name, read in reading(after).items() if name in among} == among
    assert [one.command for one in after[place - 1 : place - 1 + len(new)]] == list(among)
    return after


def _move(rng: random.Random, tasks: Tasks, _step: int) -> Tasks:
    if not tasks:
        return tasks
    number, to = rng.randint(1, len(tasks)), rng.randint(1, len(tasks))
    order = [one.command for one in tasks]
    order.insert(to - 1, order.pop(number - 1))
    try:
        after = move_task(tasks, number, to)
    except UsageError:
        places = {name: place for place, name in enumerate(order)}
        assert any(places[source] > places[name] for name, read in reading(tasks).items() for source in read)
        return tasks
    assert [one.command for one in after] == order
    return after


def _cascade(rng: random.Random, tasks: Tasks, _step: int) -> Tasks:
    if not tasks:
        return tasks
    number = rng.randint(1, len(tasks))
    after = remove_task(tasks, number, when_read="cascade")
    names, read = {one.command for one in after}, reading(tasks)
    gone = read.keys() - names
    assert tasks[number - 1].command in gone
    assert all(set(read[name]) & gone for name in gone if name != tasks[number - 1].command)
    return after


def test_new_tasks_are_numbered_among_themselves() -> None:
    """What a model writes begins at 1; behind the others its references are shifted with it."""
    new = [task("ls"), task("wc", number=2, input_from_task=1)]
    assert reading(insert_tasks(PIPELINE, new)) == {
        "cat": [],
        "sort": ["cat"],
        "uniq": ["sort"],
        "ls": [],
        "wc": ["ls"],
    }
    connected = insert_tasks(PIPELINE, new, input_from=2)
    assert reading(connected)["ls"] == ["sort"]
    assert reading(insert_tasks(PIPELINE, new, at=1))["uniq"] == ["sort"]
    assert insert_tasks((), new) == tuple(new)


def test_a_removed_task_is_bridged_or_takes_its_readers_along() -> None:
    with pytest.raises(UsageError, match="task 3 reads the output of task 2") as caught:
        remove_task(PIPELINE, 2)
    assert "--reconnect" in caught.value.hint
    assert reading(remove_task(PIPELINE, 2, when_read="reconnect")) == {"cat": [], "uniq": ["cat"]}
    assert reading(remove_task(PIPELINE, 1, when_read="reconnect")) == {"sort": [], "uniq": ["sort"]}
    assert remove_task(PIPELINE, 1, when_read="cascade") == ()
    assert remove_task(PIPELINE, 3) == PIPELINE[:2]


def test_an_argument_cannot_be_bridged() -> None:
    """`{"task": n}` stands for that output and no other."""
    tasks = (CAT, task("echo", {"task": 1}, number=2), task("ls", {"text": ["a", {"task": 1}]}, number=3))
    with pytest.raises(UsageError, match="tasks 2 and 3 read the output of task 1 as an argument"):
        remove_task(tasks, 1, when_read="reconnect")


def test_a_task_cannot_pass_what_it_reads() -> None:
    for number, to in ((1, 2), (3, 1), (2, 1)):
        with pytest.raises(UsageError, match="and would stand before it"):
            move_task(PIPELINE, number, to)
    both = (*PIPELINE, task("ls", number=4))
    assert [one.command for one in move_task(both, 4, 1)] == ["ls", "cat", "sort", "uniq"]
    assert move_task(both, 4, 4) == both


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda: remove_task(PIPELINE, 4), "there is no task 4"),
        (lambda: remove_task((), 1), "there is no task 1"),
        (lambda: move_task(PIPELINE, 0, 1), "there is no task 0"),
        (lambda: move_task(PIPELINE, 1, 4), "there is no place 4"),
        (lambda: replace_task(PIPELINE, -1, CAT), "there is no task -1"),
        (lambda: insert_tasks(PIPELINE, [CAT], at=5), "there is no place 5"),
        (lambda: insert_tasks(PIPELINE, [CAT], input_from=4), "there is no task 4"),
        (lambda: insert_tasks(PIPELINE, [CAT], at=2, input_from=3), "cannot read task 3"),
        (lambda: insert_tasks(PIPELINE, [CAT] * MAX_TASKS), f"{MAX_TASKS} are allowed"),
    ],
)
def test_a_number_that_is_none_is_refused(edit: Callable[[], Tasks], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        edit()
    assert caught.value.hint


def test_a_task_is_put_in_the_place_of_another() -> None:
    after = replace_task(PIPELINE, 2, task("tac", input_from_task=1))
    assert reading(after) == {"cat": [], "tac": ["cat"], "uniq": ["tac"]}


def test_a_key_named_task_is_a_reference_only_as_a_value() -> None:
    """`arguments` itself may have a key of that name, as the rules read it."""
    one = task("note", number=9, arguments={"task": 3, "text": {"task": 3}, "other": {"task": 3, "x": 1}})
    assert renumbered(one, {3: 8}).arguments == {"task": 3, "text": {"task": 8}, "other": {"task": 3, "x": 1}}
