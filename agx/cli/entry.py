"""Where the `agx` command begins: an interrupt ends it with its exit code from the first moment on."""

from __future__ import annotations

from agx.cli.signals import left_at_once


def main() -> None:
    """Import the command line and run it; does not come back."""
    with left_at_once():
        from agx.cli import app  # noqa: PLC0415  the import is what may be interrupted
    app.main()
