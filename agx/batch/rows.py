"""A row of the output: what became of one line of the input, as one line of JSON.

    {"line": 3, "ok": true, "line_hash": "…", "options_hash": "…", "id": …, "instruction": "…",
     "plan": {…}, "findings": […], "changes": […]}
    {"line": 4, "ok": false, "line_hash": "…", "options_hash": "…", "instruction": "…", "error": {…}}

`id` and `input` (all other keys) are there where the line had them, `changes` where Delta refined a
draft. The hashes say of which line and which options the row is. The first four keys come first, so
that a file of many rows is read again without reading their plans.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agx.util.texts import visible_json

if TYPE_CHECKING:
    from agx.batch.lines import Line
    from agx.errors import AgxError
    from agx.risk.context import GeneratedPlan

BEGINNING = b'{"line":'
_HEAD = re.compile(
    rb'\{"line":([1-9][0-9]{0,7}),"ok":(true|false),'
    rb'"line_hash":"([0-9a-f]{16})","options_hash":"([0-9a-f]{16})",'
)
_HASH = re.compile(r"[0-9a-f]{16}")
MAX_LINES = 10**8


@dataclass(frozen=True, slots=True)
class RowHead:
    """Which line a row is of, whether that was planned, and the hashes of the line and of the options."""

    line: int
    ok: bool
    digest: int
    options: str


def row_bytes(line: Line, result: GeneratedPlan | AgxError, *, options: str) -> bytes:
    """Return the row of a line, with its end: a plan, or the error in its place."""
    is_error = isinstance(result, Exception)
    row: dict[str, Any] = {
        "line": line.number,
        "ok": not is_error,
        "line_hash": f"{line.digest:016x}",
        "options_hash": options,
    }
    if line.id is not None:
        row["id"] = line.id
    row["instruction"] = line.instruction
    row |= _error(result) if isinstance(result, Exception) else _plan(result)
    if line.others:
        row["input"] = line.others
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=str)
    return visible_json(text).encode() + b"\n"


def read_head(row: bytes) -> RowHead | None:
    """Return the head of a whole row; None for what is no row."""
    match = _HEAD.match(row)
    if match is not None:
        return RowHead(int(match[1]), match[2] == b"true", int(match[3], 16), match[4].decode())
    try:
        data = json.loads(row)
        number, is_planned = data["line"], data["ok"]
        hashes = data["line_hash"], data["options_hash"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_row = type(number) is int and 1 <= number < MAX_LINES and isinstance(is_planned, bool)
    if not is_row or not all(isinstance(each, str) and _HASH.fullmatch(each) for each in hashes):
        return None
    return RowHead(number, is_planned, int(hashes[0], 16), hashes[1])


def _plan(generated: GeneratedPlan) -> dict[str, Any]:
    row: dict[str, Any] = {
        "plan": generated.plan.to_dict(),
        "findings": [finding.model_dump(exclude_none=True) for finding in generated.findings],
    }
    if generated.changes is not None:
        row["changes"] = [change.as_dict() for change in generated.changes]
    return row


def _error(error: AgxError) -> dict[str, Any]:
    return {"error": error.as_dict()}
