"""The table for people: what is in it, and that nothing in it acts on a terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from agx.cli.show.tables import plan_table
from agx.plan.schema import Plan, new_plan_id


def table(*tasks: dict[str, object]) -> str:
    """Return the table of these tasks."""
    rows = [{"task_number": number, **task} for number, task in enumerate(tasks, start=1)]
    return plan_table(Plan.model_validate({"plan_id": new_plan_id(), "instruction": "x", "tasks": rows}))


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def test_a_row_has_number_command_input_and_risk() -> None:
    """Literal text is quoted as for a shell, typed values are not, files and inputs are named."""
    shown = table(
        {"command": "cat", "args": [{"glob": "*.txt"}, "*.md", {"env": "HOME"}], "risk": ["reads"]},
        {"command": "sort", "input_from_task": 1, "save_to": "my file", "risk": ["reads", "writes"]},
        {"command": "echo", "args": [{"task": 1}, {"text": ["a ", {"env": "B"}]}]},
        {"command": "echo", "args": ["~/x"], "append_to": "~/a b"},
    ).splitlines()
    assert shown[0].split() == ["#", "command", "input", "risk"]
    assert "1   cat *.txt '*.md' \"$HOME\"" in shown[2]
    assert "sort > 'my file'" in shown[3]
    assert "task 1" in shown[3]
    assert shown[3].endswith("reads writes")
    assert 'echo "$(task 1)" \'a \'"$B"' in shown[4]
    assert "echo '~/x' >> ~/'a b'" in shown[5], "a path's leading ~/ is the home folder"


def test_the_input_column_is_there_only_when_it_is_used() -> None:
    """A plan of one task needs no such column."""
    assert "input" not in table({"command": "ls"})


def test_arguments_of_functions_are_shown_as_json() -> None:
    """A tool with a schema has an object."""
    assert 'weather {"city": "Köln"}' in table({"command": "weather", "arguments": {"city": "Köln"}})


def test_controls_are_escaped_and_markup_is_text() -> None:
    """Neither a terminal nor rich acts on what a plan holds."""
    shown = table({"command": "echo", "args": ["\x1b[2J\u202e", "[bold]x[/bold]"], "save_to": "a\nb"})
    assert "\x1b" not in shown
    assert "\\x1b[2J\\u202e" in shown
    assert "[bold]x[/bold]" in shown
    assert "a\\nb" in shown


def test_a_narrow_terminal_shows_every_risk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What matters most is never cut, however narrow the terminal is."""
    monkeypatch.setenv("COLUMNS", "20")
    risks = ["reads", "writes", "destructive", "network", "privilege", "runs_code"]
    shown = table(
        {"command": "ls"}, {"command": "rm", "args": ["-rf", "x" * 40], "input_from_task": 1, "risk": risks}
    )
    assert all(risk in shown for risk in risks)
    assert "task 1" in shown


@pytest.mark.parametrize("columns", [24, 40, 59, 60, 80, 160])
def test_no_line_is_longer_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide characters count twice; a terminal that breaks lines itself would tear the columns apart."""
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = table(
        {"command": "find", "args": [".", "-name", "日本語の名前" * 6, "x" * 200], "risk": ["reads"]},
        {
            "command": "sudo",
            "args": ["sh"],
            "input_from_task": 1,
            "risk": ["destructive", "privilege", "runs_code"],
        },
    )
    assert max(map(cell_len, shown.splitlines())) <= columns
    assert "".join(shown.split()).count("x") >= 200


def test_a_narrow_terminal_gets_a_block_for_each_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command has the whole width, and its marks stand below it."""
    monkeypatch.setenv("COLUMNS", "40")
    shown = table(
        {"command": "ls", "args": ["-l"], "risk": ["reads"]},
        {"command": "sort", "input_from_task": 1, "save_to": "x", "risk": ["reads", "writes"]},
    )
    assert shown.splitlines() == [
        "1  ls -l",
        "   risk: reads",
        "2  sort > x",
        "   input: task 1; risk: reads writes",
    ]


def test_a_long_command_is_folded_and_a_huge_one_cut() -> None:
    """A long one keeps every character; a huge one ends in an ellipsis."""
    long = "".join(table({"command": "echo", "args": ["x" * 300]}).split())
    assert long.count("x") == 300
    huge = table({"command": "echo", "args": ["y" * 60_000]})
    assert huge.count("y") < 4100
    assert "…" in huge
