"""Options: those that every setting has, made from the table of settings, and those all commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from agx.app.piped_input import FIRST_BYTE_SECS
from agx.cli.output import Notes
from agx.settings.layers import Settings, read_settings
from agx.settings.setting import Setting
from agx.settings.table import SETTINGS

if TYPE_CHECKING:
    from agx.app.planners import MakePlanner

Command = Callable[..., Any]
_METAVARS = {"text": "MODEL", "integer": "N", "number": "X", "names": "TOOL"}
_METAVARS_BY_NAME = {"chat_template": "FILE|NAME"}


@dataclass(frozen=True, slots=True)
class App:
    """What every command gets: where notes go, and how a planner is made (None: the real one)."""

    notes: Notes = field(default_factory=Notes)
    make_planner: MakePlanner | None = None


def setting_options(command: Command) -> Command:
    """Return a command one option a setting. Values stay texts: the table checks them, for all layers."""
    for row in reversed(SETTINGS):
        more: dict[str, Any] = {"multiple": True, "callback": _joined} if row.kind == "names" else {}
        command = click.option(row.flag, row.name, metavar=_metavar(row), help=_help(row), **more)(command)
    return command


def input_wait_option(command: Command) -> Command:
    """Return a command --input-wait."""
    return click.option(
        "--input-wait",
        type=click.FloatRange(0, 3600),
        default=FIRST_BYTE_SECS,
        metavar="SECS",
        show_default=True,
        help="How long to wait for the first byte of piped input; 0 reads none.",
    )(command)


def tools_option(text: str) -> Callable[[Command], Command]:
    """Return a command --tools, for `agx.cli.registries`; `text` says what the tools of the files are for."""
    return click.option("--tools", multiple=True, metavar="FILE", help=f"{text}  [may be repeated]")


def debug_option(command: Command) -> Command:
    """Return a command --debug, which `agx.cli.main` reads before any option is parsed."""
    text = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, expose_value=False, help=text)(command)


def settings_of(app: App, options: Mapping[str, str | None]) -> Settings:
    """Read the settings with these options on top, and say on stderr what is odd about them."""
    given = {name: text for name, text in options.items() if text is not None}
    settings = read_settings(given)
    for warning in settings.warnings:
        app.notes.warning(warning)
    return settings


def _joined(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Return the values of an option that was given several times as one text, or None."""
    del context, option
    return ",".join(values) if values else None


def _metavar(row: Setting) -> str:
    if row.kind == "choice":
        return "[" + "|".join(row.choices) + "]"
    if row.name.endswith("_secs"):
        return "SECS"
    return _METAVARS_BY_NAME.get(row.name, _METAVARS[row.kind])


def _help(row: Setting) -> str:
    shown = f"{row.default:g}" if isinstance(row.default, int | float) else row.default
    default = "" if shown is None else f"  [default: {shown}]"
    default += "  [may be repeated]" if row.kind == "names" else ""
    return row.help[0].upper() + row.help[1:] + "." + default
