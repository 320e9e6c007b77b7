"""What options and operands of Unix commands do, as data: `unix_effects.jsonl`, a row a family of commands.

A row has `names`; a name of two words (`git push`) is that subcommand, whose options are its own, and
`git *` any other one.
Options are written as `-o` and `--output`, several in one string:

- `values`: they take a value; `joined`: they may have one, but only in the same word; `maybe`: they take
  the next word where it begins with no dash
- `marks`: the risks that an option has
- `files`, `places`: their value is a file that is overwritten, or where something is put
- `shell`, `code`, `scripts`: their value is shell text, code in the row's `language`, a file of code
- `config`, `proxies`, `settings`: their value is a setting that may name a command: of Git, of ssh, of the
  environment
- `uploads`, `verbs`, `mounts`, `setuid`: it is what is sent (`curl -d`), how (`curl -X`), what a container
  sees, a file's mode
- `long`: it is a long option without its dashes (`awk -W source=…`)
- `quiet`: with one of them, nothing is run at all (`command -v`)

`operands` names what is done with the other words, a function in `agx.risk.operands`; `before`
counts operands that come before a command, and `skips` matches such words (`A=b`).
`always` are risks that it has besides those of the registry. `words` are those of any word that begins
as a pattern says; what its groups match is shell text. With `single`, long options have one dash; with
`old_style` the first word needs none; with `hosts`, `name:` in a word is another machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from agx.plan.schema import RISKS, Risk
from agx.plan.tools import ToolOptions
from agx.unix.calls import Language

_VALUE_KINDS = (
    "values files places shell code scripts config settings uploads verbs mounts setuid proxies long".split()
)
_HARMFUL = frozenset({"files", "shell", "code", "scripts", "config"})
_FIRST_OPERAND_ENDS = frozenset("awk command interpreter ip parallel shell subcommand watch xargs".split())
_VERSION = re.compile(r"[-.\d]+$")


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What is known of one command; `family` is the first name of its row.

    `kinds` says of an option what its value is.
    """

    name: str
    family: str
    always: tuple[Risk, ...]
    marks: Mapping[str, tuple[Risk, ...]]
    kinds: Mapping[str, str]
    joined: frozenset[str]
    maybe: frozenset[str]
    words: tuple[tuple[re.Pattern[str], tuple[Risk, ...]], ...]
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
    def runs_command(self) -> bool:
        """Whether it runs the command that stands behind its options, in words of its own."""
        return self.operands in ("command", "xargs", "watch")

    @property
    def has_harm(self) -> bool:
        """Whether an option of it does harm, so that a word that may be one counts.

        Of commands that overwrite by their operands, as `cp` does, their marks say nothing new.
        """
        marks = {risk for risks in self.marks.values() for risk in risks} - {"reads", "writes"}
        return not _HARMFUL.isdisjoint(self.kinds.values()) or (marks != set() and self.operands != "target")

    def is_skipped(self, word: str) -> bool:
        """Return whether an operand only prepares the command: an assignment of env."""
        return self.skips is not None and self.skips.fullmatch(word) is not None

    def long_options(self) -> set[str]:
        """Return every long option that is known."""
        return {one for one in {*self.marks, *self.kinds, *self.joined} if one.startswith("--")}


def row_of(name: str) -> Row | None:
    """Return the row of a command, by its name, without a version (`python3.12`) or a kind (`mkfs.ext4`)."""
    return _named(name) or _named(_VERSION.sub("", name)) or _named(name.partition(".")[0])


def subcommand_of(row: Row, word: str) -> Row | None:
    """Return the row of a subcommand, that of any other one where it has none, or None."""
    names = (f"{start} {end}" for end in (word, "*") for start in (row.name, row.family))
    return next(filter(None, map(_named, names)), None)


def row_of_options(name: str, options: ToolOptions) -> Row:
    """Make a row of what a registry says of a tool's options: which take a command, and which a value."""
    values = " ".join(options.value | options.pattern | options.file)
    return _row(name, {"names": [name], "values": values, "shell": " ".join(options.command)})


def wrapper_of(name: str) -> Row | None:
    """Return the row of a command that runs another: `sudo`, `xargs`; of any other None."""
    row = row_of(name)
    return row if row is not None and row.runs_command else None


def _named(name: str) -> Row | None:
    return _made(name) if name in _data() else None


@cache
def _made(name: str) -> Row:
    """Make a row when it is first needed: most plans need five of them."""
    return _row(name, _data()[name])


@cache
def _data() -> Mapping[str, Mapping[str, Any]]:
    text = files("agx.unix").joinpath("unix_effects.jsonl").read_text(encoding="utf-8")
    rows = (json.loads(line) for line in text.splitlines() if line)
    return {name: data for data in rows for name in data["names"]}


def _row(name: str, data: Mapping[str, Any]) -> Row:
    return Row(
        name=name,
        family=data["names"][0],
        always=_risks(data.get("always", "")),
        marks={option: _risks(risks) for option, risks in data.get("marks", {}).items()},
        kinds={option: kind for kind in _VALUE_KINDS for option in data.get(kind, "").split()},
        joined=frozenset(data.get("joined", "").split()),
        maybe=frozenset(data.get("maybe", "").split()),
        words=tuple(
            (re.compile(text, re.DOTALL), _risks(risks)) for text, risks in data.get("words", {}).items()
        ),
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
