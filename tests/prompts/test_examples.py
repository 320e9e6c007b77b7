"""The bank of examples: its lines, its search, a user's own pairs, and what the shipped one holds."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from agx.errors import Unsupported
from agx.prompts.examples import MOST_NEAR, Example, ExampleBank, example_bank
from agx.rules.check import check_tasks
from agx.unix.registry import unix_registry
from tests.plan.helpers import task

COUNT = Example("count the lines of a.txt", (task("wc", "-l", "a.txt"),))
LIST = Example(
    "list the text files, last first",
    (task("ls", {"glob": "*.txt"}), task("tac", number=2, input_from_task=1, save_to="a")),
)
ODD = Example("  say\twhat \n is odd ", (task("echo", "a\tb\u2028ü"),))


@pytest.mark.parametrize("example", [COUNT, LIST], ids=["one task", "typed values and input"])
def test_a_line_is_read_back_as_it_was(example: Example) -> None:
    assert Example.from_line(example.as_line()) == example


def test_a_line_stays_one_line_with_one_tab() -> None:
    """White space in an instruction says nothing, so it becomes single spaces; in a plan it is kept."""
    line = ODD.as_line()
    assert (line.count("\t"), line.count("\n")) == (1, 0)
    read = Example.from_line(line)
    assert (read.instruction, read.tasks) == ("say what is odd", ODD.tasks)


def bank_of(*examples: Example) -> ExampleBank:
    return ExampleBank([example.as_line() for example in examples])


def test_the_nearest_comes_first_and_what_shares_no_word_does_not_come() -> None:
    bank = bank_of(COUNT, LIST, ODD)
    assert list(bank.nearest("list text by lines")) == [LIST, COUNT]
    assert list(bank.nearest("?")) == []


def test_only_the_nearest_are_read() -> None:
    bank = ExampleBank([COUNT.as_line()] * (MOST_NEAR + 1))
    assert len(list(bank.nearest("count"))) == MOST_NEAR


def test_the_shipped_bank_is_one_and_ones_own_pairs_join_it() -> None:
    own = Example("frobnicate the gizmos of the day", (task("ls", "gizmos"),))
    bank = example_bank([own])
    assert len(bank) == len(example_bank()) + 1
    assert next(bank.nearest("frobnicate the gizmos")) == own
    assert own not in example_bank().nearest("frobnicate the gizmos")
    assert example_bank() is example_bank()


def test_an_sqlite_without_its_full_text_index_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    class WithoutIndex(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("fts5", "fts_unknown"), *rest)

    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **more: connect(*given, factory=WithoutIndex, **more)
    )
    with pytest.raises(Unsupported, match="cannot rank examples: no such module") as caught:
        next(bank_of(COUNT).nearest("count"))
    assert "--examples 0" in caught.value.hint


SHIPPED = tuple(example_bank())


def test_every_shipped_plan_is_one_without_errors() -> None:
    registry = unix_registry()
    for example in SHIPPED[::7]:
        assert example.instruction.strip()
        found = check_tasks(example.tasks, registry)
        assert not [one for one in found if one.severity == "error"], example


def test_the_shipped_pairs_are_distinct_and_short() -> None:
    lines = [example.as_line() for example in SHIPPED]
    assert len(set(lines)) == len(lines)
    assert max(map(len, lines)) <= 400


def test_common_tools_and_constructs_are_among_the_shipped_pairs() -> None:
    first = {example.tasks[0].command for example in SHIPPED}
    common = (
        "awk cat chmod chown cp curl cut date df diff du echo find git grep gzip head history kill ln ls "
        "mkdir mv ping ps rm rsync scp sed sort ssh tail tar touch uname uniq unzip wc wget who xargs zip"
    ).split()
    assert set(common) - first == set()
    assert len(first) >= 200
    texts = " ".join(example.plan_text for example in SHIPPED)
    for construct in ('"glob":', '"env":', '{"task":', '"text":', '"input_from_task":', '"save_to":'):
        assert texts.count(construct) >= 20, construct
