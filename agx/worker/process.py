"""One worker process as its parent sees it: started at once, before anything heavy is imported."""

from __future__ import annotations

import os
import signal
import site
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO

from agx.errors import MachineError, Unsupported
from agx.requests import LoadRequest
from agx.worker.channel import Channel, Death, start_thread
from agx.worker.protocol import load_frame

LOG_LINES = 200
LOG_LINE_BYTES = 4096
# How long a process whose pipe has ended may take to be gone, and its log to be read to the end.
REAP_SECS = 0.2


class WorkerProcess(Channel):
    """A running worker, which is this process's own."""

    def __init__(self, popen: subprocess.Popen[bytes], load: LoadRequest) -> None:
        super().__init__(load)
        self._popen = popen
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._log_thread = start_thread(self._read_log, "log")
        self._open(_opened(popen.stdout), _opened(popen.stdin))

    def __repr__(self) -> str:
        return f"<WorkerProcess pid={self.pid} {'running' if self.death is None else self.death}>"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that it wrote to its standard error."""
        return tuple(self._log)

    def kill(self) -> None:
        """End the process now; nothing happens when it has gone."""
        self._popen.kill()
        self.close()

    def _ended(self, problem: str) -> Death:
        if problem:
            self._log.append(problem)
        code = self._wait()
        self._log_thread.join(timeout=REAP_SECS)
        line = self._log[-1] if self._log else ""
        number = -code if code < 0 else 0
        return Death(_signal_name(number), None if number else code, line)

    def _wait(self) -> int:
        """Return the exit code; a process that closed its pipe and stays is killed."""
        try:
            return self._popen.wait(timeout=REAP_SECS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()

    def _read_log(self) -> None:
        with _opened(self._popen.stderr) as pipe:
            while line := pipe.readline(LOG_LINE_BYTES):
                text = line.decode("utf-8", "replace").strip()
                if text:
                    self._log.append(text)


def spawn(load: LoadRequest) -> WorkerProcess:
    """Start a worker and send it `load`; returns at once.

    Raises `Unsupported` where there is no Python to run, and `MachineError` when it does not start.
    """
    python = python_executable()
    on_main_thread = threading.current_thread() is threading.main_thread()
    try:
        popen = subprocess.Popen(
            [python, "-P", "-m", "agx.worker", str(os.getpid()), str(int(on_main_thread))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(),
        )
    except OSError as error:
        raise MachineError(f"the worker process cannot be started: {error}") from error
    process = WorkerProcess(popen, load.absolute())
    process.send(load_frame(process.load))
    return process


def python_executable() -> str:
    """Return the Python that runs this program; raises `Unsupported` where there is none to run."""
    if not sys.executable:
        raise Unsupported(
            "this program has no Python executable to start the worker with",
            hint="run AGX with an ordinary Python interpreter",
        )
    return sys.executable


def worker_environment() -> dict[str, str]:
    """Return the worker's environment: ours, with what llama.cpp reads before it is loaded.

    Spinning OpenMP threads make a plan 80 times slower on a busy machine, and an abort of ggml
    starts a debugger to print the stack unless it is told not to.
    """
    env = {"OMP_WAIT_POLICY": "passive"} | os.environ | {"GGML_NO_BACKTRACE": "1"}
    package_parent = str(Path(__file__).resolve().parents[2])
    if package_parent not in _installed_folders():
        # `-P` takes the current folder off the path, and AGX may have been imported from there.
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (package_parent, env.get("PYTHONPATH"))))
    return env


def _installed_folders() -> set[str]:
    """Return the folders that every process of this Python finds packages in."""
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return {str(Path(folder).resolve()) for folder in folders}


def _signal_name(number: int) -> str | None:
    if number == 0:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "spawn opens all three pipes"
    return pipe
