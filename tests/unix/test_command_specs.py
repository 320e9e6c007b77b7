"""What is written down of the Unix commands: known keys, no command twice, and true of the real tools."""

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
from agx.risk.code_operands import RUNNING
from agx.risk.effects import VALUES
from agx.risk.operands import OPERANDS
from agx.shell.nested import nested_calls
from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.unix.command_specs import spec_of, subcommand_spec
from agx.unix.options import options_of, unix_options
from agx.unix.registry import unix_registry
from agx.unix.runs import OPERANDS as RUN_OPERANDS

CORPUS = Path(__file__).parents[3] / "shared/data/nl2bash/train.jsonl"
LINES = files("agx.unix").joinpath("unix_commands.jsonl").read_text(encoding="utf-8").splitlines()
ROWS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
TEXTS = {"names", "family", "always", "operands", "before", "skips", "language", "pattern_options", "quiet"}
FLAGS = {"complete", "leading", "single", "old_style", "hosts", "elsewhere", "pattern_first"}
MAPS = {"marks", "words"}
KINDS = {"flags", "digits", "joined", "maybe", "values", "patterns", "paths", "exec", "shell_operand", "code",
         "long", *VALUES}  # fmt: skip
SPECS = {name: spec_of(name) for row in ROWS for name in row["names"]}
# The tools of GNU that answer `--help` with a line for each option.
WITH_HELP = (
    "cat chmod chown comm cp cut date df diff du env grep head join ln ls mkdir mv nl od paste rm sed "
    "sort split stat tac tail tar tee touch tr uniq wc who xargs"
).split()


def test_no_command_has_two_rows() -> None:
    names = Counter(name for row in ROWS for name in row["names"])
    assert [name for name, times in names.items() if times > 1] == []


def test_every_line_can_be_found_by_its_names_alone() -> None:
    """They come first, so that a line is parsed when somebody asks for one of them."""
    assert all(next(iter(row)) == "names" and not any('"' in name for name in row["names"]) for row in ROWS)
    assert all(spec is not None and spec.name == name for name, spec in SPECS.items())


def test_no_two_rows_of_a_family_are_alike() -> None:
    alike = Counter(json.dumps({**row, "names": row.get("family", row["names"][0])}) for row in ROWS)
    assert max(alike.values()) == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["names"][0]))
def test_a_row_has_known_keys_and_words(row: dict[str, Any]) -> None:
    assert row.keys() <= TEXTS | FLAGS | MAPS | KINDS
    known = {"", "subcommand", "assignments", *RUN_OPERANDS, *RUNNING, *OPERANDS}
    assert row.get("operands", "") in known


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["names"][0]))
def test_options_begin_with_a_dash_and_are_of_one_kind(row: dict[str, Any]) -> None:
    given = [option for kind in KINDS - {"joined"} for option in row.get(kind, "").split()]
    assert [option for option in (*given, *row.get("marks", {})) if option[0] not in "-+"] == []
    assert [option for option in given if "=" in option] == []
    assert {option: times for option, times in Counter(given).items() if times > 1} == {}
    assert "flags" not in row or row.get("complete")


@pytest.mark.parametrize("row", [row for row in ROWS if row.get("complete")], ids=lambda row: row["names"][0])
def test_options_that_are_all_known_are_letters_or_long_unless_words_stand_behind_one_dash(
    row: dict[str, Any],
) -> None:
    spec = spec_of(row["names"][0])
    assert spec is not None
    known = spec.known or frozenset()
    assert known
    assert spec.single or all(
        len(option) == 2 or option.startswith("--") or option in ("-NUM", "-") for option in known
    )


def test_every_way_to_treat_operands_is_used() -> None:
    used = {row.get("operands", "") for row in ROWS}
    assert {*RUN_OPERANDS, *RUNNING, *OPERANDS} - used == set()


def test_another_name_of_a_tool_has_its_options() -> None:
    assert unix_options("egrep") == unix_options("grep")


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
                call.name
                for task in parse_shell(json.loads(line)["cmd"]).tasks
                for call in nested_calls(task, unix_registry())
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


def test_a_subcommand_without_a_row_of_its_own_has_that_of_any_other() -> None:
    git, apt_get = spec_of("git"), spec_of("apt-get")
    assert git is not None
    assert apt_get is not None
    found = [
        subcommand_spec(*pair)
        for pair in ((git, "log"), (git, "nosuch"), (apt_get, "purge"), (apt_get, "nosuch"))
    ]
    assert [None if row is None else row.name for row in found] == ["git log", "git *", "apt purge", None]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("python3.12", "python"),
        ("gawk-5.1", "awk"),
        ("mkfs.ext4", "mkfs"),
        ("gsed", "sed"),
        ("egrep", "grep"),
        ("nosuch", None),
    ],
)
def test_versions_and_kinds_of_a_command_share_its_row(name: str, row: str | None) -> None:
    found = spec_of(name)
    assert (None if found is None else found.family) == row
