"""`agx config`: what is set, and where it was set."""

from __future__ import annotations

import json
import os

import click

from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import write_result
from agx.settings.layers import HOME_VARIABLE, Settings
from agx.settings.setting import SettingValue
from agx.settings.table import SETTINGS
from agx.util.texts import visible

EPILOG = """\b
Examples:
  agx config show
  AGX_SEED=7 agx config show --temperature 0.8
  agx config show --json | jq .settings.temperature

Settings come from, lowest to highest: the built-in defaults, agx.toml in AGX_HOME (default
~/.agx), agx.toml in the current folder, AGX_* variables, the command line.
"""


@click.group(epilog=EPILOG)
@debug_option
def config() -> None:
    """Show the settings."""


@config.command("show", epilog=EPILOG)
@json_option
@setting_options
@debug_option
@click.pass_obj
def show(app: App, /, *, as_json: bool, given: GivenSettings) -> None:
    """Print each setting with its value and where it came from."""
    settings = given.read(app.notes)
    write_result(_as_json(settings) if as_json else _as_lines(settings))


def _as_json(settings: Settings) -> str:
    values = {
        name: {"value": given.value, "origin": given.origin, "source": given.source.name.lower()}
        for name, given in settings.given.items()
    }
    home = None if settings.home is None else str(settings.home)
    return json.dumps({"home": home, "settings": values}, indent=2)


def _shown(value: SettingValue) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else f"{value}"


def _as_lines(settings: Settings) -> str:
    home_origin = HOME_VARIABLE if os.environ.get(HOME_VARIABLE) else "default"
    rows = [("home", str(settings.home or "none"), home_origin)]
    for row in SETTINGS:
        given = settings.given[row.name]
        rows.append((row.name, _shown(given.value), given.origin))
    widths = [max(len(visible(row[column])) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{name:{widths[0]}}  {visible(value):{widths[1]}}  {visible(origin)}" for name, value, origin in rows
    )
