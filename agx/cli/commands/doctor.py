"""`agx doctor`: whether everything that a plan needs is there and works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from agx.app.early_start import started_worker
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from agx.app.findings import Check

EPILOG = """\b
Examples:
  agx doctor
  agx doctor --device cuda
  agx doctor --json | jq '.checks[] | select(.status != "ok")'

Each line says ok, or what to do. The exit code is 1 when planning would fail.
"""


@click.command(epilog=EPILOG, short_help="Check that everything a plan needs is there and works.")
@json_option
@setting_options
@debug_option
@click.pass_obj
def doctor(app: App, /, *, as_json: bool, given: GivenSettings) -> int:
    """Check versions, llama.cpp, devices, the home folder and the embedded planner."""
    settings = given.read(app.notes)
    with started_worker(settings, needed=app.has_worker) as worker:
        import asyncio  # imported while the worker loads

        from agx.app.doctor import examine

        checks = asyncio.run(examine(settings, make_planner=app.make_planner, worker=worker))
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        rows = [check.as_dict() for check in checks]
        write_result(json.dumps({"ok": not failed, "checks": rows}, indent=2))
    else:
        write_result("\n".join(_line(check) for check in checks))
    return int(failed)


def _line(check: Check) -> str:
    """Return the line for people, and a second one that says what to do."""
    text = f"{check.status:5} {check.name:16} {visible(check.detail)}"
    return f"{text}\n{'':22} -> {visible(check.hint)}" if check.hint else text
