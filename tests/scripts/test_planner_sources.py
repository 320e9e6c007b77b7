"""Reading the public data: placeholders become names that the instruction mentions."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.planner.sources import Pair, about, cheats, fill, nl2bash, tldr, written

if TYPE_CHECKING:
    from collections.abc import Mapping


def _write(path: Path, *rows: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n\n" for row in rows), encoding="utf-8")
    return path.parent


def _filled(nl: str, cmd: str, seed: int = 0) -> tuple[str, str]:
    return fill(nl, cmd, random.Random(seed))


@pytest.mark.parametrize(
    ("cmd", "filled"),
    [
        pytest.param("wc {{[-l|--lines]}}", "wc -l", id="short option"),
        pytest.param("ls {{[long|-l]}}", "ls -l", id="the one with a dash"),
        pytest.param("head {{-n 7}}", "head -n 7", id="no placeholder's kind, taken as it is"),
        pytest.param("nice {{19|10}} ls", "nice 19 ls", id="first of several values"),
    ],
)
def test_a_choice_is_made(cmd: str, filled: str) -> None:
    assert _filled("Do something", cmd)[1] == filled


@pytest.mark.parametrize("seed", range(20))
def test_a_file_stands_in_both(seed: int) -> None:
    """The name that the command uses stands behind the noun of the instruction."""
    nl, cmd = _filled("Print the lines of a file twice", "cat {{path/to/file}} {{path/to/file}}", seed)
    name = cmd.split()[1]
    assert cmd == f"cat {name} {name}"
    assert nl == f"Print the lines of a file {name} twice"


def test_an_extension_is_kept() -> None:
    nl, cmd = _filled("Unpack an archive", "tar xzf {{path/to/file.tar.gz}}")
    assert cmd.endswith(".tar.gz")
    assert nl == f"Unpack an archive {cmd.split()[-1]}"


def test_a_value_without_a_noun_ends_the_instruction() -> None:
    nl, cmd = _filled("Log in", "ssh {{user}}@{{hostname}}")
    user, host = cmd.removeprefix("ssh ").split("@")
    assert nl == f"Log in {user} {host}"


def test_several_files_are_at_most_three() -> None:
    nl, cmd = _filled("Join files", "cat {{path/to/file1 path/to/file2 path/to/file3 path/to/file4 ...}}")
    names = cmd.split()[1:]
    assert len(names) == 3
    assert all(name in nl for name in names)


def test_nl2bash_is_read_without_white_space_around(tmp_path: Path) -> None:
    folder = _write(tmp_path / "train.jsonl", {"nl": " list files \n", "cmd": " ls "})
    assert list(nl2bash(folder)) == [Pair("list files", "ls", "nl2bash")]


def test_tldr_is_read_for_linux_and_every_platform(tmp_path: Path) -> None:
    """Marks of the short options leave the instruction, escaped braces leave the command."""
    row = {"page": "ls", "nl": "[l]ist `files`:", "cmd": r"ls {{[-a|--all]}} \{\{a,b\}\}"}
    folder = _write(
        tmp_path / "examples.jsonl",
        row | {"platform": "common"},
        row | {"platform": "windows"},
        row | {"platform": "linux"},
    )
    assert list(tldr(folder)) == [Pair("list `files`", "ls -a {a,b}", "tldr")] * 2


def test_cheats_have_their_own_placeholders(tmp_path: Path) -> None:
    folder = _write(
        tmp_path / "examples.jsonl", {"page": "grep", "nl": "Count.", "cmd": "grep -c <pattern> <file>"}
    )
    first, second = cheats(folder), cheats(folder)
    pair = next(first)
    _grep, _flag, pattern, file = pair.cmd.split()
    assert pair.nl == f"Count {pattern} {file}"
    assert pair == next(second), "filled alike at every reading"


def test_commands_are_told_by_what_they_are_for(tmp_path: Path) -> None:
    """Only those that are shown alone, and with the sentences given beside tldr's first one."""
    row = {"platform": "common", "nl": "x", "about": "Show things. More information: here."}
    folder = _write(
        tmp_path / "examples.jsonl",
        row | {"page": "uptime", "cmd": "uptime"},
        row | {"page": "uptime", "cmd": "uptime -p"},
        row | {"page": "find", "cmd": "find {{path}}"},
        row | {"page": "dir", "cmd": "dir", "platform": "windows"},
    )
    descriptions = {"uptime": "how long it runs", "find": "finds files"}
    assert list(about(folder, descriptions)) == [
        Pair("Show things", "uptime", "about"),
        Pair("how long it runs", "uptime", "about"),
    ]


def test_of_several_references_the_first_is_taught(tmp_path: Path) -> None:
    row = {"request": "me", "instruction": "who am I", "reference": ["whoami", "id -un"]}
    _write(tmp_path / "common.jsonl", row)
    assert list(written(tmp_path / "common.jsonl")) == [Pair("who am I", "whoami", "common")]
