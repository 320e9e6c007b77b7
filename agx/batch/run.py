"""The run itself: lines in, plans by way of the planner, rows out, as each is ready."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count

from agx.batch.done_rows import DoneRows
from agx.batch.lines import Line, guessed_form, read_line
from agx.batch.rows import row_bytes
from agx.batch.sources import Source
from agx.batch.tally import Tally
from agx.errors import AgxError
from agx.planning.planner import Planner
from agx.risk.context import GeneratedPlan, PlanContext


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What a run plans, and with what: `options` is the hash that goes into every row."""

    source: Source
    context: PlanContext
    options: str


class BatchRun:
    """One run of a job. Lines that `done` has are passed over; `tally` says how far the run is.

    Raises `UsageError` where the lines are not those of the rows that are there.
    """

    def __init__(self, job: BatchJob, *, done: DoneRows) -> None:
        total = job.source.checked_total(done)
        self.tally = Tally(total=total, num_planned=done.num_planned, num_failed=done.num_failed)
        self._job = job
        self._done = done
        self._in_work: dict[int, Line] = {}

    @property
    def is_finished(self) -> bool:
        """Whether every line is known to have its row."""
        return self.tally.num_done == self.tally.total

    async def run(
        self, planner: Planner, *, add_row: Callable[[bytes], None], progress: Callable[[], None]
    ) -> None:
        """Plan every line that has no row. `add_row` gets each row, and `progress` is called after it.

        An error of a line is its row. Raises what `Planner.plan_many` raises, what `add_row` raises, and
        `UsageError` where the input cannot be read, or is not that of the rows that are there.
        """

        def finish(line: Line, result: GeneratedPlan | AgxError) -> None:
            add_row(row_bytes(line, result, options=self._job.options))
            self.tally.count(result if isinstance(result, AgxError) else None)
            progress()

        instructions = self._instructions(finish)
        outcomes = planner.plan_many(instructions, self._job.context)
        async with aclosing(instructions), aclosing(outcomes):
            async for outcome in outcomes:
                result = outcome.generated or outcome.error
                assert result is not None, "an outcome is a plan or an error"
                finish(self._in_work.pop(outcome.index), result)

    async def _instructions(self, finish: Callable[[Line, AgxError], None]) -> AsyncGenerator[str, None]:
        """Yield the instructions that are to be planned; `_in_work` has their lines by the same numbers."""
        self.tally.begin()
        indices = count()
        form, number = self._job.source.form, 0
        async with aclosing(self._job.source.lines()) as lines:
            async for raw in lines:
                number = raw.number
                form = form or guessed_form(raw)
                if number in self._done:
                    self._done.check_line(raw)
                    continue
                line = read_line(raw, form)
                if line.error is not None:
                    finish(line, line.error)
                else:
                    self._in_work[next(indices)] = line
                    yield line.instruction
        self._done.check_number(number)
