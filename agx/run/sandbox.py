"""The sandbox: bubblewrap around every program, for runs that ask for it.

Inside there is no network and no other process. The file system can be read, but only the working directory
can be written. `/tmp` and `/run` are private and empty, since services have their sockets there, through
which a program could get out. `/proc` is read-only, since root could set kernel parameters there.
Source: https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from agx.errors import Unsupported, UsageError
from agx.run.record import TaskProblem
from agx.unix.special_files import SINKS

_PROBE_SECS = 20
_HIDDEN = ("/tmp", "/run")  # noqa: S108  hidden, not used


class Sandbox:
    """Bubblewrap with a folder that may be written."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self._folder = folder

    def __repr__(self) -> str:
        return f"<Sandbox in {self._folder}>"

    def argv(self, command: Sequence[str]) -> list[str]:
        """Return the argument vector that runs a command, whose program is a path, in the sandbox."""
        folder = str(self._folder)
        return [
            *(self.program, "--ro-bind", "/", "/", "--dev", "/dev"),
            *("--proc", "/proc", "--remount-ro", "/proc"),
            *(word for hidden in _HIDDEN for word in ("--tmpfs", hidden)),
            *("--bind", folder, folder, "--chdir", folder),
            *("--unshare-all", "--cap-drop", "ALL", "--die-with-parent", "--", *command),
        ]

    def check_program(self, program: str) -> None:
        """Raise `Unsupported` for a program in one of the folders that are empty in the sandbox."""
        for place in (Path(program), Path(program).resolve()):
            is_hidden = any(place.is_relative_to(hidden) for hidden in _HIDDEN)
            if is_hidden and not place.is_relative_to(self._folder):
                raise Unsupported(
                    f"{program} lies in a folder that the sandbox hides; nothing was run",
                    hint="move the program elsewhere, or run without --sandbox",
                )

    def check_path(self, path: Path) -> None:
        """Raise `TaskProblem` for a file that a task may not write; AGX opens it outside the sandbox."""
        if str(path) in SINKS:
            return
        # `resolve` would raise for a circle of links; opening such a file fails by itself.
        if not Path(os.path.realpath(path)).is_relative_to(self._folder):
            raise TaskProblem(
                f"{path} lies outside the working directory, where the sandbox lets nothing be written",
                hint="save inside the working directory, or run without --sandbox",
            )


async def open_sandbox(folder: Path) -> Sandbox:
    """Return a sandbox that works here, in an absolute folder.

    Raises `Unsupported` where bubblewrap is not installed or this machine does not let it make a
    sandbox, `UsageError` where the working directory is the whole file system.
    """
    if folder == Path("/"):
        raise UsageError(
            "in the folder / a sandbox would let everything be written",
            hint="run agx in a folder of your own",
        )
    program = shutil.which("bwrap")
    if program is None:
        raise Unsupported(
            "there is no sandbox: bubblewrap (bwrap) is not installed",
            hint="install it (Debian, Fedora: bubblewrap; Linux only), or run without --sandbox",
        )
    sandbox = Sandbox(program, folder)
    complaint = await asyncio.to_thread(_complaint, sandbox)
    if complaint is not None:
        raise Unsupported(
            f"bubblewrap cannot make a sandbox on this machine: {complaint}",
            hint="it needs user namespaces, which containers often lack; run without --sandbox",
        )
    return sandbox


def _complaint(sandbox: Sandbox) -> str | None:
    """Return what bubblewrap complains about when it runs a program that does nothing; None if it works."""
    nothing = shutil.which("true", path=os.defpath)
    if nothing is None:
        return "there is no program `true` to try it with"
    try:
        done = subprocess.run(
            sandbox.argv([nothing]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            timeout=_PROBE_SECS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.decode(errors="replace").split("\n")
    return None if done.returncode == 0 else (lines[0] or f"it ended with exit code {done.returncode}")
