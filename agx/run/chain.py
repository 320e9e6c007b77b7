"""A chain of tasks, which run at the same time.

First the arguments of all tasks are expanded, then all files and pipes are opened, then all programs are
started. So an error before the last step leaves nothing half done. The chain is over when all tasks have
ended; where one fails, the others are stopped.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from errno import EISDIR, ENXIO
from functools import partial
from pathlib import Path

from agx.plan.schema import Task
from agx.run.empty_values import guards
from agx.run.expansion import Expanded, Surroundings, expand
from agx.run.git_reading import disarmed
from agx.run.job import Job
from agx.run.pipes import Descriptor, Flow, PipeSink, Sink, Tail, pipe
from agx.run.program import Program
from agx.run.record import TaskProblem, TaskRecord
from agx.run.running_task import ReadyTask, RunningTask, Stream, failure
from agx.unix.exit_codes import accepted_exit_codes

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


class AudienceSink:
    """A sink for an output that no task reads: all of it goes to the audience, its beginning is kept."""

    def __init__(self, task: Task, job: Job) -> None:
        self._task = task
        self._audience = job.audience
        self._max_bytes = job.checked.options.max_output_bytes
        self._kept = bytearray()
        self.is_cut = False

    @property
    def kept(self) -> bytes:
        """The beginning of the output."""
        return bytes(self._kept)

    async def write(self, data: bytes) -> bool:
        """Keep as much as there is room for, and pass all of it on."""
        room = self._max_bytes - len(self._kept)
        self._kept += data[:room]
        self.is_cut |= len(data) > room
        return self._audience is None or await self._audience.output(self._task, data)

    def close(self) -> None:
        """Do nothing: the kept part stays available."""


async def run_chain(tasks: Sequence[Task], job: Job, records: dict[int, TaskRecord]) -> None:
    """Run the tasks of one chain at the same time, and put their records into `records`.

    Raises the error of the first task that failed, once all tasks have ended.
    """
    with ExitStack() as stack:
        opening = _Opening(job, stack, records)
        prepared = await opening.chain(tasks)
        grace_secs = job.checked.options.grace_secs
        stages: list[RunningTask] = []
        try:
            async with asyncio.TaskGroup() as group:
                for one in prepared:
                    with blamed_on(one.task, records):
                        upstream = stages[-1] if stages else None
                        stages.append(RunningTask(one, upstream=upstream, grace_secs=grace_secs))
                    group.create_task(stages[-1].attend())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            # Where starting failed, nothing has attended to the tasks that were started already.
            await asyncio.gather(*(stage.close() for stage in stages))
            for one, stage in zip(prepared, stages, strict=False):
                records[one.task.task_number] = opening.with_output(stage.record())


@contextmanager
def blamed_on(task: Task, records: dict[int, TaskRecord]) -> Iterator[None]:
    """Raise `TaskFailed` for a `TaskProblem` or an error of the system, and record that this task failed."""
    try:
        yield
    except TaskProblem as raised:
        problem = raised
    except OSError as error:
        problem = TaskProblem(f"this machine does not let it run: {error.strerror}", hint="see `ulimit -a`")
    else:
        return
    number = task.task_number
    records.setdefault(number, TaskRecord(number, task.command, status="failed"))
    raise failure(task, problem)


class _Opening:
    """Expands the arguments of a chain, and opens what its tasks read and write; `stack` closes it."""

    def __init__(self, job: Job, stack: ExitStack, records: dict[int, TaskRecord]) -> None:
        self._job = job
        self._checked = job.checked
        self._stack = stack
        self._records = records
        self._shown: dict[int, AudienceSink] = {}

    async def chain(self, tasks: Sequence[Task]) -> list[ReadyTask]:
        """Return the tasks, ready to start; raises `TaskFailed`. Nothing is opened before all is expanded."""
        expanded = [await self._expanded(task) for task in tasks]
        programs = [await self._program(task, one) for task, one in zip(tasks, expanded, strict=True)]
        prepared: list[ReadyTask] = []
        following: Stream | None = None
        for task, expansion, program in zip(tasks, expanded, programs, strict=True):
            with blamed_on(task, self._records):
                stdin = following or self._input(task)
                if task is tasks[-1]:
                    stdout = self._output(task)
                else:
                    stdout, following = self._pipe()
                prepared.append(self._prepared(task, expansion, program, stdin=stdin, stdout=stdout))
        return prepared

    def with_output(self, record: TaskRecord) -> TaskRecord:
        """Return the record with the kept part of the output."""
        shown = self._shown.get(record.task_number)
        return record if shown is None else replace(record, output=shown.kept, output_is_cut=shown.is_cut)

    async def _expanded(self, task: Task) -> Expanded:
        job, checked = self._job, self._checked
        around = Surroundings(checked.folder, checked.environ, job.outputs.text)
        with blamed_on(task, self._records):
            # Matching names reads folders, which may be slow: the event loop goes on meanwhile.
            expansion = await asyncio.to_thread(
                expand, task.args, around, guards=guards(task, checked.registry)
            )
        expansion = expansion._replace(notes=(*expansion.notes, *self._notes(task)))
        if job.audience is not None:
            for note in expansion.notes:
                job.audience.note(task, note)
        return expansion

    def _notes(self, task: Task) -> list[str]:
        """Return a note on what of the environment the task does not get, once in a run."""
        names = self._checked.environs[task.task_number].missing
        new = [name for name in names if name not in self._job.told]
        self._job.told.update(new)
        return [f"the environment's {', '.join(new)} is kept from it: see docs/running.md"] if new else []

    async def _program(self, task: Task, expansion: Expanded) -> Program:
        """Return what is started: the plan's program, without what others could make it run."""
        checked, (environ, _, is_git) = self._checked, self._checked.environs[task.task_number]
        path = checked.programs[task.task_number]
        program = Program(path, (task.command, *expansion.args), checked.folder, environ)
        if is_git:
            with blamed_on(task, self._records):
                program = await asyncio.to_thread(disarmed, program)
        if checked.sandbox is not None:
            argv = checked.sandbox.argv((path, *program.argv[1:]))
            program = replace(program, path=checked.sandbox.program, argv=argv)
        return program

    def _prepared(
        self, task: Task, expansion: Expanded, program: Program, *, stdin: Stream, stdout: Stream
    ) -> ReadyTask:
        checked, options = self._checked, self._checked.options
        audience = self._job.audience
        errors = Tail(
            options.max_errors_bytes, tell=None if audience is None else partial(audience.errors, task)
        )
        return ReadyTask(
            task=task,
            program=program,
            argv=(task.command, *expansion.args),
            path=checked.programs[task.task_number],
            stdin=stdin,
            stdout=stdout,
            stderr=self._flowing_to(errors),
            errors=errors,
            accepted=accepted_exit_codes(task, checked.registry),
            notes=expansion.notes,
        )

    def _input(self, task: Task) -> Stream:
        checked, number = self._checked, task.input_from_task
        if number is not None:
            # The program shares the position, which says how far it has read.
            position = self._opened(self._job.outputs.open(number))
            return Stream(
                self._opened(os.dup(position.number)),
                lambda: os.lseek(position.number, 0, os.SEEK_CUR),
            )
        if task.task_number == checked.stdin_task and checked.options.stdin is not None:
            return Stream(self._opened(os.dup(checked.options.stdin)), lambda: None)
        return Stream(self._opened(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)), lambda: 0)

    def _output(self, task: Task) -> Stream:
        if task.saves_output:
            return self._file(task)
        if task.task_number in self._checked.schedule.kept:
            kept = self._job.outputs.keep(task.task_number)
            self._stack.callback(kept.close)
            return self._flowing_to(kept)
        shown = self._shown[task.task_number] = AudienceSink(task, self._job)
        return self._flowing_to(shown)

    def _file(self, task: Task) -> Stream:
        """Open the file that a task saves its output to, as a shell does before the program starts."""
        path = saved_path(task, self._checked.folder, self._checked.environ)
        if self._checked.sandbox is not None:
            self._checked.sandbox.check_path(path)
        mode = os.O_TRUNC if task.append_to is None else os.O_APPEND
        try:
            file = self._opened(os.open(path, _NEW_FILE | mode, 0o666))
        except OSError as error:
            raise cannot_write(path, error) from error
        os.set_blocking(file.number, True)
        watched = self._opened(os.dup(file.number))
        before = _size(watched)
        return Stream(file, lambda: None if before is None else (_size(watched) or 0) - before)

    def _pipe(self) -> tuple[Stream, Stream]:
        """Return the output of one task and the input of the next: two pipes, and a count between them."""
        reading, writing = pipe()
        sink = PipeSink(writing)
        for end in (reading, writing):
            self._stack.callback(end.close)
        return self._flowing_to(sink), Stream(reading, sink.num_bytes)

    def _flowing_to(self, sink: Sink) -> Stream:
        source, target = pipe()
        for end in (source, target):
            self._stack.callback(end.close)
        flow = Flow(source, sink)
        return Stream(target, flow.num_bytes, flow)

    def _opened(self, number: int) -> Descriptor:
        descriptor = Descriptor(number)
        self._stack.callback(descriptor.close)
        return descriptor


def saved_path(task: Task, folder: Path, environ: Mapping[str, str]) -> Path:
    """Return the path that a task saves its output to; raises `TaskProblem` for a folder."""
    path = task.save_to or task.append_to
    assert path is not None, "it saves its output"
    if path.startswith("~/") and not environ["HOME"]:  # that it is set, the preflight has checked
        raise TaskProblem("the variable HOME is empty", hint="set it: HOME=… agx run …")
    whole = folder / (f"{environ['HOME']}/{path[2:]}" if path.startswith("~/") else path)
    if path.endswith("/"):  # which `Path` does not keep
        raise cannot_write(whole, IsADirectoryError(EISDIR, os.strerror(EISDIR)))
    return whole


def cannot_write(path: Path, error: OSError) -> TaskProblem:
    """Return the problem that a file cannot be written."""
    why = "nobody reads this pipe" if error.errno == ENXIO and path.is_fifo() else error.strerror
    return TaskProblem(f"{path} cannot be written: {why}", hint="save the output in a folder that is yours")


def _size(file: Descriptor) -> int | None:
    """Return a file's size; None for a device or a pipe."""
    status = os.fstat(file.number)
    return status.st_size if stat.S_ISREG(status.st_mode) else None
