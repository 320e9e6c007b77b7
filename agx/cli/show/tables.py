"""Tables for people: a plan, and rows of texts."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agx.cli.show.output import may_colour
from agx.plan.schema import Argument, Plan, Task
from agx.shell.render import shell_argument, shell_path
from agx.util.texts import shortened, visible

MAX_CELL_CHARS = 4000
MAX_COLUMN_CHARS = 60
# Narrower terminals get a plan in blocks; below the least the terminal wraps the lines.
BLOCK_COLUMNS = 60
MIN_BLOCK_COLUMNS = 24
MIN_COLUMNS = 50
_RISK_STYLES = {
    "reads": "green",
    "writes": "yellow",
    "network": "yellow",
    "runs_code": "yellow",
    "destructive": "bold red",
    "privilege": "bold red",
}


def plan_table(plan: Plan) -> str:
    """Return the table's text, with colours where stdout may have them; a narrow terminal gets blocks."""
    if terminal_columns() < BLOCK_COLUMNS:
        return _rendered(_blocks(plan), min_columns=MIN_BLOCK_COLUMNS)
    return _rendered(_rows(plan))


def _rows(plan: Plan) -> Table:
    table = _empty_table()
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("command", overflow="fold", min_width=16)
    if any(task.input_from_task is not None for task in plan.tasks):
        table.add_column("input", no_wrap=True)
    table.add_column("risk", min_width=len("destructive"))
    for task in plan.tasks:
        row = [Text(str(task.task_number)), _command(task)]
        if len(table.columns) == 4:
            row.append(Text(f"task {task.input_from_task}" if task.input_from_task else ""))
        table.add_row(*row, _risks(task))
    return table


def _blocks(plan: Plan) -> Table:
    """Return each task a block: its command over the whole width, and below it where its input is from."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("task", overflow="fold")
    for task in plan.tasks:
        before = f"input: task {task.input_from_task}; " if task.input_from_task else ""
        marks = Text().append(f"{before}risk: ", style="dim")
        marks.append_text(_risks(task))
        table.add_row(str(task.task_number), Text.assemble(_command(task), "\n", marks))
    return table


def rows_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, num_left: int = 1) -> str:
    """Return a table of texts, the first columns to the left and the others to the right."""
    table = _empty_table()
    for number, name in enumerate(header):
        table.add_column(Text(visible(name)), justify="left" if number < num_left else "right")
    for row in rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    return _rendered(table)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with the cells of a column below each other; the first row is the heading."""
    cells = [[shortened(visible(cell), MAX_COLUMN_CHARS) for cell in row] for row in rows]
    widths = [max(cell_len(row[number]) for row in cells) for number in range(len(cells[0]))]
    lines = (
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _empty_table() -> Table:
    return Table(box=box.SIMPLE_HEAD if _has_unicode() else box.ASCII2, show_edge=False, pad_edge=False)


def _command(task: Task) -> Text:
    line = Text(_shown(task.command), style="bold")
    for item in task.args:
        line.append(" ")
        # A typed value is not literal text: what it looks like is what happens when the plan runs.
        line.append(_argument(item), style="not bold" if isinstance(item, str) else "not bold cyan")
    if task.arguments is not None:
        line.append(f" {_shown(_json(task.arguments))}", style="not bold")
    for arrow, path in ((">", task.save_to), (">>", task.append_to)):
        if path is not None:
            line.append(f" {arrow} {_shown(shell_path(path))}", style="not bold yellow")
    line.truncate(MAX_CELL_CHARS, overflow="ellipsis")
    return line


def _argument(item: Argument) -> str:
    return _shown(shell_argument(item))


def _shown(text: str) -> str:
    return shortened(visible(text), MAX_CELL_CHARS)


def _json(arguments: dict[str, object]) -> str:
    return json.dumps(arguments, ensure_ascii=False)


def _risks(task: Task) -> Text:
    marks = Text()
    for risk in task.risk:
        marks.append((" " if marks else "") + risk, style=_RISK_STYLES[risk])
    return marks


def _has_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" if sys.stdout else False


def terminal_columns() -> int:
    """Return the width of the terminal; a wide one where there is none."""
    return shutil.get_terminal_size(fallback=(160, 24)).columns


def _rendered(table: Table, *, min_columns: int = MIN_COLUMNS) -> str:
    colour = may_colour(sys.stdout)
    buffer = io.StringIO()
    Console(
        file=buffer,
        width=max(terminal_columns(), min_columns),
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    ).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())
