"""`agx batch` with a scripted model: rows, errors as rows, going on, refusing, and exit codes."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agx.backends.scripted import Reply, ScriptedReply
from agx.batch.lines import MAX_LINE_BYTES
from agx.errors import BackendUnreachable
from agx.requests import GenerationRequest
from tests.cli.conftest import Agx


def play(request: GenerationRequest) -> str:
    """Show the file that the last word of the instruction names; "nonsense" gets no plan."""
    words = request.messages[-1].content.split()
    return (
        "no plan" if "nonsense" in words else json.dumps({"tasks": [{"command": "cat", "args": [words[-1]]}]})
    )


SCRIPT: tuple[Reply, ...] = (play,) * 100


@pytest.fixture
def instructions(tmp_path: Path) -> Path:
    """Write an input of six lines, two of which are no instruction and one of which gets no plan."""
    path = tmp_path / "in.jsonl"
    lines = [
        '{"instruction": "show a.txt", "id": "first", "user": "x"}',
        '"show b.txt"',
        "",
        '{"instruction": "nonsense c.txt"}',
        "show d.txt",
        '{"nl": "show e.txt"}',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def rows_of(text: str) -> dict[int, dict[str, Any]]:
    rows = [json.loads(line) for line in text.splitlines()]
    by_line = {row["line"]: row for row in rows}
    assert len(by_line) == len(rows)
    return by_line


def rows_in(name: str) -> dict[int, dict[str, Any]]:
    return rows_of(Path(name).read_text(encoding="utf-8"))


def codes(rows: dict[int, dict[str, Any]]) -> dict[int, str]:
    """Return what became of each line: the file that its plan shows, or the code of its error."""
    return {
        number: rows[number]["plan"]["tasks"][0]["args"][0]
        if rows[number]["ok"]
        else rows[number]["error"]["code"]
        for number in sorted(rows)
    }


EXPECTED = {1: "a.txt", 2: "b.txt", 3: "UsageError", 4: "PlanInvalid", 5: "UsageError", 6: "e.txt"}


def test_every_line_has_its_row(agx: Agx, instructions: Path) -> None:
    done = agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    assert (done.code, done.out) == (3, "")
    rows = rows_in("out.jsonl")
    assert codes(rows) == EXPECTED
    assert (rows[1]["id"], rows[1]["input"]) == ("first", {"user": "x"})
    assert "done: 6 lines have their row: 3 planned, 3 errors (UsageError 2, PlanInvalid 1); 6 in" in done.err
    assert not Path("home/plans").exists()


def test_without_an_output_the_rows_are_printed(agx: Agx, instructions: Path) -> None:
    done = agx("batch", instructions.name, replies=SCRIPT)
    assert done.code == 3
    assert codes(rows_of(done.out)) == EXPECTED
    assert done.err.startswith("done: 6 lines have their row")


def test_when_all_lines_are_planned_the_code_is_0(agx: Agx, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text('show a.txt\n{"show": b.txt\n', encoding="utf-8")
    done = agx("batch", "in.txt", "-o", "out.jsonl", replies=SCRIPT)
    assert done.code == 0, done.err
    assert codes(rows_in("out.jsonl")) == {1: "a.txt", 2: "b.txt"}


def test_nothing_is_planned_twice(agx: Agx, instructions: Path) -> None:
    agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    before = Path("out.jsonl").read_bytes()
    done = agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    assert done.code == 3
    assert done.backend.requests == []
    assert Path("out.jsonl").read_bytes() == before


def test_lines_that_were_added_are_planned(agx: Agx, instructions: Path) -> None:
    agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    with instructions.open("a", encoding="utf-8") as file:
        file.write('\n"show f.txt"\n')
    done = agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    assert len(done.backend.requests) == 1
    assert codes(rows_in("out.jsonl")) == EXPECTED | {7: "f.txt"}


def test_errors_are_tried_again_when_asked_for(agx: Agx, instructions: Path) -> None:
    agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    good = ('{"tasks":[{"command":"cat","args":["c.txt"]}]}',)
    done = agx("batch", instructions.name, "-o", "out.jsonl", "--retry-errors", replies=good)
    assert done.code == 3  # two lines are no instructions, whatever the model writes
    assert codes(rows_in("out.jsonl")) == EXPECTED | {4: "c.txt"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param('"show x.txt"\n', "line 1 is not what it was", id="another line"),
        pytest.param(
            '{"instruction": "show a.txt", "id": "first", "user": "x"}\n', "it has 1 lines", id="fewer"
        ),
    ],
)
def test_a_changed_input_is_refused(agx: Agx, instructions: Path, text: str, reason: str) -> None:
    agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    before = Path("out.jsonl").read_bytes()
    instructions.write_text(text, encoding="utf-8")
    done = agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    assert done.code == 2
    assert f"the input has changed since its rows were written: {reason}" in done.err
    assert "--restart" in done.err
    assert Path("out.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "is_same"),
    [
        (("--seed", "3"), False),
        (("--max-tasks", "3"), False),
        (("--forbid", "rm"), False),
        (("--role", "both"), False),
        (("--echo-model", "other.gguf"), False),
        (("--delta-model", "other.gguf"), True),
        (("--parallel", "3"), True),
        (("--threads", "1"), True),
        (("--record", "off"), True),
        (("--timeout", "60"), True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_only_options_that_decide_the_plans_have_to_stay(
    agx: Agx, instructions: Path, options: tuple[str, ...], *, is_same: bool
) -> None:
    agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    done = agx("batch", instructions.name, "-o", "out.jsonl", *options, replies=SCRIPT)
    assert done.code == (3 if is_same else 2)
    assert ("other options" in done.err) != is_same


def test_other_tools_are_other_options(agx: Agx, instructions: Path) -> None:
    Path("tools.json").write_text('["cat", "sort"]', encoding="utf-8")
    agx("batch", instructions.name, "-o", "out.jsonl", "--tools", "tools.json", replies=SCRIPT)
    again = agx("batch", instructions.name, "-o", "out.jsonl", "--tools", "tools.json", replies=SCRIPT)
    assert (again.code, again.backend.requests) == (3, [])
    Path("tools.json").write_text('["cat"]', encoding="utf-8")
    assert agx("batch", instructions.name, "-o", "out.jsonl", "--tools", "tools.json").code == 2


def test_a_restart_keeps_the_old_rows(agx: Agx, instructions: Path) -> None:
    agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    before = Path("out.jsonl").read_bytes()
    done = agx("batch", instructions.name, "-o", "out.jsonl", "--restart", "--seed", "3", replies=SCRIPT)
    assert "done: the rows that were there are kept in out.jsonl.1" in done.err
    assert Path("out.jsonl.1").read_bytes() == before
    assert codes(rows_in("out.jsonl")) == EXPECTED


def test_an_error_that_no_plan_escapes_ends_the_run_and_keeps_the_rows(agx: Agx, instructions: Path) -> None:
    gone = ScriptedReply(
        " " * 80, error=BackendUnreachable("it is gone", hint="start it"), chunk_delay_secs=0.05
    )
    done = agx("batch", instructions.name, "-o", "out.jsonl", replies=(play, *[gone] * 5))
    assert done.code == 5
    assert "stopped: 3 of 6 lines have their row: 1 planned, 2 errors (UsageError 2)" in done.err
    assert "the same command goes on from here" in done.err
    assert "error: it is gone" in done.err
    again = agx("batch", instructions.name, "-o", "out.jsonl", replies=SCRIPT)
    assert (again.code, len(again.backend.requests)) == (3, 3)
    assert codes(rows_in("out.jsonl")) == EXPECTED


def from_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("data", [b"show a.txt\nshow b.txt", b'"show a.txt"\n{"nl": "show b.txt"}\n'])
def test_lines_may_come_from_a_pipe(agx: Agx, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    from_stdin(monkeypatch, data)
    done = agx("batch", "-", "-o", "out.jsonl", replies=SCRIPT)
    assert done.code == 0, done.err
    assert codes(rows_in("out.jsonl")) == {1: "a.txt", 2: "b.txt"}


def test_a_pipe_goes_on_where_it_was_and_is_checked_as_it_comes(
    agx: Agx, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, code, num_requests in [
        (b"show a.txt\n", 0, 1),
        (b"show a.txt\nshow b.txt\n", 0, 1),
        (b"show a.txt\n", 2, 0),
        (b"show x.txt\nshow b.txt\n", 2, 0),
    ]:
        from_stdin(monkeypatch, data)
        done = agx("batch", "-", "-o", "out.jsonl", replies=SCRIPT)
        assert (done.code, len(done.backend.requests)) == (code, num_requests), done.err
    assert codes(rows_in("out.jsonl")) == {1: "a.txt", 2: "b.txt"}


def test_a_named_pipe_is_read_once(agx: Agx, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("show a.txt\n", encoding="utf-8"))
    writer.start()
    done = agx("batch", "pipe", replies=SCRIPT)
    writer.join()
    assert (done.code, codes(rows_of(done.out))) == (0, {1: "a.txt"})


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(("missing.jsonl",), "cannot be read: No such file", id="no input"),
        pytest.param((".",), "cannot be read: Is a directory", id="a folder"),
        pytest.param(("in.jsonl", "-o", "in.jsonl"), "both the input and the output", id="same file"),
        pytest.param(("in.jsonl", "--restart"), "are about an output file", id="restart of nothing"),
        pytest.param(("in.jsonl", "--retry-errors", "-o", "-"), "are about an output file", id="retry"),
        pytest.param(("in.jsonl", "--role", "delta"), "no drafts to refine", id="delta"),
        pytest.param(("in.jsonl", "--parallel", "0"), "sequences cannot be 0", id="parallel"),
        pytest.param(("in.jsonl", "--forbid", "nonesuch"), "nonesuch", id="policy"),
        pytest.param(("in.jsonl", "-o", "notes.txt"), "is not an output of `agx batch`", id="other file"),
    ],
)
def test_what_cannot_be_is_refused(
    agx: Agx, instructions: Path, arguments: tuple[str, ...], reason: str
) -> None:
    before = instructions.read_bytes()
    Path("notes.txt").write_text("my notes", encoding="utf-8")
    done = agx("batch", *arguments, replies=SCRIPT)
    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert done.backend.requests == []
    assert instructions.read_bytes() == before
    assert Path("notes.txt").read_text(encoding="utf-8") == "my notes"


def test_an_output_that_cannot_be_written_is_said_at_once(agx: Agx, instructions: Path) -> None:
    done = agx("batch", instructions.name, "-o", "nowhere/out.jsonl", replies=SCRIPT)
    assert done.code == 1
    assert "the folder nowhere does not exist" in done.err


def test_an_empty_input_has_no_rows(agx: Agx, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"")
    done = agx("batch", "in.txt", "-o", "out.jsonl", replies=())
    assert (done.code, Path("out.jsonl").read_bytes()) == (0, b"")


def test_notes_are_json_when_asked_for(agx: Agx, instructions: Path) -> None:
    done = agx("batch", instructions.name, "--json", "-o", "out.jsonl", replies=SCRIPT)
    numbers = json.loads(done.err)["done"]
    assert (numbers["lines"], numbers["planned"], numbers["errors"], numbers["new"]) == (6, 3, 3, 6)


def test_long_and_strange_lines_are_rows(agx: Agx, tmp_path: Path) -> None:
    lines = [b"x" * (MAX_LINE_BYTES + 1), b"show \xff", b"show a.txt", "show b\u2028.txt".encode()]
    (tmp_path / "in.txt").write_bytes(b"\n".join(lines))
    done = agx("batch", "in.txt", "-o", "out.jsonl", replies=SCRIPT)
    assert done.code == 3
    rows = rows_in("out.jsonl")
    assert codes(rows) == {1: "UsageError", 2: "UsageError", 3: "a.txt", 4: ".txt"}
    assert rows[4]["instruction"] == "show b\u2028.txt"
