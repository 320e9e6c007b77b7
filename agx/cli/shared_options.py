"""Options that several commands share, those of all settings among them, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agx.app.piped_input import FIRST_BYTE_SECS
from agx.cli.show.formats import FORMATS, Format, Target
from agx.cli.show.output import Notes
from agx.errors import UsageError
from agx.settings.layers import Settings, read_settings
from agx.settings.setting import Setting
from agx.settings.table import SETTINGS
from agx.util.frozen import dataclass

if TYPE_CHECKING:
    import subprocess

    from agx.app.planners import MakePlanner

Command = Callable[..., Any]
# Under this key a command's context says whether --strict-tools was given.
STRICT_TOOLS = "agx.strict_tools"
_METAVARS = {"text": "MODEL", "integer": "N", "number": "X", "names": "TOOL"}
_METAVARS_BY_NAME = {"chat_template": "FILE|NAME"}


@dataclass(frozen=True, slots=True)
class App:
    """What every command gets: where notes go, and how a planner is made (None: the real one).

    `started_worker` is a process that was started for `agx plan` before anything was read.
    """

    notes: Notes = field(default_factory=Notes)
    make_planner: MakePlanner | None = None
    started_worker: subprocess.Popen[bytes] | None = None

    @property
    def has_worker(self) -> bool:
        """Whether planners have a worker, and not a backend of their own."""
        return self.make_planner is None


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """The settings on a command line, as texts by name: the table of settings checks them."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def with_role(self, role: str) -> GivenSettings:
        """Return the same with another role."""
        return GivenSettings({**self.texts, "model_role": role})

    def read(self, notes: Notes) -> Settings:
        """Read the settings with these on top, and say what is odd about them; raises `ConfigError`."""
        settings = read_settings(self.texts)
        for warning in settings.warnings:
            notes.warning(warning)
        return settings


def setting_options(command: Command) -> Command:
    """Add one option for each setting; the command gets them as `given`."""

    @wraps(command)
    def gathered(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  click's
        texts = {row.name: options.pop(row.name) for row in SETTINGS}
        given = GivenSettings({name: text for name, text in texts.items() if text is not None})
        return command(*arguments, given=given, **options)

    decorated: Command = gathered
    for row in reversed(SETTINGS):
        more: dict[str, Any] = {"multiple": True, "callback": _joined} if row.kind == "names" else {}
        decorated = click.option(row.flag, row.name, metavar=_metavar(row), help=_help(row), **more)(
            decorated
        )
    return decorated


def target_options(command: Command) -> Command:
    """Add --format, --json and -o; the command gets them as `target`."""

    @wraps(command)
    def gathered(
        *arguments: Any,  # noqa: ANN401  click's
        form: Format | None,
        as_json: bool,
        output: str | None,
        **options: Any,  # noqa: ANN401  click's
    ) -> Any:  # noqa: ANN401  click's
        if as_json and form not in {None, "json"}:
            raise UsageError(f"--json and --format {form} contradict each other", hint="give one of them")
        path = None if output in {None, "-"} else Path(str(output))
        target = Target("json" if as_json else form, path)
        return command(*arguments, target=target, **options)

    file = click.option(
        "-o", "--output", metavar="FILE", help="Write the plan to a file, whole or not at all."
    )
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="The same as --format json; errors are JSON, too."
    )
    form = click.option("--format", "form", type=click.Choice(FORMATS), help="How to print the plan.")
    return form(as_json(file(gathered)))


def json_option(command: Command) -> Command:
    """Add --json; the command gets it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON; errors are JSON, too.")(command)


def input_wait_option(command: Command) -> Command:
    """Add --input-wait."""
    return click.option(
        "--input-wait",
        type=click.FloatRange(0, 3600),
        default=FIRST_BYTE_SECS,
        metavar="SECS",
        show_default=True,
        help="How long to wait for the first byte of piped input; 0 reads none.",
    )(command)


def tools_option(text: str) -> Callable[[Command], Command]:
    """Add --tools and --strict-tools, for `chosen_registry`; `text` says what the tools are for."""
    files = click.option("--tools", multiple=True, metavar="FILE", help=f"{text}  [may be repeated]")
    strict = click.option(
        "--strict-tools",
        is_flag=True,
        expose_value=False,
        callback=_keep_strict,
        help="Refuse files with a tool that cannot be used, which is left out otherwise.",
    )
    return lambda command: files(strict(command))


def debug_option(command: Command) -> Command:
    """Add --debug, which `agx.cli.app` reads before any option is parsed."""
    text = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, expose_value=False, help=text)(command)


def _keep_strict(context: click.Context, option: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's
    del option
    context.meta[STRICT_TOOLS] = value


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
