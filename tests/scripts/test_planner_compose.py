"""Composed requests: real `find` takes every command, and the request names what the command does."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from agx.rules import findings as rules
from agx.shell.parse import parse_shell
from agx.unix.registry import unix_registry
from scripts.planner.compose import SOURCE, composed
from scripts.planner.find_parts import LANGUAGES
from scripts.planner.forms import one_form

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.planner.sequences import Tasks
    from scripts.planner.sources import Pair

NUM = 1500
PAIRS = tuple(composed(NUM))
_WORD = re.compile(r"[A-Za-z]{3,}|\d{2,}")
_ACTIONS = ("-exec", "-print0")


def _tasks(pair: Pair) -> Tasks:
    return [task.written() for task in parse_shell(pair.cmd).tasks]


def test_a_seed_gives_the_same_requests() -> None:
    assert tuple(composed(20)) == PAIRS[:20]
    assert tuple(composed(20, seed=2)) != PAIRS[:20]
    assert {pair.source for pair in PAIRS} == {SOURCE}


def test_hardly_any_comes_twice() -> None:
    assert len({pair.nl for pair in PAIRS}) > NUM * 0.98
    assert len({pair.cmd for pair in PAIRS}) > NUM * 0.9


def test_no_place_is_left_unfilled() -> None:
    for pair in PAIRS:
        assert "{" not in pair.nl, pair
        assert "{" not in pair.cmd.replace(r" {} ", " "), pair
        assert "  " not in pair.nl + pair.cmd, pair


def test_the_rules_find_nothing_in_the_plans() -> None:
    for pair in PAIRS:
        assert not rules.check(parse_shell(pair.cmd).tasks, unix_registry(), max_tasks=3), pair


def test_plans_are_in_the_form_that_echo_learns() -> None:
    for pair in PAIRS:
        assert one_form(_tasks(pair)) == _tasks(pair)


def test_the_request_names_what_the_command_names() -> None:
    """Names and numbers can be copied, all but bits and the endings of languages, which it describes."""
    for pair in PAIRS:
        for item in (item for task in _tasks(pair) for item in task.get("args", ())):
            text = item if isinstance(item, str) else item.get("env", "")
            is_option = text.startswith("-") or text in _COMMANDS
            is_described = text == "HOME" or text.removeprefix("*.") in LANGUAGES.values()
            if not is_option and not is_described:
                assert [word for word in _WORD.findall(text) if word not in pair.nl] == [], (pair, text)


_COMMANDS = frozenset({"wc", "rm", "ls", "chmod", "chown", "cp", "mv", "grep", "head"})


@pytest.mark.skipif(shutil.which("find") is None, reason="needs find")
def test_find_takes_every_expression(tmp_path: Path) -> None:
    """In an empty folder, with users and files that exist, every one ends well and says nothing."""
    seen = set[tuple[str, ...]]()
    for pair in PAIRS[:400]:
        args = [item if isinstance(item, str) else "." for item in _tasks(pair)[0]["args"]]
        cut = min((args.index(action) for action in _ACTIONS if action in args), default=len(args))
        seen.add(("find", str(tmp_path), *_existing(args[1:cut], tmp_path)))
    for command in seen:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command


def _existing(args: list[str], folder: Path) -> list[str]:
    """Name users, groups and files that there are."""
    there = {"-user": "0", "-group": "0", "-newer": str(folder)}
    return [there.get(before, item) for before, item in zip(["", *args], args, strict=False)]


def test_a_language_is_found_by_its_ending() -> None:
    asked = [pair for pair in PAIRS if " rust " in pair.nl]
    assert asked
    assert all("-name '*.rs'" in pair.cmd for pair in asked)
