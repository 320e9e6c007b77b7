"""`docs/cli.md` has every command and option that there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from agx.cli.app import commands
from agx.cli.commands.plan import PlanCommand
from agx.settings.table import SETTINGS
from tests.documents import ROOT

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
ON_EVERY_COMMAND = {"--help", "-h", "--debug"}


def _leaves(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{path} {name}")
            continue
        yield f"{path} {name}", command
        if isinstance(command, PlanCommand):
            for verb, verb_command in command.verbs.commands.items():
                yield f"{path} {name} {verb}", verb_command


LEAVES = dict(_leaves(commands, "agx"))
FLAGS = {row.flag for row in SETTINGS}


def _section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _listed(section: str) -> set[str]:
    """Return the options in the first column of a section's table."""
    rows = re.findall(r"^\| (`-.*?) \|", section.replace(r"\|", "/"), re.MULTILINE)
    return {option for row in rows for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", row)}


def _options(command: click.Command) -> set[str]:
    """Return what `--help` shows of a command: all its options."""
    context = click.Context(command, info_name="agx")
    return {name for option in command.get_params(context) for name in option.opts if name.startswith("-")}


def test_the_page_lists_every_command_with_its_sentence() -> None:
    listed = re.findall(r"^\| `(agx [\w ]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert [name for name, _ in listed] == list(LEAVES)
    for path in LEAVES:
        assert f"\n## {path}\n" in PAGE


@pytest.mark.parametrize("path", LEAVES)
def test_the_page_has_the_options_of_a_command(path: str) -> None:
    options = _options(LEAVES[path]) - ON_EVERY_COMMAND
    section = _section(path)
    assert _listed(section) == options - FLAGS
    assert ("the options of all settings" in section) == (options >= FLAGS)
    assert options & FLAGS in (FLAGS, set())


def test_the_page_has_every_setting_with_variable_and_default() -> None:
    rows = re.findall(
        r"^\| `(--[\w-]+)` \| `(\w+)` \| ?([^|]*?) ?\| (.+) \|$", _section("Settings"), re.MULTILINE
    )
    expected = [
        (
            row.flag,
            row.variables[0],
            ""
            if row.default is None
            else f"{row.default:g}"
            if isinstance(row.default, int | float)
            else row.default,
        )
        for row in SETTINGS
    ]
    assert [tuple(row[:3]) for row in rows] == expected
    for row, (*_, words) in zip(SETTINGS, rows, strict=True):
        assert set(row.choices) - {"auto", "openai"} <= set(re.findall(r"\w+", words)), row.name


def test_every_command_is_said_to_take_what_it_takes() -> None:
    for command in (commands, *LEAVES.values()):
        assert _options(command) >= {"--help", "--debug"}
    assert "--version" in _options(commands)
    assert "`agx --version`" in PAGE


@pytest.mark.parametrize("path", LEAVES)
def test_help_says_what_every_option_does(path: str) -> None:
    for option in LEAVES[path].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
