"""The options that are written down for the Unix commands: whole, sane, and true of the real tools."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from agx.plan.tools import ToolInfo, ToolOptions
from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.unix.inner_calls import calls
from agx.unix.options import options_of, unix_options
from agx.unix.registry import unix_registry

CORPUS = Path(__file__).parents[3] / "shared/data/nl2bash/train.jsonl"
KINDS = ("pattern", "file", "command", "value", "joined")
ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in files("agx.unix").joinpath("unix_options.jsonl").read_text(encoding="utf-8").splitlines()
]
# The tools of GNU that answer `--help` with a line for each option.
WITH_HELP = (
    "cat chmod chown comm cp cut date df diff du env grep head join ln ls mkdir mv nl od paste rm sed "
    "sort split stat tac tail tar tee touch tr uniq wc who xargs"
).split()


def test_every_row_is_of_a_tool_and_stands_once() -> None:
    names = [row["name"] for row in ROWS]
    assert names == sorted(set(names))
    assert [name for name in names if name not in unix_registry()] == []
    assert all(set(row) <= {"name", "same_as", "syntax", "known", *KINDS} for row in ROWS)


def test_every_line_can_be_found_by_its_name_alone() -> None:
    assert all(next(iter(row)) == "name" and '"' not in row["name"] for row in ROWS)
    assert all(unix_options(row["name"]) is not None for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_options_begin_with_a_dash_and_are_of_one_kind(row: dict[str, Any]) -> None:
    given = [option for kind in KINDS for option in row.get(kind, ())]
    known = row.get("known", given)
    assert all(option.startswith("-") and not set(option) & set(" =\t") for option in [*given, *known])
    assert len(given) == len(set(given))
    assert len(known) == len(set(known))
    assert set(given) <= set(known)
    assert row.get("syntax") == "words" or all(
        len(option) == 2 or option.startswith("--") or option in ("-NUM", "-") for option in known
    )


def test_another_name_of_a_tool_has_its_options() -> None:
    assert unix_options("egrep") is unix_options("grep")
    assert [
        row["same_as"] for row in ROWS if "same_as" in row and "same_as" in ROWS_BY_NAME[row["same_as"]]
    ] == []


ROWS_BY_NAME = {row["name"]: row for row in ROWS}


@pytest.mark.parametrize(
    ("tool", "kind", "option"),
    [
        ("find", "pattern", "-name"),
        ("find", "file", "-newer"),
        ("find", "command", "-exec"),
        ("find", "value", "-mtime"),
        ("grep", "pattern", "-e"),
        ("grep", "pattern", "--include"),
        ("grep", "file", "-f"),
        ("tar", "file", "-C"),
        ("tar", "pattern", "--exclude"),
        ("tar", "command", "--to-command"),
        ("rsync", "command", "-e"),
        ("sort", "command", "--compress-program"),
        ("sh", "command", "-c"),
        ("sed", "joined", "-i"),
    ],
)
def test_the_kinds_of_well_known_options(tool: str, kind: str, option: str) -> None:
    options = unix_options(tool)
    assert options is not None
    assert option in getattr(options, kind)
    assert options.takes_value(option) is (kind != "joined")


def test_a_tools_own_options_come_first_and_a_function_has_none() -> None:
    own = ToolOptions(known=frozenset({"-x"}))
    assert options_of(ToolInfo("grep", options=own)) is own
    assert options_of(ToolInfo("grep")) is unix_options("grep")
    assert options_of(ToolInfo("grep", schema={"type": "object"})) is None
    assert options_of(ToolInfo("frobnicate")) is None


@pytest.mark.skipif(not CORPUS.exists(), reason="the NL2Bash corpus is not there")
def test_all_options_of_the_forty_commonest_tools_are_known() -> None:
    counts: Counter[str] = Counter()
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        try:
            counts.update(
                call.name for task in parse_shell(json.loads(line)["cmd"]).tasks for call in calls(task)
            )
        except NotAPlan:
            continue
    commonest = [name for name, _ in counts.most_common() if name in unix_registry()][:40]
    assert len(commonest) == 40
    assert [name for name in commonest if not _knows_all(name)] == []


def _knows_all(name: str) -> bool:
    options = unix_options(name)
    return options is not None and options.known is not None


def _long_options_in_help(tool: str) -> set[str]:
    run = subprocess.run(
        [tool, "--help"], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    lines = [line for line in run.stdout.splitlines() if re.match(r" {1,8}-", line)]
    shown = [
        option
        for line in lines
        for option in re.findall(r"(?:^|[ ,])(--[a-z][a-z0-9-]*)", line.split("  e")[0])
    ]
    return {option for option in shown if "TYPE" not in option}


def test_what_the_tools_of_this_machine_say_of_themselves_is_known() -> None:
    """Newer versions may have a few more, so one in fifty may be missing."""
    here = [tool for tool in WITH_HELP if shutil.which(tool) is not None]
    shown = {(tool, option) for tool in here for option in _long_options_in_help(tool)}
    if len(shown) < 200:
        pytest.skip("these tools are not those of GNU")
    unknown = sorted(pair for pair in shown if pair[1] not in _known(pair[0]))
    assert len(unknown) < len(shown) / 50, unknown


def _known(tool: str) -> frozenset[str]:
    options = unix_options(tool)
    assert options is not None
    return options.known or frozenset()
