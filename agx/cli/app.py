"""The command line: finds the command, runs it, and turns whatever ends it into an exit code.

A command is imported when it is the one, and imports what is heavy when it runs, so that --version and
--help answer at once and a planning starts its worker first.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from agx.cli.instruction import in_quotes
from agx.cli.lazy_commands import LazyCommands
from agx.cli.shared_options import App, debug_option
from agx.cli.show.output import Notes, ReaderGone, is_reader_gone, tell
from agx.errors import AgxError, UsageError
from agx.util.texts import nearest, shortened
from agx.util.version import __version__

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from agx.app.planners import MakePlanner

INTERNAL = 1
INTERRUPTED = 130
TERMINATED = 128 + signal.SIGTERM
_MANY_OBJECTS = 50_000

EPILOG = """\b
Examples:
  agx plan "list all rust files and count lines"
  agx plan "find all python files modified in the last 7 days" | jq .tasks
  agx doctor

\b
Exit codes: 0 ok, 1 internal, 2 usage or configuration, 3 no valid plan, 4 model,
5 backend unreachable, 6 time limit, 7 a task of a plan failed, 8 not approved, 130 interrupted.
"""


COMMANDS = LazyCommands(
    {
        "plan": "agx.cli.commands.plan:plan",
        "batch": "agx.cli.commands.batch:batch",
        "embed": "agx.cli.commands.embed:embed",
        "eval": "agx.cli.commands.evaluate:evaluate",
        "doctor": "agx.cli.commands.doctor:doctor",
        "up": "agx.cli.commands.warm:up",
        "down": "agx.cli.commands.warm:down",
        "ps": "agx.cli.commands.warm:ps",
        "cache": "agx.cli.commands.cache:cache",
        "config": "agx.cli.commands.config:config",
        "schema": "agx.cli.commands.schema:schema",
        "models": "agx.cli.commands.models.group:models",
        "tools": "agx.cli.commands.tools:tools",
        "run": "agx.cli.commands.run:run_command",
    }
)


class Commands(click.Group):
    """The group of all commands, with a hint for an unknown word."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first word; raises `UsageError` where there is none."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            hint = "`agx --help` lists the commands"
            if " " in name or len(args) > 1:
                hint = f"to plan an instruction: agx plan {in_quotes(args)}"
            raise UsageError(f"there is no command {name!r}{nearest(name, self.commands)}", hint=hint)
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: object) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"agx {__version__}")
        ctx.exit()


@click.group(
    cls=Commands, commands=COMMANDS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@debug_option
def commands() -> None:
    """Turn an instruction in plain language into a checked plan of commands, on your own machine."""


def main(started_worker: subprocess.Popen[bytes] | None = None) -> None:
    """Run the command line of this process and leave with its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    # Looking for pydantic's plugins reads the metadata of every installed package: 20 to 30 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # What imports make stays: looking for garbage in it every 700 objects takes 10 to 25 ms.
    gc.set_threshold(_MANY_OBJECTS)
    _leave(run(sys.argv[1:], started_worker=started_worker))


def _leave(code: int) -> NoReturn:
    """End the process now: taking the interpreter apart would cost 40 to 80 ms.

    Whatever was started has been stopped by now, and files are complete.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):  # the reader is gone
                stream.flush()
    os._exit(code)


def run(
    arguments: Sequence[str],
    *,
    make_planner: MakePlanner | None = None,
    started_worker: subprocess.Popen[bytes] | None = None,
) -> int:
    """Run one command line and return its exit code. `make_planner` replaces the real planner."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    debug = "--debug" in options
    notes = Notes(as_json="--json" in options)
    try:
        app = App(notes=notes, make_planner=make_planner, started_worker=started_worker)
        code = commands.main(list(arguments), prog_name="agx", standalone_mode=False, obj=app)
        return int(code or 0)
    except BaseException as error:  # noqa: BLE001  every way out ends in an exit code here
        if debug:
            _show_traceback(error)
        return _exit_code(error, notes)


def _exit_code(error: BaseException, notes: Notes) -> int:
    match error:
        case AgxError():
            known = error
        case click.UsageError():
            known = _usage_error(error)
        case click.ClickException():
            known = UsageError(error.format_message())
        case ReaderGone():
            _drop_stdout()
            return 0
        case KeyboardInterrupt():
            return INTERRUPTED
        case click.Abort(__cause__=KeyboardInterrupt() | None):
            return INTERRUPTED
        case click.Abort():  # click makes one of every EOFError as well
            known = _unexpected(error.__cause__ or error)
        case SystemExit(code=1) if is_reader_gone():  # click ends so when it could not print its help
            _drop_stdout()
            return 0
        case SystemExit():
            return error.code if isinstance(error.code, int) else INTERNAL
        case _:
            known = _unexpected(error)
    notes.error(known)
    return known.exit_code


def _usage_error(error: click.UsageError) -> UsageError:
    path = error.ctx.command_path if error.ctx is not None else "agx"
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        tell(error.format_message())
        return UsageError("no command was given", hint=f"`{path} --help` shows what there is")
    message = error.format_message().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"`{path} --help` shows how it is used")


def _unexpected(error: BaseException) -> AgxError:
    what = f"{type(error).__name__}: {shortened(str(error), 300)}" if str(error) else type(error).__name__
    return AgxError(f"AGX failed unexpectedly ({what})", hint="run it again with --debug to see where")


def _show_traceback(error: BaseException) -> None:
    import traceback  # noqa: PLC0415  only --debug needs it

    tell("".join(traceback.format_exception(error)))


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # SystemExit passes through everything, event loops included, and closes it on the way.
    sys.exit(TERMINATED)


def _drop_stdout() -> None:
    # What is still buffered would fail again, loudly, when the interpreter flushes it at the end.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
