"""`agx eval`: measures plans against references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agx.app.early_start import started_worker
from agx.cli.shared_options import App, GivenSettings, debug_option, json_option, setting_options
from agx.cli.show.output import check_target, save, write_result
from agx.util.texts import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agx.evaluate.cases import Case
    from agx.evaluate.report import Report
    from agx.planning.planner import Planner

EPILOG = """\b
Examples:
  agx eval tests/data/everyday.jsonl
  agx eval cases.jsonl --json | jq .metrics
  agx eval cases.jsonl --failures failures.jsonl

FILE has one case a line: an object with `instruction` (or `nl`) and `reference` (or `cmd`).
"""


@click.command("eval", epilog=EPILOG, short_help="Measure plans against references.")
@click.argument("file")
@json_option
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
    given: GivenSettings,
) -> None:
    """Plan every case of FILE and print how many plans are right, by every metric.

    Each metric has a 95 % interval, and stands as an average over the first utilities as well.
    """
    target = None if failures is None else Path(failures)
    if target is not None:
        check_target(target)
    settings = given.read(app.notes)
    with started_worker(settings, needed=app.has_worker) as worker:
        from agx.app.planners import planner_for  # imported while the worker loads
        from agx.evaluate.cases import load_cases
        from agx.risk.policy import allowed

        cases = load_cases(Path(file))
        planner = planner_for(settings, make_planner=app.make_planner, worker=worker)
        # What is wrong with the policy is wrong for all cases.
        allowed(planner.registry, planner.config.forbidden, planner.config.max_risk)
        report = _measured(planner, cases, candidates=candidates)
    if target is not None:
        rows = [json.dumps(outcome.as_dict(), ensure_ascii=False) for outcome in report.failures]
        save("\n".join(rows), target)
    write_result(json.dumps(report.as_dict(), indent=2) if as_json else _as_text(report, target))


def _measured(planner: Planner, cases: list[Case], *, candidates: int) -> Report:
    """Plan every case and return the report; progress is shown on a terminal."""
    import asyncio

    from agx.cli.show.streaming import Progress
    from agx.evaluate.evaluation import evaluate_planner

    async def measured() -> Report:
        with Progress() as progress:

            def show(num_done: int, num_all: int) -> None:
                progress.clear()
                progress.add(f"{num_done} of {num_all} cases")

            async with planner:
                return await evaluate_planner(planner, cases, candidates=candidates, progress=show)

    return asyncio.run(measured())


def _as_text(report: Report, failures: Path | None) -> str:
    from agx.cli.show.tables import rows_table
    from agx.evaluate.report import TABLE_HEADER

    where = f"in {visible(str(failures))}" if failures else "--failures FILE writes them to a file"
    counts = [
        f"cases: {report.num_cases}, scored: {report.num_scored}, wrong: {len(report.failures)}"
        + (f" ({where})" if report.failures else ""),
        *_counted("cases without a plan", report.errors),
        *_counted("cases not scored", report.not_scored),
        *_counted("references left out", report.references_left_out),
    ]
    metrics = rows_table(TABLE_HEADER, report.table_rows())
    utilities = rows_table(report.utility_header(), report.utility_rows())
    return "\n\n".join((metrics, utilities, "\n".join(counts)))


def _counted(what: str, counts: Mapping[str, int]) -> list[str]:
    words = ", ".join(f"{visible(name)} {number}" for name, number in counts.items())
    return [f"{what}: {words}"] if counts else []
