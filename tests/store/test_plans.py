"""Finished plans: stored by their ids, listed by time, found by words and by the beginning of an id."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agx.errors import StorageError, UsageError
from agx.plan.schema import Finding, Plan, id_time_ms, new_plan_id
from agx.rules.check import read_plan
from agx.store.plans import Listing, PlanStore
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of

ID = "plan_01ka{:04d}zzzzzzzzzzzzzzzzzz"


@pytest.fixture
def store(tmp_path: Path) -> PlanStore:
    return PlanStore(tmp_path / "home" / "plans")


def named(plan_id: str, *tasks: dict[str, Any], instruction: str = "do it") -> Plan:
    """Return a plan with this id."""
    rows = tasks or ({"command": "ls"},)
    return plan_of(*rows, instruction=instruction).model_copy(update={"plan_id": plan_id})


def test_a_plan_comes_back_as_it_was(store: PlanStore) -> None:
    """Plan and findings; risks are computed anew, and the file is the plan's own JSON."""
    plan = named(new_plan_id(), {"command": "rm", "args": ["a", {"glob": "*.b"}]}, instruction="weg damit: ü")
    path = store.save(plan, [Finding(severity="warning", task=1, message="careful")])
    stored = store.get(plan.plan_id)
    assert stored.plan.model_copy(update={"tasks": plan.tasks}) == plan
    assert "destructive" in stored.plan.tasks[0].risk
    assert [finding["message"] for finding in stored.findings] == ["careful"]
    assert abs((stored.made - datetime.now(UTC)).total_seconds()) < 600
    read, findings = read_plan(path.read_text(), unix_registry())
    assert (read.plan_id, findings) == (plan.plan_id, ())


def test_files_are_private(store: PlanStore) -> None:
    path = store.save(named("plan_1"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["plan_1.json"]


def test_a_plan_that_could_not_be_read_again_is_not_stored(store: PlanStore) -> None:
    huge = named("plan_1", *({"command": "echo", "args": ["x" * 60_000] * 3} for _ in range(50)))
    with pytest.raises(StorageError, match="larger than 8 MiB"):
        store.save(huge)
    assert store.find() == Listing(())


def test_the_newest_come_first(store: PlanStore) -> None:
    """By the time in the id; a plan with another id counts by its file's time."""
    for number in (3, 1, 2):
        store.save(named(ID.format(number), instruction=str(number)))
    os.utime(store.save(named("plan_old", instruction="0")), (1, 1))
    assert [stored.plan.instruction for stored in store.find().plans] == ["3", "2", "1", "0"]
    assert [stored.plan.instruction for stored in store.find(limit=2).plans] == ["3", "2"]


def test_words_are_searched_in_instruction_and_tasks(store: PlanStore) -> None:
    """All words, in any case and order, in what the plan says."""
    store.save(
        named("plan_a", {"command": "wc", "args": ["-l", {"glob": "*.Rust"}]}, instruction="Count LINES")
    )
    store.save(named("plan_b", {"command": "du"}, instruction="sum sizes"))
    found = {
        search: [stored.plan.plan_id for stored in store.find(search=search).plans]
        for search in ("lines count", "rust", "wc", "COUNT rust", "sum lines", "du", " ", "ü")
    }
    both = sorted(found.pop(" "))
    assert both == ["plan_a", "plan_b"]
    assert list(found.values()) == [["plan_a"], ["plan_a"], ["plan_a"], ["plan_a"], [], ["plan_b"], []]


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(store: PlanStore) -> None:
    for plan_id in ("plan_abc1", "plan_abc2", "plan_ab"):
        store.save(named(plan_id))
    assert store.get("plan_abc1").plan.plan_id == "plan_abc1"
    assert store.get("ABC2").plan.plan_id == "plan_abc2"
    assert store.get("plan_ab").plan.plan_id == "plan_ab", "a whole id is no beginning"
    assert store.get("abc1.json").plan.plan_id == "plan_abc1"
    with pytest.raises(UsageError, match="2 stored plans") as caught:
        store.get("abc")
    assert "plan_abc1" in caught.value.hint
    for name in ("x", "", "plan_", "../plan_abc1", "plan_abc1/"):
        with pytest.raises(UsageError, match="no stored plan has the id"):
            store.get(name)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"3", b'"x"', b"{}", b'{"plan": ["ls"]}', b"\xff", b"[" * 100_000, b"x" * (9 << 20)],
    ids=["empty", "cut", "list", "number", "text", "object", "other form", "bytes", "deep", "large"],
)
def test_a_spoilt_file_is_told_and_keeps_nothing_from_being_read(store: PlanStore, data: bytes) -> None:
    store.save(named("plan_good"))
    (store.folder / "plan_bad.json").write_bytes(data)
    (store.folder / ".plan_x.json.123.part").write_bytes(b"left behind")
    (store.folder / "notes.txt").write_bytes(b"somebody's")
    listing = store.find()
    assert [stored.plan.plan_id for stored in listing.plans] == ["plan_good"]
    (reason,) = listing.unreadable
    assert "plan_bad.json holds no plan" in reason
    with pytest.raises(StorageError, match="holds no plan"):
        store.get("bad")


def test_no_folder_is_no_plans(store: PlanStore, tmp_path: Path) -> None:
    assert store.find().plans == ()
    (tmp_path / "home").write_text("a file where the folder should be")
    assert store.find().plans == ()
    with pytest.raises(StorageError, match="cannot be written") as caught:
        store.save(named("plan_1"))
    assert "AGX_HOME" in caught.value.hint


def test_odd_findings_in_a_file_are_left_out(store: PlanStore) -> None:
    path = store.save(named("plan_1"))
    for findings in (3, None, ["x"], {"a": 1}):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"findings": findings}))
        assert store.get("1").findings == ()


def test_an_id_tells_its_time() -> None:
    """Of ids that this program made; the largest ones are beyond any date."""
    assert abs((id_time_ms(new_plan_id()) or 0) / 1000 - datetime.now(UTC).timestamp()) < 600
    assert id_time_ms("plan_01arz3ndektsv4rrffq69g5fav") == 1469922850259, "of the ULID specification"
    for other in ("plan_1", "plan_" + "u" * 26, "plan_7" + "z" * 25, "plan_" + "z" * 26):
        assert id_time_ms(other) is None
