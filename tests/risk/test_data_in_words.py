"""Words that only a run can tell: where an option, a second file or a command could come from them."""

from __future__ import annotations

from typing import Any

import pytest

from agx.risk.assess import with_risk
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of

ONE: dict[str, Any] = {"task": 1}
WORDS: dict[str, Any] = {"task": 1, "split": True}
ANY: dict[str, Any] = {"env": "ANY"}
ALL: dict[str, Any] = {"glob": "*"}


def marked(words: list[Any]) -> set[str]:
    """Return the risk of a task with these words behind `cat a`."""
    command, *args = words
    plan = plan_of({"command": "cat", "args": ["a"]}, {"command": command, "args": args})
    return set(with_risk(plan, unix_registry()).tasks[1].risk)


@pytest.mark.parametrize(
    ("words", "risk"),
    [
        (["sort", ONE, "f"], "runs_code"),
        (["sort", {"text": ["--comp", "ress-program=./x"]}, "f"], "runs_code"),
        (["sort", {"text": ["-", ANY]}, "f"], "runs_code"),
        (["sort", {"text": ["--output=", ANY]}, "f"], "writes"),
        (["sort", {"text": ["-k", WORDS]}, "f"], "runs_code"),
        (["sort", "-k", WORDS, "f"], "runs_code"),
        (["sort", "-k", ALL], "runs_code"),
        (["sort", {"glob": "[-]o*"}], "runs_code"),
        (["sort", {"glob": "-*"}], "runs_code"),
        (["find", ".", ONE], "runs_code"),
        (["find", ".", "-name", WORDS], "runs_code"),
        (["find", ".", "-newermt", ALL], "runs_code"),
        (["less", "-p", WORDS, "f"], "runs_code"),
        (["awk", ONE, "f"], "runs_code"),
        (["awk", {"text": ['{print | "', ONE, '"}']}], "runs_code"),
        (["sed", {"text": ["s/a/", ANY, "/"]}, "f"], "runs_code"),
        (["xargs", ONE], "runs_code"),
        (["xargs", "-I", WORDS, "ls"], "runs_code"),
        (["env", WORDS], "runs_code"),
        (["nice", "-n", WORDS, "ls"], "runs_code"),
        (["timeout", WORDS, "ls"], "runs_code"),
        (["git", ONE], "runs_code"),
        (["git", "log", ANY], "runs_code"),
        (["git", "-C", WORDS, "log"], "runs_code"),
        (["git", "branch", WORDS], "writes runs_code"),
        (["git", "config", WORDS], "writes runs_code"),
        (["git", "config", WORDS, "x"], "writes runs_code"),
        (["systemctl", ANY, "nginx"], "runs_code"),
        (["dmesg", ONE], "runs_code"),
        (["journalctl", ANY], "runs_code"),
        (["fuser", ALL], "runs_code"),
        (["date", ANY], "privilege"),
        (["hostname", ONE], "privilege"),
        (["service", WORDS], "privilege"),
        (["ifconfig", WORDS], "privilege"),
        (["ip", WORDS], "privilege"),
        (["uniq", WORDS], "writes"),
        (["uniq", {"glob": "*.txt"}], "writes"),
        (["xxd", ALL], "writes"),
    ],
    ids=str,
)
def test_what_a_word_may_hide_counts(words: list[Any], risk: str) -> None:
    command, *args = words
    plan = with_risk(
        plan_of({"command": "cat", "args": ["a"]}, {"command": command, "args": args}), unix_registry()
    )
    assert set(plan.tasks[1].risk) >= set(risk.split())


@pytest.mark.parametrize(
    "words",
    [
        ["sort", "--", ONE],
        ["sort", "-k", ONE, "f"],
        ["sort", "-k", {"glob": "*.c"}],
        ["sort", {"glob": "a*"}],
        ["sort", {"text": ["./", ANY]}],
        ["sort", {"env": "HOME"}],
        ["find", ".", "-name", ANY],
        ["grep", "-e", WORDS, ALL],
        ["cat", ALL, WORDS],
        ["nice", "-n", ANY, "ls"],
        ["uniq", "-c", ANY],
        ["xxd", ONE],
        ["less", "-p", ANY, "f"],
        ["git", "log", "--", WORDS],
        ["ip", "addr", "show", ANY],
    ],
    ids=str,
)
def test_what_can_hide_nothing_only_reads(words: list[Any]) -> None:
    command, *args = words
    plan = with_risk(
        plan_of({"command": "cat", "args": ["a"]}, {"command": command, "args": args}), unix_registry()
    )
    assert plan.tasks[1].risk == ("reads",)
