"""`agx eval`: measures plans against references."""

from __future__ import annotations

from pathlib import Path

import click

from agx.app.early_start import started_worker
from agx.cli.options import App, debug_option, setting_options, settings_of
from agx.cli.output import check_target

EPILOG = """\b
Examples:
  agx eval tests/data/everyday.jsonl
  agx eval cases.jsonl --json | jq .metrics
  agx eval cases.jsonl --failures failures.jsonl

FILE has one case a line: an object with `instruction` (or `nl`) and `reference` (or `cmd`).
"""


@click.command("eval", epilog=EPILOG, short_help="Measure plans against references.")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; errors are JSON, too.")
@click.option("--failures", metavar="FILE", help="Write the cases that went wrong to a file, one a line.")
@click.option(
    "--candidates",
    type=click.IntRange(1, 5),
    default=1,
    metavar="N",
    show_default=True,
    help="Draw up to N distinct plans a case, and score the best of them as well.",
)
@setting_options
@debug_option
@click.pass_obj
def evaluate(
    app: App,
    /,
    *,
    file: str,
    as_json: bool,
    failures: str | None,
    candidates: int,
    **options: str | None,
) -> None:
    """Plan every case of FILE and print how many plans are right, by every metric.

    Each metric has a 95 % interval, and stands as an average over the first utilities as well.
    """
    target = None if failures is None else Path(failures)
    if target is not None:
        check_target(target)
    settings = settings_of(app, options)
    with started_worker(settings, needed=app.make_planner is None) as worker:
        from agx.cli.measuring import measure, write_report  # noqa: PLC0415  imported while the worker loads

        report = measure(
            Path(file), settings, make_planner=app.make_planner, worker=worker, candidates=candidates
        )
    write_report(report, as_json=as_json, failures=target)
