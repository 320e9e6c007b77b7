"""Rows: what stands in one, and that its head is read again in any order of keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.backends.scripted import ScriptedBackend
from agx.batch.lines import Line
from agx.batch.rows import RowHead, read_head, row_bytes
from agx.errors import PlanInvalid, UsageError
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner

OPTIONS = "0123456789abcdef"
LINE = Line(3, 0xABC, "sort a.txt", id="x", others={"user": "\u2028\n"})
PLAN = '{"tasks":[{"command":"sort","args":["a.txt"]}]}'


async def planned_row(line: Line = LINE, config: PlannerConfig | None = None) -> bytes:
    planner = Planner(config, backend=ScriptedBackend([PLAN, PLAN]))
    return row_bytes(line, await planner.plan(line.instruction), options=OPTIONS)


async def test_a_row_has_the_line_the_plan_and_what_stood_beside() -> None:
    data = await planned_row()
    assert data.endswith(b"}\n")
    row = json.loads(data)
    assert list(row)[:4] == ["line", "ok", "line_hash", "options_hash"]
    assert (row["line"], row["ok"], row["id"], row["input"]) == (3, True, "x", LINE.others)
    assert row["plan"]["tasks"][0]["command"] == "sort"
    assert row["plan"]["metadata"]["model"] == "scripted"
    assert row["findings"] == []
    assert "error" not in row
    assert "changes" not in row


async def test_a_row_is_one_line_for_everyone() -> None:
    assert len((await planned_row()).decode().splitlines()) == 1


async def test_a_row_of_two_roles_says_what_changed() -> None:
    assert json.loads(await planned_row(config=PlannerConfig(role=ModelRole.BOTH)))["changes"] == []


def test_an_error_stands_in_place_of_the_plan() -> None:
    error = PlanInvalid("it is not valid", hint="try", text="x", findings=[{"severity": "error"}], path={1})
    row = json.loads(row_bytes(Line(1, 2, "a"), error, options=OPTIONS))
    assert (row["ok"], row["error"]["code"], row["error"]["hint"]) == (False, "PlanInvalid", "try")
    assert row["error"]["details"]["findings"] == [{"severity": "error"}]
    assert {"plan", "findings", "id", "input"} & set(row) == set()


def reordered(row: dict[str, Any]) -> bytes:
    return json.dumps(dict(reversed(row.items())), indent=None).encode()


@pytest.mark.parametrize("is_planned", [True, False])
async def test_the_head_of_a_row_is_read_as_it_was_written(is_planned: bool) -> None:
    data = await planned_row() if is_planned else row_bytes(LINE, UsageError("no"), options=OPTIONS)
    expected = RowHead(3, is_planned, 0xABC, OPTIONS)
    assert read_head(data) == expected
    assert read_head(reordered(json.loads(data))) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"line": 0},
        {"line": "3"},
        {"line": True},
        {"line": 10**12},
        {"ok": "true"},
        {"line_hash": "abc"},
        {"options_hash": None},
    ],
    ids=str,
)
def test_what_is_no_head_is_not_read(change: dict[str, Any]) -> None:
    row = json.loads(row_bytes(LINE, UsageError("no"), options=OPTIONS)) | change
    assert read_head(json.dumps(row, separators=(",", ":")).encode()) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"7", b"text", b"[" * 100_000])
def test_what_is_no_row_has_no_head(data: bytes) -> None:
    assert read_head(data) is None
