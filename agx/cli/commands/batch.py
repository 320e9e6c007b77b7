"""`agx batch`: plans every line of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agx.app.early_start import started_worker
from agx.cli.inputs import chosen_registry, open_stdin
from agx.cli.shared_options import App, GivenSettings, debug_option, setting_options, tools_option
from agx.cli.show.output import Notes, check_target, write_result
from agx.cli.signals import until_signal
from agx.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agx.batch.row_file import RowFile
    from agx.batch.run import BatchJob, BatchRun
    from agx.batch.sources import Source
    from agx.cli.show.streaming import Progress
    from agx.planning.planner import Planner

NOT_ALL_PLANNED = 3
EPILOG = """\b
Examples:
  agx batch instructions.txt -o plans.jsonl
  agx batch requests.jsonl -o plans.jsonl --model qwen2.5-1.5b-instruct --parallel 16
  agx batch requests.jsonl -o plans.jsonl --retry-errors
  sort -u instructions.txt | agx batch - | jq -c 'select(.ok) | .plan'

A line of FILE is a JSON object with `instruction`, a JSON string, or plain text in a file that ends in
.txt or does not begin like JSON. Each line gets one row, with its number in `line`: a plan, or the error
in its place. After an interruption the same command goes on where it was, and plans nothing twice.

Exit codes: 0 every line is planned, 3 some lines have an error, 130 interrupted; others as elsewhere.
"""


@click.command("batch", epilog=EPILOG, short_help="Plan every line of a file.")
@click.argument("file")
@click.option("-o", "--output", metavar="FILE", help="Add the rows to this file, and go on from what it has.")
@tools_option("Plan with the tools of this JSON or TOML file.")
@click.option("--restart", is_flag=True, help="Begin anew; an output that is there is renamed first.")
@click.option("--retry-errors", is_flag=True, help="Plan the lines again whose row is an error.")
@click.option("--json", "as_json", is_flag=True, help="Notes and errors are JSON; the rows always are.")
@setting_options
@debug_option
@click.pass_obj
def batch(
    app: App,
    /,
    *,
    file: str,
    output: str | None,
    tools: tuple[str, ...],
    restart: bool,
    retry_errors: bool,
    as_json: bool,
    given: GivenSettings,
) -> int:
    """Plan every line of FILE (`-` is standard input), and write one row for each, as each is ready."""
    del as_json  # `agx.cli.app` has read it
    settings = given.read(app.notes)
    if settings.text("model_role") == "delta":
        raise UsageError("a batch has no drafts to refine", hint="use --role echo, or both")
    target = _target(file, output, needs_file=restart or retry_errors)
    source = _source(file)
    with started_worker(settings, needed=app.has_worker) as worker:
        from agx.app.planners import planner_for, planning_context  # imported while the worker loads
        from agx.batch.identity import options_hash
        from agx.batch.run import BatchJob

        registry = chosen_registry(tools, notes=app.notes)
        options = options_hash(settings, registry)
        planner = planner_for(settings, make_planner=app.make_planner, registry=registry, worker=worker)
        job = BatchJob(source, planning_context(settings, registry), options)
        if target is None:
            return _planned(planner, job, notes=app.notes)
        from agx.batch.row_file import opened_rows

        with opened_rows(target, options=options, is_restart=restart, is_retry=retry_errors) as rows:
            for note in rows.notes:
                app.notes.done(note)
            return _planned(planner, job, notes=app.notes, rows=rows)


def _planned(planner: Planner, job: BatchJob, *, notes: Notes, rows: RowFile | None = None) -> int:
    """Plan what has no row, show how that goes, and return the exit code."""
    import asyncio

    from agx.batch.done_rows import DoneRows
    from agx.batch.run import BatchRun
    from agx.cli.show.batch_progress import BatchProgress, summary_sentence
    from agx.cli.show.streaming import Progress

    run = BatchRun(job, done=DoneRows() if rows is None else rows.done)
    is_whole = False
    try:
        if not run.is_finished:
            with Progress() as moving:
                progress = BatchProgress(run.tally, moving=moving, notes=notes)
                planner.on_progress = moving.loading
                planner.on_warning = moving.before(notes.warning)
                add_row = _printing(moving) if rows is None else rows.add
                asyncio.run(until_signal(_run(run, planner, add_row=add_row, progress=progress.show)))
        is_whole = True
    finally:
        path = None if rows is None else rows.path
        sentence = summary_sentence(run.tally, is_whole=is_whole, path=path)
        notes.tally("done" if is_whole else "stopped", sentence, run.tally.as_dict())
    return NOT_ALL_PLANNED if run.tally.num_failed else 0


async def _run(
    run: BatchRun, planner: Planner, *, add_row: Callable[[bytes], None], progress: Callable[[], None]
) -> None:
    async with planner:
        await run.run(planner, add_row=add_row, progress=progress)


def _printing(moving: Progress) -> Callable[[bytes], None]:
    """Return the function that prints a row, on a terminal in place of what is moving there."""

    def print_row(row: bytes) -> None:
        moving.clear()
        write_result(row.decode())

    return print_row


def _source(file: str) -> Source:
    from agx.batch.sources import Source

    if file == "-":
        return Source(None, pipe=open_stdin(hint="give a file, or text in a pipe").buffer)
    return Source(Path(file))


def _target(file: str, output: str | None, *, needs_file: bool) -> Path | None:
    """Return the file of the rows, None for standard output; raises `UsageError` and `StorageError`."""
    if output is None or output == "-":
        if needs_file:
            raise UsageError("--restart and --retry-errors are about an output file", hint="name it with -o")
        return None
    target = Path(output)
    check_target(target)
    if file != "-" and target.exists() and Path(file).exists() and target.samefile(file):
        raise UsageError(f"{file} is both the input and the output", hint="give -o another file")
    return target
