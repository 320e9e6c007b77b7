"""`agx doctor`: whether everything that a plan needs is there and works."""

from __future__ import annotations

import json

import click

from agx.app.early_start import started_worker
from agx.cli.options import App, debug_option, setting_options, settings_of
from agx.cli.output import write_result

EPILOG = """\b
Examples:
  agx doctor
  agx doctor --device cuda
  agx doctor --json | jq '.checks[] | select(.status != "ok")'

Each line says ok, or what to do. The exit code is 1 when planning would fail.
"""


@click.command(epilog=EPILOG, short_help="Check that everything a plan needs is there and works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; errors are JSON, too.")
@setting_options
@debug_option
@click.pass_obj
def doctor(app: App, /, *, as_json: bool, **options: str | None) -> int:
    """Check versions, llama.cpp, devices, the home folder and the embedded planner."""
    settings = settings_of(app, options)
    with started_worker(settings, needed=app.make_planner is None) as worker:
        from agx.cli.checks import examine  # noqa: PLC0415  imported while the worker loads

        checks = examine(settings, make_planner=app.make_planner, worker=worker)
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        rows = [check.as_dict() for check in checks]
        write_result(json.dumps({"ok": not failed, "checks": rows}, indent=2))
    else:
        write_result("\n".join(check.as_line() for check in checks))
    return int(failed)
