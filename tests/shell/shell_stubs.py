"""Real shells with stubs for tools: each stub notes its arguments and its input, and says its line."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"needs {name}"))
    for name in ("dash", "bash")
]
_STUB = """\
#!/bin/sh
me=$NOTES/${{0##*/}}
printf x >> "$me.runs"
for one; do printf '%s\\0' "$one"; done > "$me.args"
{cat} > "$me.in"
if [ -f "$me.out" ]; then {cat} "$me.out"; fi
"""


class Noted(NamedTuple):
    """What one stub saw: its arguments, its input, and how often it ran."""

    args: list[str]
    stdin: str
    runs: int


class Stubs:
    """A folder `work` to run in, with stubs on the path and nothing else but what shells need."""

    def __init__(self, folder: Path, names: Iterable[str], outputs: Mapping[str, str] | None = None) -> None:
        self.work = folder / "work"
        self._bin, self._notes = folder / "bin", folder / "notes"
        for made in (self.work, self._bin, self._notes):
            made.mkdir(parents=True)
        self._link("mktemp", "rm", "cat")
        cat = shutil.which("cat")
        assert cat is not None
        for name in names:
            stub = self._bin / name
            stub.unlink(missing_ok=True)
            stub.write_text(_STUB.format(cat=cat))
            stub.chmod(0o755)
        for name, text in (outputs or {}).items():
            (self._notes / f"{name}.out").write_bytes(text.encode())

    def _link(self, *tools: str) -> None:
        for tool in tools:
            path = shutil.which(tool)
            assert path is not None
            (self._bin / tool).symlink_to(path)

    def run(self, text: str, *, shell: str, options: Iterable[str] = (), **variables: str) -> str:
        """Run shell text from a file, with an empty standard input; gives its output."""
        path = shutil.which(shell)
        assert path is not None
        script = self._notes.parent / "script"
        script.write_bytes(text.encode())
        done = subprocess.run(
            [path, *options, str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.work,
            env={"PATH": str(self._bin), "NOTES": str(self._notes), "LC_ALL": "C", **variables},
            check=False,
            timeout=60,
        )
        assert done.stderr.decode() == "", text
        return done.stdout.decode()

    def noted(self, name: str) -> Noted:
        """Return what the stub of this name saw."""
        args = (self._notes / f"{name}.args").read_bytes().decode().split("\0")[:-1]
        stdin = (self._notes / f"{name}.in").read_bytes().decode()
        return Noted(args, stdin, len((self._notes / f"{name}.runs").read_bytes()))
