"""Where the `agx` command begins: an interrupt ends it with its exit code from the first moment on.

While modules are imported, Python would print a traceback, or lose the interrupt in a callback of
the import system.
"""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Import the command line and run it; does not come back."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, _frame: os._exit(128 + number))
    from agx.cli.main import main as run  # noqa: PLC0415  the import is what may be interrupted

    signal.signal(signal.SIGINT, handler)
    run()
