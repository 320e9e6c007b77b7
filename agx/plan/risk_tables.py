"""What options and operands of Unix commands do, as data: `unix_effects.jsonl`, a row a family of commands.

A row has `names`; a name of two words (`git push`) is that subcommand, whose options are its own.
Options are written as `-o` and `--output`, several in one string:

- `values`: they take a value; `joined`: they may have one, but only in the same word
- `marks`: the risks that an option has
- `files`, `places`: their value is a file that is overwritten, or where something is put
- `shell`, `code`, `scripts`: their value is shell text, code in the row's `language`, a file of code
- `config`, `proxies`, `uploads`, `verbs`, `mounts`, `setuid`: their value is a setting that may name a
  command (of Git, of ssh), what is sent (`curl -d`), how (`curl -X`), what a container sees, a file's mode
- `quiet`: with one of them, nothing is run at all (`command -v`)

`operands` names what is done with the other words, a function in `agx.plan.risk_operands`; `before`
counts operands that come before a command, and `skips` matches such words (`A=b`, a duration).
`always` are risks that it has besides those of the registry, `other` those of a subcommand without
a row. With `single`, long options have one dash; with `old_style` the first word needs none; with
`hosts`, `name:` in a word is another machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from agx.plan.risk_calls import Language
from agx.plan.schema import RISKS, Risk
from agx.plan.tools import ToolOptions

_VALUE_KINDS = "values files places shell code scripts config uploads verbs mounts setuid proxies".split()
_HARMFUL = frozenset({"files", "shell", "code", "scripts", "config"})
_FIRST_OPERAND_ENDS = frozenset("awk command interpreter parallel shell subcommand watch xargs".split())
_VERSION = re.compile(r"[-.\d]+$")


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What is known of one command; `family` is the first name of its row.

    `kinds` says of an option what its value is.
    """

    name: str
    family: str
    always: tuple[Risk, ...]
    other: tuple[Risk, ...]
    marks: Mapping[str, tuple[Risk, ...]]
    kinds: Mapping[str, str]
    joined: frozenset[str]
    quiet: frozenset[str]
    operands: str
    before: int
    skips: re.Pattern[str] | None
    language: Language
    single: bool
    old_style: bool
    hosts: bool

    @property
    def ends_at_operand(self) -> bool:
        """Whether options are only read before the operands, which belong to another command."""
        return self.operands in _FIRST_OPERAND_ENDS

    @property
    def has_harm(self) -> bool:
        """Whether an option of it runs something or writes a file, so that a word that may be one counts."""
        return not _HARMFUL.isdisjoint(self.kinds.values())

    def long_options(self) -> set[str]:
        """Give every long option that is known."""
        return {one for one in {*self.marks, *self.kinds, *self.joined} if one.startswith("--")}


def row_of(name: str) -> Row | None:
    """Give the row of a command, by its name, without a version (`python3.12`) or a kind (`mkfs.ext4`)."""
    return _named(name) or _named(_VERSION.sub("", name)) or _named(name.partition(".")[0])


def subcommand_of(row: Row, word: str) -> Row | None:
    """Give the row of a subcommand, or None."""
    return _named(f"{row.name} {word}") or _named(f"{row.family} {word}")


def row_of_options(name: str, options: ToolOptions) -> Row:
    """Make a row of what a registry says of a tool's options: which take a command, and which a value."""
    values = " ".join(options.value | options.pattern | options.file)
    return _row(name, {"names": [name], "values": values, "shell": " ".join(options.command)})


def _named(name: str) -> Row | None:
    return _made(name) if name in _data() else None


@cache
def _made(name: str) -> Row:
    """Make a row when it is first needed: most plans need five of them."""
    return _row(name, _data()[name])


@cache
def _data() -> Mapping[str, Mapping[str, Any]]:
    text = files("agx.plan").joinpath("unix_effects.jsonl").read_text(encoding="utf-8")
    rows = (json.loads(line) for line in text.splitlines() if line)
    return {name: data for data in rows for name in data["names"]}


def _row(name: str, data: Mapping[str, Any]) -> Row:
    return Row(
        name=name,
        family=data["names"][0],
        always=_risks(data.get("always", "")),
        other=_risks(data.get("other", "")),
        marks={option: _risks(risks) for option, risks in data.get("marks", {}).items()},
        kinds={option: kind for kind in _VALUE_KINDS for option in data.get(kind, "").split()},
        joined=frozenset(data.get("joined", "").split()),
        quiet=frozenset(data.get("quiet", "").split()),
        operands=data.get("operands", ""),
        before=data.get("before", 0),
        skips=re.compile(data["skips"]) if "skips" in data else None,
        language=data.get("language", ""),
        single=data.get("single", False),
        old_style=data.get("old_style", False),
        hosts=data.get("hosts", False),
    )


def _risks(text: str) -> tuple[Risk, ...]:
    words = text.split()
    assert set(words) <= set(RISKS), text
    return tuple(risk for risk in RISKS if risk in words)
