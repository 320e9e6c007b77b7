"""Options: those that every setting has, made from the table of settings, and those all commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from agx.cli.output import Notes
from agx.settings.layers import Settings, read_settings
from agx.settings.table import SETTINGS, Setting

if TYPE_CHECKING:
    from agx.cli.planning import MakePlanner

Command = Callable[..., Any]
_METAVARS = {"text": "MODEL", "integer": "N", "number": "X"}


@dataclass(frozen=True, slots=True)
class App:
    """What every command gets: where notes go, and how a planner is made (None: the real one)."""

    notes: Notes = field(default_factory=Notes)
    make_planner: MakePlanner | None = None


def setting_options(command: Command) -> Command:
    """Give a command one option a setting. Values stay texts: the table checks them, for all layers."""
    for row in reversed(SETTINGS):
        command = click.option(row.flag, row.name, metavar=_metavar(row), help=_help(row))(command)
    return command


def debug_option(command: Command) -> Command:
    """Give a command --debug, which `agx.cli.main` reads before any option is parsed."""
    text = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, expose_value=False, help=text)(command)


def settings_of(app: App, options: Mapping[str, str | None]) -> Settings:
    """Read the settings with these options on top, and say on stderr what is odd about them."""
    given = {name: text for name, text in options.items() if text is not None}
    settings = read_settings(given)
    for warning in settings.warnings:
        app.notes.warning(warning)
    return settings


def _metavar(row: Setting) -> str:
    if row.kind == "choice":
        return "[" + "|".join(row.choices) + "]"
    return "SECS" if row.name.endswith("_secs") else _METAVARS[row.kind]


def _help(row: Setting) -> str:
    shown = f"{row.default:g}" if isinstance(row.default, int | float) else row.default
    default = "" if shown is None else f"  [default: {shown}]"
    return row.help[0].upper() + row.help[1:] + "." + default
