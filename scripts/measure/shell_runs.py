"""Runs a command in bash, and its plan's shell text in dash, and compares what the tools get.

No tool runs: the path has nothing but stubs, each of which notes its name, its arguments and its
input, and prints one word made of these, so that what flows through pipes and substitutions is
compared as well. The command itself is not trusted: it runs in a restricted bash, which refuses
redirections and names with a slash, in a folder of its own, and only if all its names are stubs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from agx.plan.schema import Argument, Env, Glob, Plan, Task, Text
from agx.shell.parse import ShellReading, read_shell
from agx.shell.refusals import NotAPlan
from agx.shell.render import plan_shell

FILES = ("a b.txt", "c.txt", "d.c", "e", "-f.jpg", ".hidden")
# Built into a shell, and replaced by functions there.
_FUNCTIONS = ("echo", "printf", "test", "true", "false", "pwd", "kill", "type")
# Built into bash or dash otherwise, or keywords: these cannot be replaced in both.
_BUILT_IN = frozenset(
    "alias bg bind break builtin caller cd chdir command compgen complete compopt continue declare dirs "
    "disown enable eval exec exit export fc fg getopts hash help history jobs let local logout mapfile popd "
    "pushd read readarray readonly return set shift shopt source suspend time times trap typeset ulimit "
    "umask unalias unset wait coproc".split()
)
_NAME = re.compile(r"[a-z][a-z0-9_.+-]*")
_TIMEOUT_SECS = 30
# dash finds `.` and `..` for `.*`, bash does not any more.
_FOLDERS_TOO = re.compile(r"(^|/)\.[*?\[]")
_STUB = """\
#!/bin/sh
name=${{0##*/}}
if [ "$name" = agx-stub ]; then name=$1; shift; fi
{{ printf '%s\\0' "$name" "$@"; printf '\\n'; {cat}; }} > "$NOTES/$$"
set -- $({cksum} < "$NOTES/$$")
printf 'w%s\\n' "$1"
"""


class Outcome(NamedTuple):
    """What became of one command: `same`, `different`, or why it was not run."""

    command: str
    result: str
    written: str = ""
    seen: tuple[list[bytes], list[bytes]] = ([], [])


def compared(commands: Iterable[str]) -> list[Outcome]:
    """Compare each command with its plan."""
    with TemporaryDirectory() as folder:
        stubs = _Stubs(Path(folder))
        return [_compare(command, stubs) for command in commands]


def _compare(command: str, stubs: _Stubs) -> Outcome:
    try:
        reading = read_shell(command)
    except NotAPlan:
        return Outcome(command, "no plan")
    reason = _not_run(command, reading)
    if reason:
        return Outcome(command, reason)
    written = plan_shell(reading.plan)
    names = {task.command for task in reading.plan.tasks}
    variables = {name: f"v{name}" for name in _variables(reading.plan)} | {"HOME": "/home/x"}
    seen = (
        stubs.run(["bash", "--restricted", "--noprofile", "--norc"], command, names, variables),
        stubs.run(["dash"], written, names, variables),
    )
    return Outcome(command, "same" if seen[0] == seen[1] else "different", written, seen)


def _not_run(command: str, reading: ShellReading) -> str:
    """Return why a command is not run: it could do harm, or is known to be taken otherwise."""
    plan, rules = reading.plan, {finding.rule for finding in reading.findings}
    names = {task.command for task in plan.tasks}
    has_stubs = all(_NAME.fullmatch(name) for name in names) and not names & _BUILT_IN
    checks = {
        "a name that has no stub": not has_stubs or "tool-path" in rules,
        "a redirection": _has_redirection(command),
        "the path, which has only stubs": "PATH" in _variables(plan),
        "an unquoted pattern that goes to the tool": "pattern" in rules,
        "a pattern for which shells differ": any(
            _FOLDERS_TOO.search(part.glob) for part in _parts(plan.tasks) if isinstance(part, Glob)
        ),
        "a substitution that could read a pipe": "substitution-input" in rules,
    }
    return next((f"not run: {reason}" for reason, is_so in checks.items() if is_so), "")


def _has_redirection(command: str) -> bool:
    """Return whether there is a `<` or `>` outside of simple quotes: rather too often than not."""
    return re.search(r"[<>]", re.sub(r"'[^']*'|\\.|\"[^\"$`\\]*\"", "", command)) is not None


def _variables(plan: Plan) -> set[str]:
    return {part.env for part in _parts(plan.tasks) if isinstance(part, Env)}


def _parts(tasks: Iterable[Task]) -> Iterator[Argument]:
    for item in (item for task in tasks for item in task.args):
        yield from item.text if isinstance(item, Text) else (item,)


class _Stubs:
    """A folder to run in, and stubs that are made as they are needed."""

    def __init__(self, folder: Path) -> None:
        self._work, self._bin, self._notes = folder / "work", folder / "bin", folder / "notes"
        self._script = folder / "script"
        for made in (self._work, self._bin, self._notes):
            made.mkdir()
        for name in FILES:
            (self._work / name).touch()
        tools = {tool: shutil.which(tool) or tool for tool in ("cat", "cksum")}
        self._stub = self._bin / "agx-stub"
        self._stub.write_text(_STUB.format(**tools))
        self._stub.chmod(0o755)

    def run(
        self, shell: list[str], text: str, names: Iterable[str], variables: Mapping[str, str]
    ) -> list[bytes]:
        """Run a text and return what the stubs noted, sorted."""
        for name in {*names, "echo"}:
            stub = self._bin / name
            if not stub.exists():
                os.link(self._stub, stub)
        functions = "".join(f'{name}() {{ agx-stub {name} "$@"; }}\n' for name in _FUNCTIONS)
        self._script.write_text(functions + text + "\n")
        done = subprocess.run(
            [shutil.which(shell[0]) or shell[0], *shell[1:], str(self._script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self._work,
            env={"PATH": str(self._bin), "NOTES": str(self._notes), "LC_ALL": "C.UTF-8", **variables},
            check=False,
            timeout=_TIMEOUT_SECS,
        )
        noted = sorted(note.read_bytes() for note in self._notes.iterdir())
        for note in self._notes.iterdir():
            note.unlink()
        return [*noted, done.stdout, done.stderr.replace(os.fsencode(self._script), b"")]
