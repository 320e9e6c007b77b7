"""The table of effects is what its page says: known keys, known words, no command twice."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from agx.risk.commands import RUNNING
from agx.risk.effects import VALUES
from agx.risk.find import EXPRESSIONS
from agx.risk.operands import OPERANDS
from agx.unix.table import row_of, subcommand_of

LINES = files("agx.unix").joinpath("unix_effects.jsonl").read_text(encoding="utf-8").splitlines()
ROWS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
KEYS = {"names", "always", "marks", "values", "joined", "maybe", "words", "quiet", "operands", "before",
        "skips", "language", "single", "old_style", "hosts", "code", "long", *VALUES}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["names"][0]))
def test_a_row_has_known_keys_and_words(row: dict[str, Any]) -> None:
    assert row.keys() <= KEYS
    known = {"", "subcommand", "assignments", *EXPRESSIONS, *RUNNING, *OPERANDS}
    assert row.get("operands", "") in known
    options = [option for kind in ("values", "code", *VALUES) for option in row.get(kind, "").split()]
    assert [option for option in (*options, *row.get("marks", {})) if option[0] not in "-+"] == []


def test_no_command_has_two_rows() -> None:
    names = Counter(name for row in ROWS for name in row["names"])
    assert [name for name, times in names.items() if times > 1] == []


def test_every_way_to_treat_operands_is_used() -> None:
    used = {row.get("operands", "") for row in ROWS}
    assert {*EXPRESSIONS, *RUNNING, *OPERANDS} - used == set()


def test_a_subcommand_without_a_row_of_its_own_has_that_of_any_other() -> None:
    git, apt_get = row_of("git"), row_of("apt-get")
    assert git is not None
    assert apt_get is not None
    found = [
        subcommand_of(*pair)
        for pair in ((git, "log"), (git, "nosuch"), (apt_get, "purge"), (apt_get, "nosuch"))
    ]
    assert [None if row is None else row.name for row in found] == ["git log", "git *", "apt purge", None]


@pytest.mark.parametrize(
    ("name", "row"),
    [("python3.12", "python"), ("gawk-5.1", "awk"), ("mkfs.ext4", "mkfs"), ("gsed", "sed"), ("egrep", None)],
)
def test_versions_and_kinds_of_a_command_share_its_row(name: str, row: str | None) -> None:
    found = row_of(name)
    assert (None if found is None else found.family) == row
