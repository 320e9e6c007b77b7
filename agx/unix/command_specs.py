"""What is known of Unix commands, as data: `unix_commands.jsonl`, a row for the commands that are read alike.

A row begins with its `names`; a name of two words (`git push`) is that subcommand, whose options are its
own, and `git *` any other one. `family` is the name under which the commands of several rows are judged
alike. A row is parsed when somebody first asks for one of its commands: most plans need five of them.

Options are written as `-o` and `--output`, several in one string:

- `flags`: they take no value; `joined`: they may have one, but only in the same word, and `digits` none
  but a number (`perl -l012e`); `maybe`: they take the next word where it begins with no dash
- `values`, `patterns`, `paths`: they take a value; a pattern of the command's own; a file or folder that is
  read
- `files`, `places`: their value is a file that is overwritten, or where something is put
- `shell`, `code`, `scripts`: their value is shell text, code in the row's `language`, a file of code
- `exec`: the words up to `;` or `{} +` are a command; `shell_operand`: the first word that is no option
  is shell text (`sh -c`)
- `config`, `proxies`, `settings`: their value is a setting that may name a command: of Git, of ssh, of the
  environment
- `uploads`, `verbs`, `mounts`, `setuid`: it is what is sent (`curl -d`), how (`curl -X`), what a container
  sees, a file's mode
- `long`: it is a long option without its dashes (`awk -W source=…`)
- `marks`: the risks that an option has
- `quiet`: with one of them, nothing is run at all (`command -v`)

With `complete`, these are all options that there are, after the manuals of the GNU tools with what BSD and
macOS have besides; `-NUM` stands for any number (`head -5`).

How words are read: with `leading`, options end at the first operand (`xargs -0 rm -f`); with `single`, a
whole word stands behind one dash (`find -name`); with `old_style`, the first word needs no dash (`tar xf`).

`operands` names what is done with the other words, a function in `agx.unix.runs` or in `agx.risk`;
`before` counts operands that come before a command, and `skips` matches such words (`A=b`); with
`elsewhere` the command runs on another system. With `pattern_first` the first operand is a pattern or a
program, unless one of `pattern_options` is given. `always` are risks besides those of the registry.
`words` are the risks of any word that begins as a pattern says; what its groups match is shell text. With
`hosts`, `name:` in a word is another machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from agx.plan.schema import RISKS, Risk

Language = Literal["", "sed", "awk", "sql", "editor"]

NUMBER = "-NUM"
_KINDS = (
    "values patterns paths files places shell code scripts exec config settings uploads verbs mounts setuid "
    "proxies long".split()
)
_HARMFUL = frozenset({"files", "shell", "code", "scripts", "exec", "config"})
_RUNS_OPERANDS = frozenset({"command", "xargs", "watch", "parallel"})
_VERSION = re.compile(r"[-.\d]+$")


@dataclass(frozen=True, slots=True, eq=False)
class CommandSpec:
    """What is known of one command; `kinds` says of an option what its value is.

    `known` is every option there is, where all of them are written down, and otherwise None.
    """

    name: str
    family: str
    known: frozenset[str] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    joined: frozenset[str] = frozenset()
    digits: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    shell_operand: frozenset[str] = frozenset()
    leading: bool = False
    single: bool = False
    old_style: bool = False
    operands: str = ""
    before: int = 0
    skips: re.Pattern[str] | None = None
    elsewhere: bool = False
    pattern_first: bool = False
    pattern_options: frozenset[str] = frozenset()
    language: Language = ""
    always: tuple[Risk, ...] = ()
    marks: Mapping[str, tuple[Risk, ...]] = field(default_factory=dict)
    quiet: frozenset[str] = frozenset()
    words: tuple[tuple[re.Pattern[str], tuple[Risk, ...]], ...] = ()
    hosts: bool = False

    @property
    def runs_operands(self) -> bool:
        """Whether it runs the command that stands behind its options, in words of its own."""
        return self.operands in _RUNS_OPERANDS

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

    def is_pattern(self, option: str) -> bool:
        """Return whether an option's value is a pattern or a program of the command's own."""
        kind = self.kinds.get(option)
        return kind == "patterns" or (kind == "code" and self.pattern_first)

    def long_options(self) -> set[str]:
        """Return every long option that is known."""
        options = {*self.marks, *self.kinds, *self.joined, *(self.known or ())}
        return {option for option in options if option.startswith("--")}


def spec_of(name: str) -> CommandSpec | None:
    """Return what is known of a command.

    A name may have a version (`python3.12`) or a kind (`mkfs.ext4`) behind it.
    """
    return exact_spec(name) or exact_spec(_VERSION.sub("", name)) or exact_spec(name.partition(".")[0])


def subcommand_spec(spec: CommandSpec, word: str) -> CommandSpec | None:
    """Return what is known of a subcommand, or of any other one where it has no row, or None."""
    names = (f"{start} {end}" for end in (word, "*") for start in (spec.name, spec.family))
    return next(filter(None, map(exact_spec, names)), None)


def is_option(word: str) -> bool:
    """Return whether a name in a row is that of an option, and no operand."""
    return word.startswith("-")


def exact_spec(name: str) -> CommandSpec | None:
    """Return what is known of the command of exactly this name."""
    return _parsed(name) if name in _lines() else None


@cache
def _parsed(name: str) -> CommandSpec:
    return _spec(name, json.loads(_lines()[name]))


@cache
def _lines() -> Mapping[str, str]:
    """Return the lines of the file by name; every one begins with `{"names": ["…", "…"]`."""
    text = Path(__file__).with_name("unix_commands.jsonl").read_text(encoding="utf-8")
    return {name: line for line in text.splitlines() for name in line[: line.index('"]')].split('"')[3::2]}


def _spec(name: str, row: Mapping[str, Any]) -> CommandSpec:
    def options(key: str) -> list[str]:
        return str(row.get(key, "")).split()

    kinds = {option: kind for kind in _KINDS for option in options(kind)}
    marks = {option: _risks(risks) for option, risks in row.get("marks", {}).items()}
    others = {key: options(key) for key in ("flags", "joined", "digits", "maybe", "shell_operand")}
    known = {*kinds, *marks, *(option for found in others.values() for option in found)}
    return CommandSpec(
        name=name,
        family=row.get("family", row["names"][0]),
        known=frozenset(filter(is_option, known)) if row.get("complete") else None,
        kinds=kinds,
        joined=frozenset(others["joined"]),
        digits=frozenset(others["digits"]),
        maybe=frozenset(others["maybe"]),
        shell_operand=frozenset(others["shell_operand"]),
        marks=marks,
        quiet=frozenset(options("quiet")),
        pattern_options=frozenset(options("pattern_options")),
        always=_risks(row.get("always", "")),
        words=tuple(
            (re.compile(text, re.DOTALL), _risks(risks)) for text, risks in row.get("words", {}).items()
        ),
        skips=re.compile(row["skips"]) if "skips" in row else None,
        **{key: row[key] for key in _AS_WRITTEN if key in row},
    )


_AS_WRITTEN = "leading single old_style operands before elsewhere pattern_first language hosts".split()


def _risks(text: str) -> tuple[Risk, ...]:
    words = text.split()
    assert set(words) <= set(RISKS), text
    return tuple(risk for risk in RISKS if risk in words)
