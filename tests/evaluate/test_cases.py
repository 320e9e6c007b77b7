"""Reading cases: the accepted forms, and what is said about every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agx.errors import UsageError
from agx.evaluate.cases import FORM_REASON, Case, load_cases, make_case
from agx.shell.parse import parse_shell

LS = {"command": "ls", "args": ["-l"]}
GOOD = '{"instruction": "list", "reference": "ls"}'


def commands(case: Case) -> list[list[str]]:
    """Return the commands of each reference."""
    return [[task.command for task in tasks] for tasks in case.references]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("ls -l | wc", [["ls", "wc"]]),
        (["ls -l", "dir"], [["ls"], ["dir"]]),
        ({"tasks": [LS]}, [["ls"]]),
        ([{"tasks": [LS]}, "dir"], [["ls"], ["dir"]]),
        ([LS, {"command": "wc", "input_from_task": 1}], [["ls", "wc"]]),
        ([[LS], [LS, LS]], [["ls"], ["ls", "ls"]]),
        ({"plan": [{"cmd": "sort", "args": []}, {"cmd": "uniq"}]}, [["sort", "uniq"]]),
        (LS, [["ls"]]),
    ],
)
def test_forms_of_references(reference: object, expected: list[list[str]]) -> None:
    """A shell command, a plan in any form, or a list of either; a list of tasks is one plan."""
    assert commands(make_case({"instruction": "list", "reference": reference})) == expected


def test_references_have_the_form_that_plans_come_back_in() -> None:
    """A lone `uniq` is a `sort` and a `uniq` in a reference too, unless the instruction means it alone."""
    for reference in ("cat a | uniq", [{"command": "cat"}, {"command": "uniq", "input_from_task": 1}]):
        row = {"instruction": "drop what is there twice", "reference": reference}
        assert commands(make_case(row)) == [["cat", "sort", "uniq"]]
        assert commands(make_case(row | {"instruction": "drop adjacent repeats"})) == [["cat", "uniq"]]


def test_the_other_names_and_unknown_keys_are_read() -> None:
    """`nl` and `cmd` are the names of NL2Bash; further keys are kept and mean nothing."""
    row = {"nl": "list", "cmd": "ls -l", "request": "listing"}
    case = make_case(row, line=7)
    assert case == Case("list", (parse_shell("ls -l").tasks,), (), None, line=7, source=row)
    assert case.utility == "ls"


def test_references_that_are_no_plans_are_left_out_by_reason() -> None:
    """The case is scored on the others, and not at all when none is left."""
    mixed = make_case({"instruction": "x", "reference": ["ls; date", "ls", {"tasks": [{}]}]})
    assert commands(mixed) == [["ls"]]
    assert mixed.left_out == ("several commands", FORM_REASON)
    none = make_case({"instruction": "x", "reference": "for i in *; do echo $i; done"})
    assert none.references == ()
    assert none.utility is None
    assert len(none.left_out) == 1


def test_a_file_with_odd_lines_is_read_whole(tmp_path: Path) -> None:
    """A byte order mark, blank lines, carriage returns and Unicode's line separators do no harm."""
    path = tmp_path / "cases.jsonl"
    other = json.dumps({"instruction": "a\u2028b", "reference": "ls"}, ensure_ascii=False)
    path.write_bytes(f"\ufeff{GOOD}\r\n\n   \n{other}".encode())
    assert [(case.line, case.instruction) for case in load_cases(path)] == [(1, "list"), (4, "a\u2028b")]


def test_every_everyday_reference_is_a_plan() -> None:
    """The evaluation file of this repository is scored whole."""
    cases = load_cases(Path(__file__).parent.parent / "data" / "everyday.jsonl")
    assert len(cases) >= 150
    assert [case.line for case in cases if case.left_out] == []


@pytest.mark.parametrize(
    "command", ["", "\0", "echo \ud800", "echo " + "$(" * 3000, "echo " + "{a,b}" * 30, "'", "x " * 1000]
)
def test_no_shell_text_ends_the_loading(command: str) -> None:
    """Whatever stands in a reference: it is a plan, or it is left out for a reason."""
    found = make_case({"instruction": "x", "reference": command})
    assert len(found.references) + len(found.left_out) == 1


@pytest.mark.parametrize("draft", ["```json\n{}\n```", [LS], {"tasks": [LS]}], ids=["text", "list", "object"])
def test_drafts_are_kept_as_they_are(draft: object) -> None:
    """What a draft means is for the planner to say."""
    assert make_case({"instruction": "x", "reference": "ls", "draft": draft}).draft == draft


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("ls -l", "not JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"n": ' + "9" * 5000 + "}", "not JSON"),
        ("{}", "its keys: none at all"),
        ('{"nl": "x", "tasks": []}', "no `reference` (or `cmd`); its keys: `nl`, `tasks`"),
        ('{"cmd": "ls"}', "no `instruction` (or `nl`)"),
        ('{"nl": " ", "cmd": "ls"}', "the instruction"),
        ('{"nl": 5, "cmd": "ls"}', "the instruction"),
        ('{"nl": "\\ud800", "cmd": "ls"}', "not valid Unicode"),
        ('{"nl": "x", "cmd": 5}', "the reference"),
        ('{"nl": "x", "cmd": null}', "the reference"),
        ('{"nl": "x", "cmd": []}', "the reference"),
        ('{"nl": "x", "cmd": ["ls", 5]}', "the reference"),
        ('{"nl": "x", "cmd": "ls", "draft": null}', "the draft"),
        ('{"nl": "x", "cmd": "ls", "draft": 5}', "the draft"),
        ('{"nl": "x", "cmd": "ls", "draft": ["a"]}', "the first case has none"),
    ],
)
def test_a_bad_line_is_named_with_what_to_do(tmp_path: Path, line: str, message: str) -> None:
    """The error says file, line, what is wrong and what a case is."""
    path = tmp_path / "cases.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_cases(path)
    assert caught.value.message.startswith(f"{path}:3: ")
    assert message in caught.value.message
    assert caught.value.hint
    assert len(caught.value.message) < 300


def test_a_missing_draft_among_drafts_is_named(tmp_path: Path) -> None:
    """A file is for Delta, or it is not."""
    path = tmp_path / "cases.jsonl"
    row: dict[str, Any] = {"instruction": "x", "reference": "ls"}
    path.write_text(f"{json.dumps(row | {'draft': [LS]})}\n{json.dumps(row)}\n")
    with pytest.raises(UsageError, match=":2: this case has no draft"):
        load_cases(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "has no cases"), (b"\n \n", "has no cases"), (b"{}\n\xff\xfe", ":2: this is not UTF-8 text")],
    ids=["empty", "blank", "binary"],
)
def test_a_file_without_cases_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """An empty file is no perfect score."""
    path = tmp_path / "cases.jsonl"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=message):
        load_cases(path)


def test_wrong_paths_are_refused(tmp_path: Path) -> None:
    """A missing file, a folder, a file below a file, a file without an end."""
    (tmp_path / "a").write_text(GOOD)
    with pytest.raises(UsageError, match="No such file"):
        load_cases(tmp_path / "missing")
    with pytest.raises(UsageError, match="is a folder"):
        load_cases(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        load_cases(tmp_path / "a" / "b")


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the limit is not read to its end."""
    monkeypatch.setattr("agx.evaluate.cases.MAX_BYTES", 1 << 20)
    path = tmp_path / "cases.jsonl"
    with path.open("wb") as file:
        file.truncate((1 << 20) + 1)
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        load_cases(path)
