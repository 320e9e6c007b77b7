"""Starting the worker's process, before anything is known of what it is to load.

Its interpreter and its imports take longer than ours, so a command that will need it starts it first of all.
This module therefore imports next to nothing.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
import threading

from agx.errors import MachineError, Unsupported

_PACKAGE_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120  pathlib takes as long to import as all of this


def start_process() -> subprocess.Popen[bytes]:
    """Start a worker that waits for its load; returns at once.

    Raises `Unsupported` where there is no Python to run, and `MachineError` when it does not start.
    """
    python = python_executable()
    on_main_thread = threading.current_thread() is threading.main_thread()
    try:
        return subprocess.Popen(
            [python, "-P", "-m", "agx.worker", str(os.getpid()), str(int(on_main_thread))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(),
        )
    except OSError as error:
        raise MachineError(f"the worker process cannot be started: {error}") from error


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a worker that nobody has given a load."""
    process.kill()
    process.communicate()


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
    if os.path.realpath(_PACKAGE_PARENT) not in _installed_folders():
        # `-P` takes the current folder off the path, and AGX may have been imported from there.
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (_PACKAGE_PARENT, env.get("PYTHONPATH"))))
    return env


def _installed_folders() -> set[str]:
    """Return the folders that every process of this Python finds packages in."""
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return set(map(os.path.realpath, folders))
