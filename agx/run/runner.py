"""`run_plan`: check a plan, ask whether it may run, and run it chain by chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agx.errors import RunError
from agx.plan.schema import Plan, Task
from agx.plan.tools import Registry
from agx.rules import arguments as tool_arguments
from agx.run.chain import blamed_on, cannot_write, run_chain, saved_path
from agx.run.functions import call
from agx.run.job import Audience, CheckedRun, Job, RunOptions
from agx.run.outputs import Outputs, as_text
from agx.run.preflight import Approve, check_run, require_approval
from agx.run.record import RunResult, Status, TaskProblem, TaskRecord
from agx.run.running_task import Timer, timed_out, utc_now


async def run_plan(
    plan: Plan,
    registry: Registry | None = None,
    *,
    approve: bool | Approve = False,
    options: RunOptions | None = None,
    audience: Audience | None = None,
) -> RunResult:
    """Run a plan on this machine and return a record of every task.

    The risk of every task is computed anew. Where it is more than reading, `approve` decides: True, or
    a function that is called with the very plan that will run. Raises, before anything has run, what
    `check_run` raises and `NotApproved`; afterwards `TaskFailed` and `TaskTimedOut`, whose `result` has
    the records. Cancelling ends everything that was started.
    """
    checked = await check_run(plan, registry, options=options)
    await require_approval(checked.plan, approve)
    return await run_checked(checked, audience=audience)


async def run_checked(checked: CheckedRun, *, audience: Audience | None = None) -> RunResult:
    """Run a checked plan, which the caller has approved; returns and raises as `run_plan` does."""
    with Outputs(max_bytes=checked.options.max_kept_bytes) as outputs:
        return await _Run(Job(checked, outputs, audience)).result()


class _Run:
    """One run through the chains, with the record of every task."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._checked = job.checked
        self._records: dict[int, TaskRecord] = {}
        self._started_at = utc_now()

    async def result(self) -> RunResult:
        """Run everything and return the result; an error has it as well."""
        try:
            for numbers in self._checked.schedule.chains:
                await self._chain([self._checked.plan.tasks[number - 1] for number in numbers])
        except RunError as error:
            error.result = self._result()
            raise
        return self._result()

    async def _chain(self, tasks: Sequence[Task]) -> None:
        if tasks[0].arguments is None:
            await run_chain(tasks, self._job, self._records)
            return
        for task in tasks:
            with blamed_on(task, self._records):
                await self._function(task)

    async def _function(self, task: Task) -> None:
        tool = self._checked.registry.get(task.command)
        assert tool is not None, "the rules know every tool"
        assert tool.call is not None, "what cannot be called was refused"
        assert task.arguments is not None, "a function has arguments"
        timer, value = Timer(), None
        status: Status = "stopped"
        try:
            arguments = self._job.outputs.filled_in(task.arguments)
            self._check_arguments(task, arguments)
            value = await call(tool.call, arguments, timeout_secs=task.timeout_secs)
            self._save(task, value)
            status = "done"
        except TaskProblem:
            status = "failed"
            raise
        except TimeoutError:
            status = "timed_out"
            raise timed_out(task) from None
        finally:
            self._records[task.task_number] = TaskRecord(
                task.task_number,
                task.command,
                status=status,
                started_at=timer.started_at,
                ended_at=utc_now(),
                duration_ms=timer.ms(),
                value=value,
            )

    def _check_arguments(self, task: Task, arguments: dict[str, Any]) -> None:
        """Raise `TaskProblem` where the arguments, now known, do not fit the tool's schema."""
        known = task.model_copy(update={"arguments": arguments})
        for finding in tool_arguments.check((known,), self._checked.registry):
            raise TaskProblem(finding.message, hint="see what the earlier tasks gave")

    def _save(self, task: Task, value: Any) -> None:  # noqa: ANN401  any JSON value
        """Keep a function's value for later tasks, and write it as text to the file that the task names."""
        checked = self._checked
        if task.task_number in checked.schedule.kept:
            self._job.outputs.keep_value(task.task_number, value)
        if not task.saves_output:
            return
        path = saved_path(task, checked.folder, checked.environ)
        try:
            with path.open("w" if task.append_to is None else "a", encoding="utf-8") as file:
                file.write(as_text(value) + "\n")
        except OSError as error:
            raise cannot_write(path, error) from error

    def _result(self) -> RunResult:
        checked = self._checked
        return RunResult(
            plan_id=checked.plan.plan_id,
            started_at=self._started_at,
            ended_at=utc_now(),
            is_sandboxed=checked.sandbox is not None,
            tasks=tuple(
                self._records.get(task.task_number, TaskRecord(task.task_number, task.command))
                for task in checked.plan.tasks
            ),
        )
