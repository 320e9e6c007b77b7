"""What became of the tasks of one list in another: added, removed, changed, moved.

The comparison runs in two passes, each a longest common subsequence (`difflib.SequenceMatcher`):

1. Each task is reduced to a key: what a model writes of it, with every reference set to the same number and
   without its standard input. So a task that was put in at the front changes no key behind it. Equal keys in
   the same order are the same tasks; equal keys in another order are tasks that moved.
2. What is left between two tasks that stayed is paired by tool: a call of the same tool there is the old
   one, changed. Anything else is paired in order, and what has no partner was added or removed.

A pair is "changed" where the tasks still differ once the old one's references are renumbered to the places
that their tasks have now. A reference to a task that is gone is renumbered to 0, which equals nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

from agx.plan.references import renumbered, sources
from agx.plan.schema import Task
from agx.util.frozen import dataclass

ChangeKind = Literal["added", "removed", "changed", "moved"]
KINDS: tuple[ChangeKind, ...] = ("added", "removed", "changed", "moved")

_Pair = tuple[int | None, int | None]  # positions in the two lists, None where there is no such task


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What happened to one task: numbers are those of the draft (`before`) and the plan (`after`).

    A task that `moved` stands elsewhere among the others; what it reads may have changed with that.
    """

    kind: ChangeKind
    before: Task | None
    after: Task | None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        before = None if self.before is None else self.before.to_dict()
        after = None if self.after is None else self.after.to_dict()
        return {"kind": self.kind, "before": before, "after": after}


def task_changes(draft: Sequence[Task], refined: Sequence[Task]) -> tuple[TaskChange, ...]:
    """Compare two lists of tasks: what was added, removed, changed or moved, in order."""
    pairs, moved = _matched(draft, refined)
    # A reference to a task that is gone is one to nothing: it cannot be the same in the other list.
    numbers = {old + 1: 0 if new is None else new + 1 for old, new in pairs if old is not None}
    changes = []
    for old, new in pairs:
        before = None if old is None else draft[old]
        after = None if new is None else refined[new]
        kind = _kind(before, after, numbers=numbers, has_moved=(old, new) in moved)
        if kind is not None:
            changes.append(TaskChange(kind, before, after))
    return tuple(changes)


def change_counts(changes: Sequence[TaskChange]) -> dict[str, int]:
    """Count the changes of each kind that there is."""
    counts = Counter(change.kind for change in changes)
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


def change_summary(changes: Sequence[TaskChange]) -> str:
    """Say all changes in one line: "1 added, 2 changed, 1 moved"."""
    return ", ".join(f"{count} {kind}" for kind, count in change_counts(changes).items()) or "nothing changed"


def with_kept_limits(draft: Sequence[Task], refined: Sequence[Task]) -> tuple[Task, ...]:
    """Return the refined tasks with the time limits of the draft's: a model writes none."""
    origins = origins_of(draft, refined)
    return tuple(
        task if old is None else task.model_copy(update={"timeout_secs": draft[old].timeout_secs})
        for task, old in zip(refined, origins, strict=True)
    )


def origins_of(draft: Sequence[Task], refined: Sequence[Task]) -> list[int | None]:
    """Return, for each task of the second list, the position of the one it was in the first."""
    pairs, _ = _matched(draft, refined)
    origins = {new: old for old, new in pairs if new is not None}
    return [origins[position] for position in range(len(refined))]


def _kind(
    before: Task | None, after: Task | None, *, numbers: dict[int, int], has_moved: bool
) -> ChangeKind | None:
    if before is None or after is None:
        return "added" if before is None else "removed"
    if has_moved:
        return "moved"
    return None if _call(renumbered(before, numbers)) == _call(after) else "changed"


def _matched(draft: Sequence[Task], refined: Sequence[Task]) -> tuple[list[_Pair], set[_Pair]]:
    """Return the pairs of tasks of two lists, in the order of the second, and those among them that moved."""
    old_keys, new_keys = ([_without_references(task) for task in tasks] for tasks in (draft, refined))
    codes = SequenceMatcher(a=old_keys, b=new_keys, autojunk=False).get_opcodes()
    moved = _moves(codes, old_keys, new_keys)
    gone, came = {old for old, _ in moved}, {new for _, new in moved}
    pairs: list[_Pair] = []
    for tag, first, last, start, stop in codes:
        olds, news = range(first, last), range(start, stop)
        if tag == "equal":
            pairs += zip(olds, news, strict=True)
            continue
        pairs += [pair for pair in moved if pair[1] in news]
        pairs += _changed(
            [old for old in olds if old not in gone],
            [new for new in news if new not in came],
            (draft, refined),
        )
    return pairs, set(moved)


def _moves(
    codes: Sequence[tuple[str, int, int, int, int]], old_keys: Sequence[str], new_keys: Sequence[str]
) -> list[_Pair]:
    """Pair what stands in both lists, but not in the same order."""
    gone: dict[str, list[int]] = {}
    for tag, first, last, *_ in codes:
        for old in range(first, last) if tag != "equal" else ():
            gone.setdefault(old_keys[old], []).append(old)
    came = [new for tag, _, _, start, stop in codes if tag != "equal" for new in range(start, stop)]
    return [(gone[new_keys[new]].pop(0), new) for new in came if gone.get(new_keys[new])]


def _changed(
    olds: Sequence[int], news: Sequence[int], lists: tuple[Sequence[Task], Sequence[Task]]
) -> Iterator[_Pair]:
    """Pair what stands between two tasks that stayed: calls of the same tool, then what is left."""
    names = [lists[0][old].command for old in olds], [lists[1][new].command for new in news]
    for _, first, last, start, stop in SequenceMatcher(a=names[0], b=names[1], autojunk=False).get_opcodes():
        num_paired = min(last - first, stop - start)
        yield from zip(olds[first : first + num_paired], news[start : start + num_paired], strict=True)
        yield from ((old, None) for old in olds[first + num_paired : last])
        yield from ((None, new) for new in news[start + num_paired : stop])


def _without_references(task: Task) -> str:
    # All references become the same one, so that only their places count; what is read as standard
    # input does not: that changes wherever a task of a pipeline is put in, taken out or moved.
    same = renumbered(task, dict.fromkeys(sources(task), 1))
    return _call(same.model_copy(update={"input_from_task": None}))


def _call(task: Task) -> str:
    return json.dumps(task.written(), sort_keys=True)
