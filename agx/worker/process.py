"""One worker process as its parent sees it: started at once, read and written by threads.

This module imports neither asyncio nor pydantic, so a program can `spawn` the worker before
anything else and import the rest while the model loads. Threads do the reading and the writing:
they work under every event loop and before there is one, and a worker that stops reading never
blocks the caller.
"""

from __future__ import annotations

import os
import signal
import site
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import IO, NamedTuple, Protocol

from agx.errors import MachineError, Unsupported
from agx.requests import LoadRequest
from agx.worker.protocol import Frame, FrameError, FrameReader, encode, load_frame

READ_BYTES = 1 << 16
LOG_LINES = 200
LOG_LINE_BYTES = 4096
# How long a process whose pipe has ended may take to be gone, and its log to be read to the end.
REAP_SECS = 0.2


class Death(NamedTuple):
    """How a worker ended: by which signal, else with which exit code, and its last log line."""

    signal: str | None
    exit_code: int | None
    last_log_line: str


class Listener(Protocol):
    """Who hears a worker. Both are called in the reading thread, `died` once and last."""

    def heard(self, frames: list[Frame]) -> None:
        """Take the next frames."""

    def died(self, death: Death) -> None:
        """Take the news that the process has ended."""


class WorkerProcess:
    """A running worker. Everything here returns at once and may be called from any thread."""

    def __init__(self, popen: subprocess.Popen[bytes], load: LoadRequest) -> None:
        self.load = load
        self._popen = popen
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._lock = threading.Lock()
        self._listener: Listener | None = None
        self._unheard: list[Frame] = []
        self._death: Death | None = None
        self._log_thread = _start(self._read_log, "log")
        _start(self._write, "writer")
        _start(self._read, "reader")

    def __repr__(self) -> str:
        return f"<WorkerProcess pid={self.pid} {'running' if self.death is None else self.death}>"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def death(self) -> Death | None:
        """How it ended, or None while it runs."""
        return self._death

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that it wrote to its standard error."""
        return tuple(self._log)

    def send(self, frame: Frame) -> None:
        """Send a frame; raises `FrameError`. A worker that has ended takes it and says nothing."""
        self._outbox.put(encode(frame))

    def listen(self, listener: Listener) -> None:
        """Tell `listener` what has been heard so far and, from now on, whatever comes."""
        with self._lock:
            self._listener = listener
            if self._unheard:
                listener.heard(self._unheard)
            self._unheard = []
            if self._death is not None:
                listener.died(self._death)

    def close(self) -> None:
        """Ask the process to leave, by ending its input."""
        self._outbox.put(None)

    def kill(self) -> None:
        """End the process now; nothing happens when it has gone."""
        self._popen.kill()
        self.close()

    def _write(self) -> None:
        try:
            with _opened(self._popen.stdin) as pipe:
                while (data := self._outbox.get()) is not None:
                    pipe.write(data)
                    pipe.flush()
        except BrokenPipeError:
            # The worker is gone. The reading thread sees that, too, and says how.
            return

    def _read(self) -> None:
        pipe = _opened(self._popen.stdout)
        reader = FrameReader()
        with pipe:
            try:
                while data := os.read(pipe.fileno(), READ_BYTES):
                    self._deliver(reader.feed(data))
            except FrameError as error:
                self._log.append(f"the worker wrote what is no frame: {error}")
        self._bury()

    def _deliver(self, frames: list[Frame]) -> None:
        with self._lock:
            if self._listener is None:
                self._unheard += frames
            elif frames:
                self._listener.heard(frames)

    def _bury(self) -> None:
        self._outbox.put(None)
        code = self._wait()
        self._log_thread.join(timeout=REAP_SECS)
        line = self._log[-1] if self._log else ""
        number = -code if code < 0 else 0
        death = Death(_signal_name(number), None if number else code, line)
        with self._lock:
            self._death = death
            if self._listener is not None:
                self._listener.died(death)

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
    if not sys.executable:
        raise Unsupported(
            "this program has no Python executable to start the worker with",
            hint="run AGX with an ordinary Python interpreter",
        )
    on_main_thread = threading.current_thread() is threading.main_thread()
    try:
        popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "agx.worker", str(os.getpid()), str(int(on_main_thread))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
        )
    except OSError as error:
        raise MachineError(f"the worker process cannot be started: {error}") from error
    process = WorkerProcess(popen, load.absolute())
    process.send(load_frame(process.load))
    return process


def _environment() -> dict[str, str]:
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


def _start(target: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=target, name=f"agx-worker-{name}", daemon=True)
    thread.start()
    return thread


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "spawn opens all three pipes"
    return pipe
