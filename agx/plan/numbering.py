"""Numbering: rows whose numbers are in order, but not 1, 2, 3, …, get those, and references follow.

It works on what was read, before anything is known to be of the right type: what it cannot follow
it leaves as it is, for the strict validation to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from agx.plan.references import replaced_outputs

_MAX_SHOWN = 5
_MAX_NUMBER = 1_000_000


def numbered(rows: Sequence[dict[str, Any]]) -> tuple[Sequence[dict[str, Any]], str | None]:
    """Return rows numbered from 1 with what was changed as a sentence, or the same rows and None.

    Numbers that are missing are filled in; they are no change. Rows whose numbers are not in order
    stay as they are, and so do those with a reference to a number that no row has.
    """
    given = [row.get("task_number") for row in rows]
    right = list(range(1, len(rows) + 1))
    filled = [{"task_number": number, **row} for number, row in zip(right, rows, strict=True)]
    numbers = [number for number in given if type(number) is int and 0 <= number <= _MAX_NUMBER]
    is_in_order = all(first < second for first, second in pairwise(numbers))
    if numbers == right or len(numbers) < len(rows) or not is_in_order:
        return filled, None
    table = dict(zip(numbers, right, strict=True))
    try:
        changed = [_row(row, table) for row in filled]
    except KeyError:
        return filled, None
    shown = ", ".join(str(number) for number in numbers[:_MAX_SHOWN])
    more = ", …" if len(numbers) > _MAX_SHOWN else ""
    return changed, f"the tasks were numbered {shown}{more}; now they count from 1"


def _row(row: Mapping[str, Any], table: Mapping[int, int]) -> dict[str, Any]:
    changed = {**row, "task_number": table[row["task_number"]]}
    if type(row.get("input_from_task")) is int:
        changed["input_from_task"] = table[row["input_from_task"]]
    if isinstance(row.get("args"), (list, tuple)):
        changed["args"] = [_argument(item, table) for item in row["args"]]
    if isinstance(row.get("arguments"), dict):
        changed["arguments"] = replaced_outputs(row["arguments"], lambda number: {"task": table[number]})
    return changed


def _argument(item: object, table: Mapping[int, int]) -> object:
    if isinstance(item, str):
        return item
    if not isinstance(item, dict):
        raise KeyError(item)  # a value that is made already, or one that is refused
    if type(item.get("task")) is int:
        return {**item, "task": table[item["task"]]}
    parts = item.get("text")
    return (
        {**item, "text": [_argument(part, table) for part in parts]}
        if isinstance(parts, (list, tuple))
        else item
    )
