"""A worker never outlives its parent, whatever killed that and whatever native code does.

Three ways, because each alone has a hole:

- The end of the input pipe, seen by `agx.worker.main`. A child that the parent forked without exec
  keeps a copy of the pipe's other end, and then it never comes.
- Asking four times a second for the parent's process id, which changes when the parent is gone
  (not on Windows). It needs the interpreter lock, as the first way does, and native code that
  holds the lock for long delays both.
- On Linux the kernel's own parent-death signal, which needs nothing of this process. The kernel
  sends it when the *thread* that started the worker ends, so the parent allows it only where that
  is its main thread.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

POLL_SECS = 0.25
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int, *, started_by_main_thread: bool) -> None:
    """Arrange that this process ends within a second of the process `parent_pid`."""
    if started_by_main_thread and sys.platform == "linux":
        _ask_kernel_for_death_signal()
    if sys.platform == "win32":
        return
    if os.getppid() != parent_pid:
        leave()
    threading.Thread(target=_watch, args=(parent_pid,), name="agx-watchdog", daemon=True).start()


def leave() -> None:
    """End this process now, without finalisers: native code may hold any of its threads."""
    os._exit(0)


def _ask_kernel_for_death_signal() -> None:
    import ctypes  # noqa: PLC0415  only Linux needs it here

    # The C library of the process itself: this loads nothing.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(POLL_SECS)
    leave()
