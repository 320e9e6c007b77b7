"""One program, in a process group of its own that is ended as a whole."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import E2BIG, ENOEXEC
from pathlib import Path

from agx.run.record import TaskProblem

_POLL_SECS = 0.01
_KILL_SECS = 5.0  # how long a machine under load may take to end a killed process
_HURRY_SECS = 1.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: a file, its argument vector, and where it runs."""

    path: str
    argv: Sequence[str]
    folder: Path
    environ: Mapping[str, str]


class Process:
    """A running program: the leader of its own session and process group, without a terminal."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._wait, name=f"agx-wait-{popen.pid}", daemon=True).start()

    def __repr__(self) -> str:
        return f"<Process {self.pid} {'running' if self._popen.returncode is None else 'ended'}>"

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the number of the signal that ended it; None while it runs."""
        return self._popen.returncode

    async def ended(self) -> int:
        """Wait for the program, not for its children, and return its `returncode`."""
        return await asyncio.shield(self._ended)

    async def end(self, *, grace_secs: float) -> None:
        """End the whole group: by SIGTERM, and after `grace_secs` by SIGKILL.

        Returns at once where nothing of it runs. Cancelling this kills at once, and takes effect when the
        group is gone. A process that may not be killed, since it changed its user, is given up after some
        seconds.
        """
        if self._is_gone():
            return
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a stopped process receives SIGTERM only when it continues
        try:
            await self._gone(grace_secs)
        except asyncio.CancelledError:
            self._signal(signal.SIGKILL)
            self._gone_in_a_hurry()
            raise
        self._signal(signal.SIGKILL)
        await self._gone(_KILL_SECS)

    async def _gone(self, secs: float) -> None:
        until = self._loop.time() + secs
        while not self._is_gone() and self._loop.time() < until:  # noqa: ASYNC110  a group tells nobody
            await asyncio.sleep(_POLL_SECS)

    def _gone_in_a_hurry(self) -> None:
        """Wait for the killed group without the event loop, which may never run again."""
        until = self._loop.time() + _HURRY_SECS
        while not self._is_gone() and self._loop.time() < until:
            time.sleep(_POLL_SECS)

    def _is_gone(self) -> bool:
        """Return whether nothing of the group runs any more."""
        if self._popen.returncode is None:
            return False
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return True
        return not _is_alive(self.pid)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _wait(self) -> None:
        code = self._popen.wait()
        with suppress(RuntimeError):  # the loop is closed, so nothing waits any more
            self._loop.call_soon_threadsafe(self._set_ended, code)

    def _set_ended(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)


def _is_alive(group: int) -> bool:
    """Return whether a group has a member that is not a zombie.

    In containers without an init of their own, zombies stay for ever. Without /proc, every member counts.
    Source: proc_pid_stat(5): state and process group are the first and third field
    behind the name.
    """
    processes = Path("/proc")
    if not (processes / "self/stat").exists():
        return True
    for status in processes.glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group, *_ = status.read_bytes().rpartition(b")")[2].split()
            if int(of_group) == group and state not in {b"Z", b"X"}:
                return True
    return False


def start(program: Program, *, stdin: int, stdout: int, stderr: int) -> Process:
    """Start a program with these three descriptors and no others; raises `TaskProblem`."""
    try:
        popen = subprocess.Popen(
            program.argv,
            executable=program.path,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=program.folder,
            env=program.environ,
            start_new_session=True,
        )
    except OSError as error:
        raise _why_not(error, program) from error
    except ValueError as error:
        raise TaskProblem(
            "an argument has a character that no program can be given", hint="see its args"
        ) from error
    return Process(popen)


def _why_not(error: OSError, program: Program) -> TaskProblem:
    if error.errno == E2BIG:
        return TaskProblem(
            "its arguments are longer than this machine allows",
            hint="pass fewer, or let xargs read them with input_from_task",
        )
    if error.errno == ENOEXEC:
        return TaskProblem(
            f"{program.path} is no program of this machine",
            hint="a script needs a first line such as #!/bin/sh",
        )
    if not program.folder.is_dir():
        return TaskProblem(
            f"the folder {program.folder} is not there", hint="run agx in a folder that exists"
        )
    return TaskProblem(
        f"{program.path} cannot be started: {error.strerror}", hint="check the program's rights"
    )
