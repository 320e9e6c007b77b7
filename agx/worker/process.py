"""One worker process as its parent sees it: started at once, before anything heavy is imported."""

from __future__ import annotations

import signal
import subprocess
from collections import deque
from typing import IO

from agx.requests import LoadRequest
from agx.worker.channel import Channel, Death, start_thread
from agx.worker.protocol import load_frame
from agx.worker.starting import start_process

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


def spawn(load: LoadRequest, started: subprocess.Popen[bytes] | None = None) -> WorkerProcess:
    """Start a worker, or take the one that was started, and send it `load`; returns at once.

    Raises as `start_process`.
    """
    process = WorkerProcess(started or start_process(), load.absolute())
    process.send(load_frame(process.load))
    return process


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
