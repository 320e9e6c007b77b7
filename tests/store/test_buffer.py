"""The plan that is being built: every change is kept, in order, and can be taken back."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agx.errors import PlanInvalid, StorageError, UsageError
from agx.plan.editing import insert_tasks
from agx.plan.open_plan import OpenPlan
from agx.plan.validation import exact
from agx.risk.assess import with_risk
from agx.store.buffer import MAX_STEPS, Edit, PlanBuffer
from agx.unix.registry import unix_registry
from tests.plan.helpers import task

MAX_SECS = 120
ADDER = """
import sys
from pathlib import Path
from agx.plan.editing import insert_tasks
from agx.plan.open_plan import OpenPlan
from agx.plan.schema import Task
from agx.store.buffer import PlanBuffer
name = sys.argv[2]
for number in range(8):
    def edit(plan):
        known = plan or OpenPlan.begun()
        new = Task(task_number=1, command="echo", args=(name, str(number)))
        return known.with_tasks(insert_tasks(known.tasks, [new])), f"added {name} {number}"
    PlanBuffer(Path(sys.argv[1])).change(edit)
"""


def adding(word: str) -> Edit:
    """Make an edit that adds `echo WORD`."""

    def edit(plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        known = plan or OpenPlan.begun()
        return known.with_tasks(insert_tasks(known.tasks, [task("echo", word)]), asked=word), f"added {word}"

    return edit


def words(plan: OpenPlan | None) -> list[str]:
    """Return what the tasks echo."""
    return [] if plan is None else [str(one.args[0]) for one in plan.tasks]


@pytest.fixture
def buffer(tmp_path: Path) -> PlanBuffer:
    return PlanBuffer(tmp_path / "home" / "buffer.json")


def test_nothing_has_been_begun_at_first(buffer: PlanBuffer) -> None:
    assert buffer.read() is None
    with pytest.raises(UsageError, match="no plan is being built") as caught:
        buffer.current()
    assert "agx plan new" in caught.value.hint
    with pytest.raises(UsageError, match="nothing to undo"):
        buffer.undo()


def test_changes_are_kept_and_taken_back(buffer: PlanBuffer) -> None:
    plans = [buffer.change(adding(word))[0] for word in "abc"]
    again = PlanBuffer(buffer.path)
    assert again.read() == plans[-1]
    assert again.undo(2) == ("added c", "added b")
    assert again.read() == plans[0]
    with pytest.raises(UsageError, match="2 changes cannot be undone"):
        again.undo(2)
    assert again.undo() == ("added a",)
    assert again.read() is None


def test_history_is_bounded(buffer: PlanBuffer) -> None:
    """The oldest states go; the plan itself stays whole."""
    for number in range(MAX_STEPS + 5):
        buffer.change(lambda _plan, number=number: (OpenPlan.begun(str(number)), f"began {number}"))  # type: ignore[misc]
    assert buffer.undo(MAX_STEPS)[-1] == "began 5"
    with pytest.raises(UsageError, match="nothing to undo"):
        buffer.undo()
    assert buffer.current().instruction == "4"


def test_large_states_shorten_the_history(buffer: PlanBuffer) -> None:
    """The file stays within its limit; a plan beyond it is refused, and the old one stays."""
    for number in range(12):
        buffer.change(lambda _plan, number=number: (OpenPlan.begun(f"{number}" * 1_000_000), "began"))  # type: ignore[misc]
    assert buffer.path.stat().st_size <= 8 << 20
    assert 3 <= len(buffer.contents().steps) <= 7
    with pytest.raises(UsageError, match="larger than 8 MiB"):
        buffer.change(lambda _plan: (OpenPlan.begun("x" * (9 << 20)), "began"))
    assert buffer.current().instruction == "11" * 1_000_000


def test_an_edit_that_fails_changes_nothing(buffer: PlanBuffer) -> None:
    buffer.change(adding("a"))
    before = buffer.path.read_bytes()

    def failing(_plan: OpenPlan | None) -> tuple[OpenPlan, str]:
        raise PlanInvalid("no")

    with pytest.raises(PlanInvalid):
        buffer.change(failing)
    assert buffer.path.read_bytes() == before
    assert sorted(path.name for path in buffer.path.parent.iterdir()) == [".buffer.json.lock", "buffer.json"]


def test_processes_at_once_lose_nothing(buffer: PlanBuffer) -> None:
    """Six processes add eight tasks each: all are there, each process's own in order, all undoable."""
    started = [
        subprocess.Popen([sys.executable, "-c", ADDER, str(buffer.path), f"p{number}"]) for number in range(6)
    ]
    assert [process.wait(timeout=MAX_SECS) for process in started] == [0] * 6
    plan = buffer.current()
    assert len(plan.tasks) == 48
    for number in range(6):
        own = [str(one.args[1]) for one in plan.tasks if one.args[0] == f"p{number}"]
        assert own == [str(place) for place in range(8)]
    assert len(buffer.undo(48)) == 48
    assert buffer.read() is None


def test_it_is_private_and_a_link_stays(buffer: PlanBuffer, tmp_path: Path) -> None:
    buffer.change(adding("a"))
    assert stat.S_IMODE(buffer.path.stat().st_mode) == 0o600
    link = tmp_path / "link.json"
    link.symlink_to(buffer.path)
    PlanBuffer(link).change(adding("b"))
    assert link.is_symlink()
    assert words(buffer.read()) == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "another form"),
        (b'{"version": 1}', "another form"),
        (b'{"version": 9, "history": []}', "the version 9"),
        (b'{"version": 1, "plan": {}, "history": []}', "the form of a plan"),
        (b'{"version": 1, "plan": null, "history": [3]}', "its history"),
        (b'{"version": 1, "plan": 3, "history": []}', "the form of a plan"),
        (b"x" * (9 << 20), "larger than 8 MiB"),
    ],
)
def test_a_spoilt_file_is_said_and_can_be_put_aside(buffer: PlanBuffer, data: bytes, reason: str) -> None:
    """It is never overwritten: it gets another name when a new plan is begun."""
    buffer.path.parent.mkdir()
    buffer.path.write_bytes(data)
    with pytest.raises(StorageError, match=reason) as caught:
        buffer.read()
    assert "agx plan new --force" in caught.value.hint
    with pytest.raises(StorageError, match=reason):
        buffer.change(adding("a"))
    assert buffer.path.read_bytes() == data
    aside = buffer.set_aside()
    assert aside is not None
    assert aside.read_bytes() == data
    assert buffer.read() is None
    assert buffer.set_aside() is None


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file where the folder should be, and a folder where the file should be."""
    (tmp_path / "file").write_text("x")
    buffer = PlanBuffer(tmp_path / "file" / "buffer.json")
    with pytest.raises(StorageError, match="cannot be") as caught:
        buffer.change(adding("a"))
    assert "AGX_HOME" in caught.value.hint
    with pytest.raises(StorageError, match="cannot be read"):
        PlanBuffer(tmp_path).read()


def test_what_a_plan_is_for_follows_its_tasks() -> None:
    """Without a word on the whole it is what the tasks were asked for with, as long as they are there."""
    plan = OpenPlan.begun()
    for word in ("list files", "count lines", "count lines"):
        plan = plan.with_tasks(
            insert_tasks(plan.tasks, [task("echo", word, str(len(plan.tasks)))]), asked=word
        )
    assert plan.goal == "list files, then count lines"
    assert plan.with_tasks(plan.tasks[:1]).goal == "list files"
    assert plan.with_asked(1, "show files").goal == "show files, then count lines"
    assert plan.with_instruction("count").goal == "count"


def test_a_finished_plan_that_is_changed_is_another() -> None:
    """What was stored stays what it was."""
    plan = OpenPlan.begun("x").with_tasks([task("ls")])
    done = plan.finished(plan.tasks, None)
    assert (done.is_finished, done.plan_id) == (True, plan.plan_id)
    changed = done.with_tasks([task("ps")])
    assert not changed.is_finished
    assert changed.plan_id != done.plan_id
    assert changed.with_tasks([task("df")]).plan_id == changed.plan_id


def test_a_plan_has_risks_and_an_open_one_keeps_none(buffer: PlanBuffer) -> None:
    """They are computed whenever it is made a plan, and nothing in the file is believed."""
    plan = OpenPlan.begun("x").with_tasks([task("rm", "a", risk=("reads",))])
    assert "destructive" in with_risk(plan.plan(), unix_registry()).tasks[0].risk
    assert "risk" not in json.dumps(plan.to_dict())
    assert exact(OpenPlan, plan.to_dict()) == plan.model_copy(update={"tasks": (task("rm", "a"),)})
    with pytest.raises(UsageError, match="no tasks yet"):
        OpenPlan.begun("x").plan()
